"""Permissions of students and their devices, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class StudentPermission(StrEnum):
    READ = "students:student:read"
    """View lists of devices, and of the students that the caller may see."""
    READ_ALL = "students:student:read-all"
    """View all students, also those who left school, with all notes."""
    OPEN = "students:record:open"
    """Open one student or device by its number or tag, if the caller may see it."""
    OWN = "students:own:read"
    """View one's own record and devices."""
    EDIT = "students:student:edit"
    """Add, change and delete students and devices."""
    ASSIGN = "students:device:hand-out"
    """Assign and return devices."""
    OVERRIDE = "students:device:override"
    """Reassign a device regardless of its status and its current student."""


GRANTS = {
    "admin": frozenset(StudentPermission) - {StudentPermission.OWN},
    "staff": frozenset(StudentPermission) - {StudentPermission.OWN, StudentPermission.OVERRIDE},
    "teacher": frozenset({StudentPermission.READ, StudentPermission.OPEN}),
    "student": frozenset({StudentPermission.OPEN, StudentPermission.OWN}),
}
