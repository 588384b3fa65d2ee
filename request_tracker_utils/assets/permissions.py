"""Permissions of assets, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class AssetPermission(StrEnum):
    READ = "assets:asset:read"
    CREATE = "assets:asset:create"


GRANTS = {
    "admin": frozenset(AssetPermission),
    "staff": frozenset(AssetPermission),
    "teacher": frozenset({AssetPermission.READ}),
}
