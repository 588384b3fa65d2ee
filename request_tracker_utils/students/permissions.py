"""`scope:resource:action`."""

from enum import StrEnum


class StudentPermission(StrEnum):
    READ = "students:student:read"
    EDIT = "students:student:edit"
    ASSIGN = "students:device:hand-out"
    """Assign and return devices."""
    OVERRIDE = "students:device:override"
    """Reassign a device regardless of its status and its current student."""
