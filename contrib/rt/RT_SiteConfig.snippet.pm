# RequestTracker Utils gives each new asset its tag. Into RT_SiteConfig.pm, or a file of its own in RT_SiteConfig.d.
Plugin('RT::Extension::AssetTagWebhook');
Set($AssetTagWebhookURL,   '@WEBHOOK_URL@');
Set($AssetTagWebhookToken, '@WEBHOOK_TOKEN@');
# Only the assets of these catalogs; an empty list means all of them.
Set($AssetTagWebhookCatalogs, []);
# Seconds that creating an asset waits at most.
Set($AssetTagWebhookTimeout, 5);
# 'inside' asks before the asset is committed, 'after' once it is.
Set($AssetTagWebhookStage, 'inside');
1;
