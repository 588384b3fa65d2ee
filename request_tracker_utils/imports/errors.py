"""Errors of uploaded files and their imports."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class ImportNotFound(NotFound):
    """The uploaded file does not exist, or was deleted after 30 days."""

    code = "roster_not_found"


class ImportBusy(Conflict):
    """A task is previewing or importing the file; `task_id` names it."""

    code = "roster_busy"


class ImportNotPreviewed(Conflict):
    """The changes were not previewed with the current columns, or the file cannot be read to the end."""

    code = "roster_unchecked"


class ImportNotUndoable(Conflict):
    """The import was undone already, or its records have changed since."""

    code = "roster_not_undoable"


class ColumnsInvalid(Invalid):
    """The mapping of columns is incomplete or contradictory; `field` names the field."""

    code = "column_unfit"
