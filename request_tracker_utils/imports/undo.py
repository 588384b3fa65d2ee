"""Undoing an import as a whole: created records are deleted, changed ones are restored, and second steps such as assignments are undone.

An import is refused if one of its records has changed since: `updated_at` of a record is its version, which every change sets and an undo
restores. So the last of several imports can be undone first, then the one before it. All is one transaction: a task that was killed has
changed nothing, and runs again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports import bulk, service
from request_tracker_utils.imports.changes import Changes, newest_first
from request_tracker_utils.imports.errors import ImportNotFound, ImportNotUndoable
from request_tracker_utils.imports.models import ImportChanges, ImportFile, ImportRun, ImportState
from request_tracker_utils.imports.row_types import RowType
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import Task

NAMED, LOOKED_UP = 3, 20
"""Records that a refusal names, and those that are looked up for it: some may be deleted."""
LISTED = 20


@dataclass
class Conflicts:
    """Records that have changed since the import: how many, and the ids of some."""

    count: int = 0
    ids: list[int] = field(default_factory=list)

    def add(self, ids: list[int]) -> None:
        self.count += len(ids)
        self.ids += ids[: LOOKED_UP - len(self.ids)]


def get(session: Session, run_id: int) -> tuple[ImportRun, ImportFile]:
    """Raises ImportNotFound."""
    run = session.get(ImportRun, run_id)
    if run is None:
        message = _("Import %(id)s does not exist. Imports can be undone for %(days)s days.", id=run_id, days=service.RETENTION.days)
        raise ImportNotFound(message)
    return run, session.get_one(ImportFile, run.roster_id)


def of_file(session: Session, file_id: int) -> list[ImportRun]:
    """The imports of a file that have changed anything, the newest first."""
    return list(session.scalars(select(ImportRun).where(ImportRun.roster_id == file_id, _HAS_CHANGES).order_by(ImportRun.id.desc())))


def recent(session: Session) -> list[tuple[ImportRun, ImportFile]]:
    """The newest imports that have changed anything."""
    query = select(ImportRun, ImportFile).join(ImportFile, ImportFile.id == ImportRun.roster_id).where(_HAS_CHANGES)
    return [(run, file) for run, file in session.execute(query.order_by(ImportRun.id.desc()).limit(LISTED))]


def refusal(session: Session, run: ImportRun, row_type: RowType) -> str:
    """Why the import cannot be undone now, and what to do; empty if it can be undone."""
    if run.undone_at is not None:
        return _already_undone(run)
    return _describe(session, find_conflicts(session, run.id, row_type), row_type)


def start(session: Session, run_id: int, row_type: RowType, *, actor: Actor, now: datetime) -> Task:
    """Starts the task that undoes the import. Raises ImportNotFound; ImportBusy while a task processes the file; ImportNotUndoable if it
    was already undone. Whether records have changed since is for the task to find."""
    run, file = get(session, run_id)
    service.lock_idle(session, file.id)
    session.refresh(run)
    if run.undone_at is not None:
        raise ImportNotUndoable(_already_undone(run))
    title = _("Undo of an import of %(records)s", records=_(row_type.wording.records))
    task = tasks.start(
        session, row_type.undo_task, title=title, actor=actor, now=now, arguments={"roster_id": file.id, "import_id": run_id}
    )
    file.task_id = task.id
    return task


def undo(
    transaction: Transaction,
    reading: Reading,
    run_id: int,
    row_type: RowType,
    advance: Callable[[int], None],
    *,
    actor: Actor,
    clock: Callable[[], datetime],
) -> ImportRun:
    """Undoes the import, or does nothing if that is done already. `advance` is called with the number of records that are checked first,
    without locks. Raises ImportNotFound, ImportNotUndoable, and Unavailable if other transactions conflict repeatedly."""
    with reading() as session:
        run, _file = get(session, run_id)
        reason = "" if run.undone_at else _describe(session, find_conflicts(session, run_id, row_type, advance), row_type)
        session.refresh(run)  # another process may have undone it while its records were compared
        if reason and run.undone_at is None:
            raise ImportNotUndoable(reason)
    return bulk.retry(transaction, lambda session: _undo(session, run_id, row_type, actor=actor, now=clock()))


def find_conflicts(session: Session, run_id: int, row_type: RowType, advance: Callable[[int], None] = lambda _count: None) -> Conflicts:
    """Records that have changed since, or were deleted. Where the import has changed a record twice, the second time counts."""
    conflicts, later = Conflicts(), set[int]()
    for changes in newest_first(session, run_id):
        existing = [each for each in changes.existing if each not in later]
        created = [each for each in changes.created if each not in later]
        _compare(session, row_type, changes, existing, created, conflicts)
        later.update(existing, created)
        advance(len(changes.existing) + len(changes.created))
    return conflicts


def _undo(session: Session, run_id: int, row_type: RowType, *, actor: Actor, now: datetime) -> ImportRun:
    locked = select(ImportRun).where(ImportRun.id == run_id).with_for_update().execution_options(populate_existing=True)
    run = session.scalars(locked).one()
    if run.undone_at is not None:
        return run
    file = session.get_one(ImportFile, run.roster_id)
    row_type.lock_for_undo(session, lambda: newest_first(session, run_id), now=now)
    for changes in newest_first(session, run_id):
        conflicts = Conflicts()
        _compare(session, row_type, changes, changes.existing, changes.created, conflicts)
        if conflicts.count:
            raise ImportNotUndoable(_describe(session, conflicts, row_type))
        row_type.undo(session, changes, actor=actor, now=now, source=service.source_of(run_id))
    session.execute(delete(ImportChanges).where(ImportChanges.run_id == run_id))
    run.undone_at, run.undone_by = now, actor.name[:100]
    file.state, file.report = ImportState.UPLOADED, {"lines": file.report["lines"]}
    service.delete_content(session, file)
    return run


def _compare(session: Session, row_type: RowType, changes: Changes, existing: list[int], created: list[int], conflicts: Conflicts) -> None:
    """Adds those of the records that are not as these changes left them."""
    for ids, are_created in ((existing, False), (created, True)):
        if ids:
            same = row_type.unchanged(session, ids, since=changes.at, created=are_created)
            if len(same) != len(ids):
                conflicts.add([each for each in ids if each not in same])


def _already_undone(run: ImportRun) -> str:
    return _("The import was already undone by %(name)s.", name=run.undone_by)


def _describe(session: Session, conflicts: Conflicts, row_type: RowType) -> str:
    if not conflicts.count:
        return ""
    names = row_type.names(session, conflicts.ids)[:NAMED]
    more = conflicts.count - len(names)
    if not names:
        names = [_("%(count)s deleted", count=f"{more:,}")]
    elif more:
        names.append(ngettext("%(count)s more", "%(count)s more", more, count=f"{more:,}"))
    return _(row_type.wording.undo_refused, names=", ".join(names))


_HAS_CHANGES = or_(ImportRun.created > 0, ImportRun.changed > 0, ImportRun.followed_up > 0)
