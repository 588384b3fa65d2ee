"""Uploaded files: their mapped columns stored in parts, their previews and imports started and recorded, their rows deleted."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports import stored_rows
from request_tracker_utils.imports.changes import record
from request_tracker_utils.imports.errors import (
    ColumnsInvalid,
    ImportBusy,
    ImportContentDeleted,
    ImportNotFound,
    ImportNotPreviewed,
)
from request_tracker_utils.imports.importer import Importer, no_changes, no_progress
from request_tracker_utils.imports.models import ImportFile, ImportFilePart, ImportRun, ImportState
from request_tracker_utils.imports.parsing import MAX_COLUMNS, is_footer
from request_tracker_utils.imports.permissions import ImportPermission
from request_tracker_utils.imports.report import ImportReport, report_from
from request_tracker_utils.imports.row_types import RowType
from request_tracker_utils.imports.stored_rows import Row
from request_tracker_utils.imports.uploads import Layout, Upload
from request_tracker_utils.imports.waiting import CONTENT_RETENTION, Quota, check_quota, may_see, owned_by
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import OPEN, Task

RETENTION = timedelta(days=30)
"""How long an import can be undone."""
RECENT = 5


def store(
    transaction: Transaction,
    upload: Upload,
    row_type: RowType,
    columns: Mapping[str, int],
    *,
    source: str,
    actor: Actor,
    now: datetime,
    quota: Quota,
    header: list[str] | None = None,
) -> ImportFile:
    """Stores the columns of the file that are mapped, and nothing else of it: a transaction per part, of which the last one makes all
    durable. `header` is the header row of a file in which none was recognized. Raises ColumnsInvalid, ImportQuotaExceeded."""
    check_columns(columns, row_type.titles, width=MAX_COLUMNS)
    _require_key_field(columns, row_type)
    header, first_rows = _without_header(upload.layout, header)
    stored = sorted(columns.values())
    sample = [_pick(row, stored) for row in first_rows if not is_footer(row)] or [[""] * len(stored)]
    facts: dict[str, Any] = {"subject": row_type.name, "source": source[-200:], "created_at": now, "state": ImportState.UPLOADED}
    facts |= {"started_by": actor.name[:100], "user_id": actor.user_id, "encoding": upload.layout.encoding}
    facts |= {"head": _pick(header, stored) if header else [], "sample": sample}
    facts |= {"left_out": [title for number, title in enumerate(header) if title and number not in stored], "emptied": []}
    facts |= {"columns": {field: stored.index(number) for field, number in columns.items()}, "report": {"lines": upload.lines}}
    with transaction(durable=False) as session:
        file = ImportFile(**facts, size=0, separator=upload.layout.separator)
        session.add(file)
        session.flush()
    try:
        for position, part in enumerate(stored_rows.encode(upload.rows(header), stored)):
            with transaction(durable=False) as session:
                check_quota(session, actor, quota, adding=len(part))
                session.add(ImportFilePart(roster_id=file.id, position=position, content=part))
                added = {"stored_size": ImportFile.stored_size + len(part)}
                session.execute(update(ImportFile).where(ImportFile.id == file.id).values(added))
    except BaseException:
        with transaction() as session:
            session.execute(delete(ImportFile).where(ImportFile.id == file.id))
        raise
    with transaction() as session:
        file = session.get_one(ImportFile, file.id)
        file.size = upload.size
    return file


def get(session: Session, file_id: int, row_types: Collection[str] | None = None, *, reader: Actor | None = None) -> ImportFile:
    """Raises ImportNotFound, also while the file is being uploaded, for a file of none of the `row_types`, or if it is not for the
    `reader`: files are their owners' and administrators' alone."""
    file = session.get(ImportFile, file_id)
    is_known = file is not None and file.size and (row_types is None or file.subject in row_types)
    if file is None or not is_known or (reader is not None and not may_see(file, reader)):
        raise ImportNotFound(
            _("File %(id)s does not exist. Uploaded files are deleted after %(days)s days.", id=file_id, days=RETENTION.days)
        )
    return file


def recent(session: Session, actor: Actor, row_type: RowType) -> list[ImportFile]:
    """The latest files that this person uploaded."""
    mine = select(ImportFile).where(*owned_by(actor, ImportFile), ImportFile.subject == row_type.name, ImportFile.size > 0)
    return list(session.scalars(mine.order_by(ImportFile.id.desc()).limit(RECENT)))


def newest(
    session: Session, row_types: Collection[str], *, reader: Actor | None = None, waiting: bool = False, before: int | None, limit: int
) -> list[ImportFile]:
    """The newest files that the reader may see, or all; `before` is the id of the last one on the previous page."""
    query = select(ImportFile).where(ImportFile.subject.in_(row_types), ImportFile.size > 0)
    if reader is not None and not reader.may(ImportPermission.MANAGE_ALL):
        query = query.where(*owned_by(reader, ImportFile))
    if waiting:
        query = query.where(ImportFile.stored_size > 0)
    if before is not None:
        query = query.where(ImportFile.id < before)
    return list(session.scalars(query.order_by(ImportFile.id.desc()).limit(limit)))


def discard(session: Session, file_id: int) -> None:
    """Deletes the file; of a file with imports, which can still be undone, only its rows. Raises ImportNotFound, ImportBusy."""
    file = lock_idle(session, file_id)
    if session.scalar(select(ImportRun.id).where(ImportRun.roster_id == file_id).limit(1)) is None:
        session.delete(file)
    else:
        delete_content(session, file)


def delete_content(session: Session, file: ImportFile) -> None:
    """Deletes the file's rows. What its imports have changed stays, for their undo."""
    session.execute(delete(ImportFilePart).where(ImportFilePart.roster_id == file.id))
    file.stored_size, file.sample = 0, []


