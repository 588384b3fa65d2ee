"""Errors of rollovers."""

from request_tracker_utils.core.errors import Conflict, NotFound


class RolloverExists(Conflict):
    """Students were promoted for this school year already."""

    code = "year_taken"


class RolloverNotFound(NotFound):
    """There is no such rollover."""

    code = "year_not_found"


class RolloverNotUndoable(Conflict):
    """The rollover was undone already, or another one came after it."""

    code = "year_not_last"
