"""The tasks that preview and import an uploaded file."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from flask import url_for

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports import service, undo
from request_tracker_utils.imports.models import ImportRun
from request_tracker_utils.imports.report import ImportReport
from request_tracker_utils.imports.row_types import RowType, RowTypes
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import RunningTask
from request_tracker_utils.web.registry import registry


def import_kinds(row_type: RowType, *, permission: StrEnum, endpoint: str) -> list[TaskKind]:
    """The kinds of tasks that preview and import files of this row type and undo its imports, and of others with the same tasks.
    `endpoint` shows a file."""
    return [
        TaskKind(row_type.preview_task, permission, preview_file, _link(endpoint, lambda: _("View the preview"))),
        TaskKind(row_type.import_task, permission, import_file, _link(endpoint, lambda: _("View the changes"))),
        TaskKind(row_type.undo_task, permission, undo_import, _link(endpoint, lambda: _("View the file"))),
    ]


def preview_file(task: RunningTask) -> str:
    """Previews the file's changes."""
    report = _work_through(task, dry_run=True)
    if report.unreadable:
        return _("The file cannot be read to the end. %(problem)s", problem=report.unreadable)
    counts = {"rows": _rows(report.rows), "new": f"{report.new:,}", "changed": f"{report.changed:,}", "invalid": f"{report.invalid:,}"}
    return _("%(rows)s previewed: %(new)s new, %(changed)s to change, %(invalid)s with problems.", **counts)


def import_file(task: RunningTask) -> str:
    """Imports the file. Continues a run that was killed."""
    report = _work_through(task, dry_run=False)
    counts = {"rows": _rows(report.rows), "new": f"{report.new:,}", "changed": f"{report.changed:,}", "invalid": f"{report.invalid:,}"}
    if report.deactivated:
        counts["deactivated"] = f"{report.deactivated:,}"
        return _("%(rows)s: %(new)s created, %(changed)s changed, %(deactivated)s deactivated, %(invalid)s skipped.", **counts)
    return _("%(rows)s: %(new)s created, %(changed)s changed, %(invalid)s skipped.", **counts)


def undo_import(task: RunningTask) -> str:
    """Undoes an import as a whole. A run that was killed has changed nothing."""
    import_id = int(task.arguments["import_id"])
    with reading() as session:
        run, file = undo.get(session, import_id)
    task.done = 0
    task.expect(run.total)
    row_type = registry().get(RowTypes).named(file.subject)
    run = undo.undo(transaction, reading, import_id, row_type, _advance(task), actor=task.actor, clock=utc_now)
    task.done = run.total
    return describe_undone(run, row_type)


def describe_undone(run: ImportRun, row_type: RowType) -> str:
    """What the undo of the import has changed."""
    counts = {"created": f"{run.created:,}", "changed": f"{run.changed:,}"}
    wording = row_type.wording
    if wording.follow_ups:
        steps = {"steps": f"{run.followed_up:,}", "what": _(wording.follow_up if run.followed_up == 1 else wording.follow_ups)}
        return _("%(created)s deleted, %(changed)s restored, %(steps)s %(what)s undone.", **counts, **steps)
    return _("%(created)s deleted, %(changed)s restored.", **counts)


def _work_through(task: RunningTask, *, dry_run: bool) -> ImportReport:
    file_id = int(task.arguments["roster_id"])
    with reading() as session:
        file = service.get(session, file_id)
    task.done, task.failed = 0, 0
    task.expect(max(1, int(file.report["lines"]) - bool(file.head)))
    row_type = registry().get(RowTypes).named(file.subject)
    report = service.work_through(
        transaction,
        reading,
        file_id,
        row_type,
        _advance(task),
        actor=task.actor,
        clock=utc_now,
        dry_run=dry_run,
        import_id=task.arguments.get("import_id"),
    )
    task.expect(task.done)
    return report


def _advance(task: RunningTask) -> Callable[[int], None]:
    """Counts rows. Their total is an estimate, since cells may contain line breaks and lines may be empty."""

    def advance(rows: int) -> None:
        if task.total is not None and task.done + rows > task.total:
            task.expect(task.done + rows)
        task.advance(rows)

    return advance


def _rows(count: int) -> str:
    return ngettext("%(count)s row", "%(count)s rows", count, count=f"{count:,}")


def _link(endpoint: str, title: Callable[[], str]) -> Callable[[Task], Sequence[Link]]:
    return lambda task: [Link(title(), url_for(endpoint, file_id=task.arguments["roster_id"]))]
