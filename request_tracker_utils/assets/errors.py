"""What can go wrong when assets are created."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable


class FieldMissing(Invalid):
    """A field that is needed is empty; `field` names it."""

    code = "field_missing"


class FieldUnfit(Invalid):
    """A field holds what it must not; `field` names it, `validation_rule` says what holds for it."""

    code = "field_unfit"


class SerialInFlight(Conflict):
    """An asset with this serial number is being created at this moment, or what became of it is being found out."""

    code = "serial_in_flight"


class SerialTwice(Conflict):
    """Two entries of one list have the same serial number."""

    code = "serial_twice"


class CreationUnknown(Unavailable):
    """The directory did not answer: whether the asset exists is being found out, and its tag and serial number are kept until then."""

    code = "creation_unknown"


class IntakeNotFound(NotFound):
    """There is no such list, or it is so old that it was put away."""

    code = "intake_not_found"


class IntakeStarted(Conflict):
    """The assets of this list are being created, or were; `task_id` names the task."""

    code = "intake_started"
