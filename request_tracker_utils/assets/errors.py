"""Errors of creating and importing assets."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable


class FieldMissing(Invalid):
    """A required field is empty; `field` names it."""

    code = "field_missing"


class FieldInvalid(Invalid):
    """A field has an invalid value; `field` names it, `validation_rule` is the rule that it breaks."""

    code = "field_unfit"


class SerialInFlight(Conflict):
    """Another request is creating an asset with this serial number, or it is not known yet whether it did."""

    code = "serial_in_flight"


class SerialRepeated(Conflict):
    """Two rows of one import have the same serial number."""

    code = "serial_twice"


class CreationUnknown(Unavailable):
    """The asset store did not answer: it is not known yet whether the asset exists. Tag and serial number stay reserved until then."""

    code = "creation_unknown"


class CreationPending(Unavailable):
    """An earlier run of the task was interrupted while it created this asset. It is not known yet whether the asset exists."""

    code = "being_found_out"


class AssetImportNotFound(NotFound):
    """The import does not exist. Old imports are deleted."""

    code = "intake_not_found"


class AssetImportStarted(Conflict):
    """The assets of this import have been created or are being created; `task_id` is the task."""

    code = "intake_started"


class AssetImportDeleted(Conflict):
    """The rows of the list were deleted: once its assets were created, by a person, or after a day."""

    code = "intake_deleted"


class AssetImportUnchecked(Conflict):
    """The serial numbers have not been checked against the asset store yet."""

    code = "intake_unchecked"
