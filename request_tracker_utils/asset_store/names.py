"""Names of jobs and health checks."""

CHECK_JOB = "check-asset-store"
HEALTH_CHECK = "asset_store"
