"""Errors of students, devices and the scan station.

Existing clients compare `message`. Where it is short, the field `reason` explains what happened and what to do.
"""

from request_tracker_utils.core.errors import AppError, Conflict, Invalid, NotFound


class InvalidField(Invalid):
    """A field is missing or not valid; `field` names it."""

    code = "field_unfit"


class StudentNotFound(NotFound):
    """No student has this number."""

    code = "student_not_found"


class DeviceNotFound(NotFound):
    """No device has this tag or serial number."""

    code = "device_not_found"


class StudentExists(Conflict):
    """Another student has this number, possibly in different case."""

    code = "student_exists"


class DeviceExists(Conflict):
    """Another device has this tag or this asset."""

    code = "device_exists"


class StudentHasDevices(Conflict):
    """The student still has devices. Return them first."""

    code = "student_holds_device"


class DeviceAssigned(Conflict):
    """The device is assigned to a student. Return it first."""

    code = "device_held"


class DeviceNotAvailable(AppError):
    """The device cannot be assigned because it is already assigned, in maintenance or retired. `reason` says which."""

    status, code = 400, "device_not_available"


class StudentInactive(AppError):
    """The student is inactive. Reactivate the student first."""

    status, code = 400, "student_inactive"


class DueDatePast(Conflict):
    """The due date is before today. Correct it, or confirm it with `allow_past_due_date`."""

    code = "due_date_past"


class NotAssignedToStudent(NotFound):
    """The device does not exist or is not assigned to this student."""

    code = "not_with_student"


class AmbiguousSerialNumber(Conflict):
    """Several devices have this serial number. Use the tag."""

    code = "serial_ambiguous"


class AmbiguousAsset(Conflict):
    """Several assets in Request Tracker have this tag or serial number, or the asset and the device with this tag are not the same."""

    code = "asset_ambiguous"


class AssetStoreSilent(AppError):
    """The tag or serial number is unknown here, and Request Tracker did not answer within a second. Nothing was changed."""

    # Not 503: a scan station would send the scan again and again, and the scans after it would wait.
    status, code = 424, "asset_store_silent"


class DeviceNotAssigned(Conflict):
    """The device is not assigned to a student."""

    code = "not_held"


class ChangeNotFound(NotFound):
    """The history does not contain this change."""

    code = "change_not_found"


class ChangeNotUndoable(Conflict):
    """The device has changed since then, or the change was already undone."""

    code = "change_not_undoable"


class UnreadableCode(NotFound):
    """The scanned code is empty, too long, or contains characters that no code has."""

    code = "code_unreadable"


class UnknownCode(NotFound):
    """The scanned code does not match a student or a device."""

    code = "code_unknown"


class MergedScans(Conflict):
    """Two scans arrived as one; `scans` names both. Neither was processed."""

    code = "scans_together"


class NoStudentSelected(Conflict):
    """A device was scanned before a student was selected."""

    code = "nobody_chosen"


class DuplicateScan(Conflict):
    """Another scan with this `scan_id` is being processed."""

    code = "scan_twice"


def explanation(error: AppError) -> str:
    """The text that a person reads: the reason if there is one."""
    return str(error.fields.get("reason") or error.message)
