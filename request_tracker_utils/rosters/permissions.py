"""`scope:resource:action`. Exports only need the permission to read students."""

from enum import StrEnum


class RosterPermission(StrEnum):
    IMPORT = "rosters:roster:import"
    ROLL_OVER = "rosters:year:turn"
    """Promote all students to the next grade, and undo that."""
