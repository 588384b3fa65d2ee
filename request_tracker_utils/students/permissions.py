"""Permissions of students and their devices, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class StudentPermission(StrEnum):
    READ = "students:student:read"
    EDIT = "students:student:edit"
    ASSIGN = "students:device:hand-out"
    """Assign and return devices."""
    OVERRIDE = "students:device:override"
    """Reassign a device regardless of its status and its current student."""


GRANTS = {
    "admin": frozenset(StudentPermission),
    "staff": frozenset(StudentPermission) - {StudentPermission.OVERRIDE},
    "teacher": frozenset({StudentPermission.READ}),
}
