"""What can go wrong with lists of students and devices, and with the turn of the year."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class RosterNotFound(NotFound):
    """There is no such list, or it is so old that it was put away."""

    code = "roster_not_found"


class RosterBusy(Conflict):
    """The list is being checked or imported; `task_id` names the task."""

    code = "roster_busy"


class RosterUnchecked(Conflict):
    """Nobody has looked yet what the list would change."""

    code = "roster_unchecked"


class ColumnUnfit(Invalid):
    """The columns are mapped so that the list cannot be read; `field` says which is missing or chosen twice."""

    code = "column_unfit"


class YearTaken(Conflict):
    """The grades have gone up for this school year already."""

    code = "year_taken"


class YearNotFound(NotFound):
    """There is no such turn of the year."""

    code = "year_not_found"


class YearNotLast(Conflict):
    """The turn was taken back already, or another one came after it."""

    code = "year_not_last"
