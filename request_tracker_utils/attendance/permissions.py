"""Permissions of the attendance bridge, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class AttendancePermission(StrEnum):
    READ = "attendance:punches:read"
    """View terminals, the punches of all people, and what has to be reviewed. Attendance is personal data."""
    POLL = "attendance:terminals:poll"
    """Poll and test terminals."""
    MANAGE = "attendance:terminals:manage"
    """Add, change and delete terminals, accept replaced and pushing ones, set and repair clocks, review punches, and change
    people and their user IDs."""


GRANTS = {
    "admin": frozenset(AttendancePermission),
    "staff": frozenset({AttendancePermission.READ, AttendancePermission.POLL}),
}