def map_columns(
    session: Session,
    file_id: int,
    row_type: RowType,
    columns: Mapping[str, int],
    *,
    deactivate_missing: bool,
    match_zeros: bool = False,
) -> None:
    """Sets the stored column of each field, from 0, whether missing records are deactivated, and whether numbers match without leading
    zeros. The file must be previewed again, which empties columns that are not mapped any more.

    Raises ImportNotFound, ImportBusy, ImportContentDeleted, ColumnsInvalid.
    """
    file = lock_idle(session, file_id)
    _require_content(file)
    check_columns(columns, row_type.titles, width=width(file))
    if gone := next((field for field, column in columns.items() if column in file.emptied), None):
        raise ColumnsInvalid(_("This column was deleted because it was not mapped. Upload the file again to use it."), field=gone)
    _require_key_field(columns, row_type)
    file.columns, file.deactivate_missing = dict(columns), deactivate_missing and row_type.can_deactivate_missing
    file.match_zeros = match_zeros
    file.state, file.report = ImportState.UPLOADED, {"lines": file.report["lines"]}


def check_columns(columns: Mapping[str, int], titles: Mapping[str, str], *, width: int) -> None:
    """Raises ColumnsInvalid for an unknown field or column, or two fields with one column."""
    fields = dict[int, str]()
    for name, number in columns.items():
        if name not in titles or not 0 <= number < width:
            raise ColumnsInvalid(_("The file does not have this column. Choose another column."), field=name)
        if (other := fields.setdefault(number, name)) != name:
            message = _(
                "%(first)s and %(second)s have the same column. Choose another column for one of them.",
                first=titles[other],
                second=titles[name],
            )
            raise ColumnsInvalid(message, field=name)


def start_preview(session: Session, file_id: int, row_type: RowType, *, actor: Actor, now: datetime) -> Task:
    """Starts the task that previews the file's changes. Raises ImportNotFound, ImportBusy, ImportContentDeleted, ColumnsInvalid."""
    file = lock_idle(session, file_id)
    _require_content(file)
    _require_key_field(file.columns, row_type)
    title = _("Preview of %(records)s, %(rows)s", **_neutral(file, row_type))
    return _start(session, file, row_type.preview_task, title, actor=actor, now=now)


