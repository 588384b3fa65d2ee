"""`scope:resource:action`."""

from enum import StrEnum


class StudentPermission(StrEnum):
    READ = "students:student:read"
    EDIT = "students:student:edit"
    HAND_OUT = "students:device:hand-out"
    """Give devices to students, and take them back."""
    OVERRIDE = "students:device:override"
    """Set who has a device in spite of what stands against it."""
