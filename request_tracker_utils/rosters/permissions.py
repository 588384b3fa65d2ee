"""Permissions of rosters, as `scope:resource:action`, and the roles that have them. Exports need only the permission to read students."""

from enum import StrEnum


class RosterPermission(StrEnum):
    IMPORT = "rosters:roster:import"
    ROLL_OVER = "rosters:year:turn"
    """Promote all students to the next grade, and undo that."""


GRANTS = {"admin": frozenset(RosterPermission), "staff": frozenset({RosterPermission.IMPORT})}
