"""Permissions of holders, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class HolderPermission(StrEnum):
    LOOK_UP = "holders:user:look-up"
    """Look up users of Request Tracker, and what they hold there."""
    COMPARE = "holders:difference:read"
    """View differences between the students of devices and the holders of their assets."""


GRANTS = {"admin": frozenset(HolderPermission), "staff": frozenset(HolderPermission)}