def start_import(session: Session, file_id: int, row_type: RowType, *, actor: Actor, now: datetime) -> Task:
    """Starts the task that imports the file. Raises ImportNotFound, ImportBusy, ImportContentDeleted, ImportNotPreviewed."""
    file = lock_idle(session, file_id)
    _require_content(file)
    if file.state != ImportState.PREVIEWED:
        raise ImportNotPreviewed(_("Preview the changes first, then import the file."))
    if report_from(file.report).unreadable:
        raise ImportNotPreviewed(_("The file cannot be read to the end. Correct it, then upload it again."))
    run = ImportRun(roster_id=file.id, started_by=actor.name[:100], started_at=now)
    session.add(run)
    session.flush()  # its id, for the task
    title = _("Import of %(records)s, %(rows)s", **_neutral(file, row_type))
    return _start(session, file, row_type.import_task, title, actor=actor, now=now, import_id=run.id)


def work_through(
    transaction: Transaction,
    reading: Reading,
    file_id: int,
    row_type: RowType,
    advance: Callable[[int], None],
    *,
    actor: Actor,
    clock: Callable[[], datetime],
    dry_run: bool,
    import_id: int | None = None,
) -> ImportReport:
    """Previews or imports the file, continuing a run that was killed, and stores the report. `import_id` is the ImportRun that records
    the changes. Raises what `Importer.run` raises; ImportContentDeleted if the rows were deleted before all of them were read;
    ImportNotUndoable if the import was undone in the meantime."""
    with reading() as session:
        file = get(session, file_id)
        reached = file.report.get("reached", {})
    if not dry_run and file.state == ImportState.IMPORTED:
        return report_from(file.report)  # it was finished, but its process died before the task ended
    if dry_run:
        _empty_unmapped(transaction, reading, file)
    importer = Importer(
        transaction,
        reading,
        row_type,
        file.columns,
        actor,
        clock,
        source="" if import_id is None else source_of(import_id),
        dry_run=dry_run,
        deactivate_missing=file.deactivate_missing,
        match_zeros=file.match_zeros,
        record_progress=no_progress if dry_run else lambda session, report: record_progress(session, file_id, report),
        record_changes=no_changes if import_id is None else lambda session, changes: record(session, import_id, changes),
        resumed_from=report_from({} if dry_run else reached),
    )
    report = importer.run(rows(reading, file), advance)
    with transaction() as session:
        _finish(session, file_id, report, dry_run=dry_run, now=clock())
    return report


def rows(reading: Reading, file: ImportFile) -> Iterator[Row]:
    """The stored rows. Raises FileUnreadable at the end if the file could not be read to its end."""
    return stored_rows.decode(_parts(reading, file.id))


def width(file: ImportFile) -> int:
    """The number of stored columns."""
    return max(map(len, [file.head, *file.sample]))


def record_progress(session: Session, file_id: int, report: ImportReport) -> None:
    """Records the progress of an import, in the transaction that made it."""
    lines = session.scalars(select(ImportFile.report).where(ImportFile.id == file_id)).one()["lines"]
    progress = {"lines": lines, "reached": report.counts()}
    session.execute(update(ImportFile).where(ImportFile.id == file_id).values(report=progress))


def delete_old(session: Session, *, now: datetime) -> int:
    """Deletes files past their retention; returns how many."""
    return affected(session.execute(delete(ImportFile).where(ImportFile.created_at < now - RETENTION)))


def delete_waiting(session: Session, *, now: datetime) -> int:
    """Deletes the rows of files that were not imported within a day, and what an interrupted upload has left; returns how many files.
    A task that works on the rows may end first, but not forever."""
    old = ImportFile.created_at < now - CONTENT_RETENTION
    interrupted = affected(session.execute(delete(ImportFile).where(ImportFile.size == 0, old)))
    busy = select(Task.id).where(Task.id == ImportFile.task_id, Task.state.in_(OPEN)).exists()
    is_due = or_(~busy, ImportFile.created_at < now - 2 * CONTENT_RETENTION)
    files = session.scalars(select(ImportFile).where(ImportFile.stored_size > 0, old, is_due)).all()
    for file in files:
        delete_content(session, file)
    return interrupted + len(files)


def lock_idle(session: Session, file_id: int) -> ImportFile:
    """The file, locked. Raises ImportNotFound; ImportBusy while a task processes it."""
    file = get(session, file_id)
    session.flush()  # changes of this transaction, which the refresh would discard
    session.refresh(file, with_for_update=True)
    task = session.get(Task, file.task_id) if file.task_id else None
    if task is not None and task.state in OPEN:
        raise ImportBusy(_("A task is processing the file. Wait until it is done, or cancel it."), task_id=task.id)
    return file


