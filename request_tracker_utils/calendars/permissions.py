"""Permissions of calendars, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class CalendarPermission(StrEnum):
    READ = "calendars:calendar:read"
    """View calendars and their holidays."""
    MANAGE = "calendars:calendar:manage"
    """Add, change and delete calendars and holidays, also of past days: workdays follow."""


_READ = frozenset({CalendarPermission.READ})
GRANTS = {"admin": frozenset(CalendarPermission), "staff": _READ, "teacher": _READ, "user": _READ}
