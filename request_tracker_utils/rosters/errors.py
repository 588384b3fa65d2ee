"""Errors of rollovers."""

from request_tracker_utils.core.errors import Conflict, NotFound


class RolloverExists(Conflict):
    """Students were already promoted for this school year."""

    code = "year_taken"


class RolloverNotFound(NotFound):
    """The rollover does not exist."""

    code = "year_not_found"


class RolloverNotUndoable(Conflict):
    """The rollover was already undone, or it is not the last one."""

    code = "year_not_last"
