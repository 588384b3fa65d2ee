"""Permissions of administration, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class AdministrationPermission(StrEnum):
    STATUS = "administration:status:read"
    """View the status page."""
    JOBS = "administration:job:run"
    """View and run jobs."""
    SETTINGS = "administration:settings:read"
    """View the settings."""
    CHANGE_SETTINGS = "administration:settings:change"
    """Change the settings that can be entered on a page."""
    DATA = "administration:data:read"
    """View and export every table."""
    ACCESS = "administration:access:read"
    """View permissions and routes of roles."""
    METRICS = "administration:metrics:read"
    """Read the metrics."""


GRANTS = {"admin": frozenset(AdministrationPermission)}
