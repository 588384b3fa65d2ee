"""`scope:resource:action`. To take lists out, reading students is enough."""

from enum import StrEnum


class RosterPermission(StrEnum):
    IMPORT = "rosters:roster:import"
    TURN_YEAR = "rosters:year:turn"
    """Have all students go up a grade, and take that back."""
