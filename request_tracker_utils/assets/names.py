"""Names by which other rooms know this one."""

RECOVER_CREATIONS = "recover-creations"
"""The job that finds out whether assets exist that Request Tracker did not confirm."""
DELETE_OLD_CREATIONS = "delete-old-creations"
DELETE_OLD_IMPORTS = "delete-old-asset-imports"
