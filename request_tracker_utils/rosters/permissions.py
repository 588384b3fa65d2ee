"""Permissions of rosters, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class RosterPermission(StrEnum):
    IMPORT = "rosters:roster:import"
    """Import students and devices, and undo imports."""
    EXPORT = "rosters:roster:export"
    """Download all students, all devices with their students, or their whole history; view former students who still have devices."""
    ROLL_OVER = "rosters:year:turn"
    """Promote all students to the next grade, and undo that."""


GRANTS = {"admin": frozenset(RosterPermission), "staff": frozenset({RosterPermission.IMPORT, RosterPermission.EXPORT})}
