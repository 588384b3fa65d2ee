"""Names of this room's jobs."""

DELETE_OLD_IMPORTS = "delete-old-imports"
