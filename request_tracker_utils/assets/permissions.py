"""`scope:resource:action`."""

from enum import StrEnum


class AssetPermission(StrEnum):
    READ = "assets:asset:read"
    CREATE = "assets:asset:create"
