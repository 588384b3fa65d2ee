# RequestTracker Utils assigns a tag to each new asset. Copy this to RT_SiteConfig.pm, or to a separate file in RT_SiteConfig.d.
Plugin('RT::Extension::AssetTagWebhook');
Set($AssetTagWebhookURL,   '@WEBHOOK_URL@');
Set($AssetTagWebhookToken, '@WEBHOOK_TOKEN@');
# Catalogs whose assets get a tag; an empty list means all catalogs.
Set($AssetTagWebhookCatalogs, []);
# Maximum time in seconds that creating an asset waits.
Set($AssetTagWebhookTimeout, 5);
# 'inside' calls the webhook before the asset is committed, 'after' calls it afterwards.
Set($AssetTagWebhookStage, 'inside');
1;
