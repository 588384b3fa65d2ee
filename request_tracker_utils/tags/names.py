"""Names of the domain's jobs and kinds of tasks."""

ADOPT_TAGS = "adopt-tags"
CONFIRM_TAGS = "confirm-tags"
SWEEP_UNTAGGED = "sweep-untagged"

TAG_ASSETS = "tag-assets"
PREVIEW_SWEEP = "try-sweep"
