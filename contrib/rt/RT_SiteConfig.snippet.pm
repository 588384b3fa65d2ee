# RequestTracker Utils assigns a tag to each new asset. Copy these lines to RT_SiteConfig.pm or a separate file in RT_SiteConfig.d.
Plugin('RT::Extension::AssetTagWebhook');
Set($AssetTagWebhookURL,   '@WEBHOOK_URL@');
Set($AssetTagWebhookToken, '@WEBHOOK_TOKEN@');
# Catalogs for which the webhook is called. Empty: all catalogs.
Set($AssetTagWebhookCatalogs, []);
# Timeout in seconds.
Set($AssetTagWebhookTimeout, 5);
# 'inside': before the asset is committed. 'after': after the commit.
Set($AssetTagWebhookStage, 'inside');
1;
