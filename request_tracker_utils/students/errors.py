"""What can go wrong with students and devices.

`message` is the sentence that programs know from before; where it says little, `reason` tells a person what is the matter and what to do.
"""

from request_tracker_utils.core.errors import AppError, Conflict, Invalid, NotFound


class FieldUnfit(Invalid):
    """A field is missing, or holds what it must not; `field` names it."""

    code = "field_unfit"


class StudentNotFound(NotFound):
    """No student has this number."""

    code = "student_not_found"


class DeviceNotFound(NotFound):
    """No device has this tag or serial number."""

    code = "device_not_found"


class StudentExists(Conflict):
    """Another student has this number, perhaps written with other capitals."""

    code = "student_exists"


class DeviceExists(Conflict):
    """Another device has this tag, or this asset of the directory."""

    code = "device_exists"


class StudentHoldsDevice(Conflict):
    """The student still has devices: take them back first."""

    code = "student_holds_device"


class DeviceHeld(Conflict):
    """A student has the device: take it back first."""

    code = "device_held"


class DeviceNotAvailable(AppError):
    """The device cannot be given out: somebody has it, it is being mended, or it is retired. `reason` says which."""

    status, code = 400, "device_not_available"


class StudentInactive(AppError):
    """The student has left. Make the student active again first."""

    status, code = 400, "student_inactive"


class NotWithStudent(NotFound):
    """There is no such device, or this student does not have it."""

    code = "not_with_student"


class SerialAmbiguous(Conflict):
    """Several devices have this serial number: use the tag."""

    code = "serial_ambiguous"


class NotHeld(Conflict):
    """Nobody has the device."""

    code = "not_held"


class ChangeNotFound(NotFound):
    """There is no such entry in the record of devices."""

    code = "change_not_found"


class ChangeNotUndoable(Conflict):
    """The device has changed since, or the change was taken back already."""

    code = "change_not_undoable"


class CodeUnreadable(NotFound):
    """What was scanned is empty, too long, or holds signs that no code has."""

    code = "code_unreadable"


class CodeUnknown(NotFound):
    """What was scanned is no student and no device."""

    code = "code_unknown"


class ScansTogether(Conflict):
    """Two scans came as one; `scans` names both. Neither was done."""

    code = "scans_together"


class NobodyChosen(Conflict):
    """A device was scanned before the student who is to have it."""

    code = "nobody_chosen"


class ScanTwice(Conflict):
    """This `scan_id` belongs to another scan, which is being done."""

    code = "scan_twice"


def told(error: AppError) -> str:
    """What a person is told: the reason where there is one."""
    return str(error.fields.get("reason") or error.message)
