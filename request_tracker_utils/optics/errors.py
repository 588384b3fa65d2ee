"""Errors of optics requests."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class InvalidOpticsField(Invalid):
    """A field of a request or of the list of parts cannot be stored; `field` names it. For an unknown part, `parts` is the list."""

    code = "invalid_optics_field"


class OpticsRequestNotFound(NotFound):
    """No request has this ID."""

    code = "optics_request_not_found"


class OpticsStepNotOpen(Conflict):
    """The request is in another state; `open_steps` are the actions that are open."""

    code = "step_not_open"


class OpticsPartExists(Conflict):
    """The list already has a part with this name, possibly in different case."""

    code = "optics_part_exists"


class OpticsPartNotFound(NotFound):
    """The list has no such part: somebody may have removed it."""

    code = "optics_part_not_found"
