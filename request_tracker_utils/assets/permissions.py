"""Permissions of assets, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class AssetPermission(StrEnum):
    READ = "assets:asset:read"
    """Search and view assets."""
    OPEN = "assets:asset:open"
    """Open the page of an asset from its label. People who may not view assets are redirected to the page of their own device."""
    HOLDERS = "assets:holder:read"
    """View the holders of assets, who are users of Request Tracker, and search by them."""
    CREATE = "assets:asset:create"
    """Create assets, one by one or from a list."""


GRANTS = {
    "admin": frozenset(AssetPermission),
    "staff": frozenset(AssetPermission),
    "teacher": frozenset({AssetPermission.READ, AssetPermission.OPEN}),
    "student": frozenset({AssetPermission.OPEN}),
}