def name_of(file: ImportFile) -> str:
    """For its owner and administrators: the file's name may contain that of a person."""
    return file.source or _("file %(id)s", id=file.id)


def source_of(import_id: int) -> str:
    """Names the import for everybody."""
    return _("import %(id)s", id=import_id)


def _neutral(file: ImportFile, row_type: RowType) -> dict[str, str]:
    """What the titles of tasks say about the file, which everybody who sees tasks may read."""
    count = max(1, int(file.report["lines"]) - bool(file.head))
    rows = ngettext("%(count)s row", "%(count)s rows", count, count=f"{count:,}")
    return {"records": _(row_type.wording.records), "rows": rows}


def _without_header(layout: Layout, header: list[str] | None) -> tuple[list[str], list[list[str]]]:
    """The header row, and the first rows below it."""
    if not header or layout.header or len(layout.sample) < 2:
        return layout.header or header or [], layout.sample
    below = layout.sample[layout.sample.index(header) + 1 :] if header in layout.sample else []
    return header, below or layout.sample


def _pick(cells: Sequence[str], columns: Iterable[int]) -> list[str]:
    return [cells[column] if column < len(cells) else "" for column in columns]


def _require_content(file: ImportFile) -> None:
    if not file.stored_size:
        raise ImportContentDeleted(_("The rows of this file were deleted. To import them, upload the file again."))


def _empty_unmapped(transaction: Transaction, reading: Reading, file: ImportFile) -> None:
    """Deletes the cells of stored columns that are not mapped. A run that was killed is repeated."""
    unmapped = set(range(width(file))) - set(file.columns.values())
    if unmapped <= set(file.emptied):
        return
    for position, part in enumerate(_parts(reading, file.id)):
        with transaction(durable=False) as session:
            content = stored_rows.without(part, unmapped)
            of_file = (ImportFilePart.roster_id == file.id, ImportFilePart.position == position)
            session.execute(update(ImportFilePart).where(*of_file).values(content=content))
            smaller = {"stored_size": ImportFile.stored_size + len(content) - len(part)}
            session.execute(update(ImportFile).where(ImportFile.id == file.id).values(smaller))
    with transaction() as session:
        changed = session.get_one(ImportFile, file.id)
        changed.emptied = sorted(unmapped)
        changed.left_out = [*changed.left_out, *(title for title in _pick(changed.head, sorted(unmapped - set(file.emptied))) if title)]
        changed.sample = [["" if column in unmapped else cell for column, cell in enumerate(row)] for row in changed.sample]


def _require_key_field(columns: Mapping[str, int], row_type: RowType) -> None:
    key_field = row_type.key_field
    if key_field not in columns:
        raise ColumnsInvalid(_("Choose the column of the %(field)s.", field=row_type.titles[key_field].lower()), field=key_field)


def _start(session: Session, file: ImportFile, kind: str, title: str, *, actor: Actor, now: datetime, **arguments: int) -> Task:
    task = tasks.start(session, kind, title=title, actor=actor, now=now, arguments={"roster_id": file.id, **arguments})
    file.task_id, file.state, file.report = task.id, ImportState.UPLOADED, {"lines": file.report["lines"]}
    return task


def _finish(session: Session, file_id: int, report: ImportReport, *, dry_run: bool, now: datetime) -> None:
    file = session.get_one(ImportFile, file_id)
    file.report = {"lines": file.report["lines"], **report.to_json()}
    if dry_run:
        file.state, file.checked_at = ImportState.PREVIEWED, now
    else:
        file.state, file.imported_at = ImportState.IMPORTED, now
        delete_content(session, file)


def _parts(reading: Reading, file_id: int) -> Iterator[bytes]:
    position = 0
    while True:
        with reading() as session:
            part = select(ImportFilePart.content).where(ImportFilePart.roster_id == file_id, ImportFilePart.position == position)
            content = session.scalar(part)
            if content is None:  # the end of the file, unless its rows are gone: then records would seem to be missing from it
                _require_content(session.get_one(ImportFile, file_id))
                return
        yield content
        position += 1
