"""Errors of uploaded files and their imports."""

from request_tracker_utils.core.errors import AppError, Conflict, Invalid, NotFound


class ImportNotFound(NotFound):
    """The uploaded file does not exist, or was deleted after 30 days."""

    code = "roster_not_found"


class ImportBusy(Conflict):
    """A task is previewing or importing the file; `task_id` names it."""

    code = "roster_busy"


class ImportContentDeleted(Conflict):
    """The file's rows were deleted after its import, or after a day: to import it again, upload it again."""

    code = "roster_deleted"


class ImportQuotaExceeded(AppError):
    """Uploaded files that wait for their import take too much space. `limit` is the number of megabytes that are allowed."""

    status, code = 413, "roster_quota"


class ImportNotPreviewed(Conflict):
    """The changes were not previewed with the current columns, or the file cannot be read to the end."""

    code = "roster_unchecked"


class ImportNotUndoable(Conflict):
    """The import was undone already, or its records have changed since."""

    code = "roster_not_undoable"


class ColumnsInvalid(Invalid):
    """The mapping of columns is incomplete or contradictory; `field` names the field."""

    code = "column_unfit"
