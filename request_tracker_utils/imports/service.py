"""Uploaded files: stored in parts, their columns mapped, their previews and imports started and recorded."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports.changes import record
from request_tracker_utils.imports.errors import ColumnsInvalid, ImportBusy, ImportNotFound, ImportNotPreviewed
from request_tracker_utils.imports.importer import Importer, no_changes, no_progress
from request_tracker_utils.imports.models import ImportFile, ImportFilePart, ImportRun, ImportState
from request_tracker_utils.imports.parsing import HEADER_ROWS, MAX_COLUMNS, FileUnreadable
from request_tracker_utils.imports.report import ImportReport, report_from
from request_tracker_utils.imports.row_types import RowType
from request_tracker_utils.imports.uploads import UploadInspector, decode_rows, detect_layout
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import OPEN, Task

RETENTION = timedelta(days=30)
RECENT = 5


def store(transaction: Transaction, chunks: Iterable[bytes], row_type: RowType, *, source: str, actor: Actor, now: datetime) -> ImportFile:
    """Stores a file, a transaction per chunk. Raises FileUnreadable for a file that is not a table; nothing is stored then."""
    facts: dict[str, Any] = {"subject": row_type.name, "source": source[-200:], "started_by": actor.name[:100], "created_at": now}
    empty: dict[str, Any] = {"size": 0, "encoding": "", "separator": "", "head": [], "sample": [], "columns": {}, "report": {}}
    with transaction(durable=False) as session:
        file = ImportFile(**facts, **empty, state=ImportState.UPLOADED)
        session.add(file)
        session.flush()
    inspector = UploadInspector()
    try:
        for position, chunk in enumerate(chunks):
            with transaction(durable=False) as session:  # the last transaction makes all parts durable
                session.add(ImportFilePart(roster_id=file.id, position=position, content=inspector.inspect(chunk)))
        encoding = inspector.encoding()
        is_whole = inspector.size == len(inspector.beginning)
        layout = detect_layout(inspector.beginning, encoding, row_type.aliases, is_whole=is_whole)
    except FileUnreadable:
        with transaction() as session:
            session.execute(delete(ImportFile).where(ImportFile.id == file.id))
        raise
    with transaction() as session:
        file = session.get_one(ImportFile, file.id)
        file.size, file.encoding, file.separator = inspector.size, layout.encoding, layout.separator
        file.head, file.sample, file.columns = layout.header, layout.sample, layout.columns
        file.report = {"lines": inspector.lines}
    return file


def get(session: Session, file_id: int, row_types: Collection[str] | None = None) -> ImportFile:
    """Raises ImportNotFound, also while the file is being uploaded or for a file of none of the `row_types`."""
    file = session.get(ImportFile, file_id)
    if file is None or not file.size or (row_types is not None and file.subject not in row_types):
        raise ImportNotFound(
            _("File %(id)s does not exist. Uploaded files are deleted after %(days)s days.", id=file_id, days=RETENTION.days)
        )
    return file


def recent(session: Session, actor: Actor, row_type: RowType) -> list[ImportFile]:
    """The latest files that this person uploaded."""
    mine = select(ImportFile).where(ImportFile.started_by == actor.name[:100], ImportFile.subject == row_type.name, ImportFile.size > 0)
    return list(session.scalars(mine.order_by(ImportFile.id.desc()).limit(RECENT)))


def map_columns(
    session: Session,
    file_id: int,
    row_type: RowType,
    columns: Mapping[str, int],
    *,
    deactivate_missing: bool,
    match_zeros: bool = False,
    header: list[str] | None = None,
) -> None:
    """Sets the column of each field, from 0, whether missing records are deactivated, and whether numbers match without leading zeros.

    The file must be previewed again. `header` is the header row of a file in which none was recognized.
    Raises ImportNotFound, ImportBusy, ColumnsInvalid.
    """
    file = lock_idle(session, file_id)
    check_columns(columns, row_type.titles, width=MAX_COLUMNS)
    _require_key_field(columns, row_type)
    if header and not file.head and len(file.sample) > 1:
        below = file.sample[file.sample.index(header) + 1 :] if header in file.sample else []
        file.head, file.sample = header, below or file.sample
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
    """Starts the task that previews the file's changes. Raises ImportNotFound, ImportBusy, ColumnsInvalid."""
    file = lock_idle(session, file_id)
    _require_key_field(file.columns, row_type)
    return _start(session, file, row_type.preview_task, _("Preview %(file)s", file=name_of(file)), actor=actor, now=now)


def start_import(session: Session, file_id: int, row_type: RowType, *, actor: Actor, now: datetime) -> Task:
    """Starts the task that imports the file. Raises ImportNotFound, ImportBusy, ImportNotPreviewed."""
    file = lock_idle(session, file_id)
    if file.state != ImportState.PREVIEWED:
        raise ImportNotPreviewed(_("Preview the changes first, then import the file."))
    if report_from(file.report).unreadable:
        raise ImportNotPreviewed(_("The file cannot be read to the end. Correct it, then upload it again."))
    run = ImportRun(roster_id=file.id, started_by=actor.name[:100], started_at=now)
    session.add(run)
    session.flush()  # its id, for the task
    title = _("Import %(file)s", file=name_of(file))
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
    the changes. Raises what `Importer.run` raises; ImportNotUndoable if the import was undone in the meantime."""
    with reading() as session:
        file = get(session, file_id)
        reached = file.report.get("reached", {})
    importer = Importer(
        transaction,
        reading,
        row_type,
        file.columns,
        actor,
        clock,
        source=file.source,
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


def rows(reading: Reading, file: ImportFile) -> Iterator[tuple[int, list[str]]]:
    """The file's rows with their line numbers. Raises FileUnreadable for a row that cannot be read."""
    return decode_rows(_parts(reading, file.id), file.encoding, file.separator, file.head)


def first_rows(reading: Reading, file: ImportFile) -> list[list[str]]:
    """Those among which the header row can be. Raises FileUnreadable."""
    return [row for _line, row in islice(decode_rows(_parts(reading, file.id), file.encoding, file.separator, []), HEADER_ROWS)]


def record_progress(session: Session, file_id: int, report: ImportReport) -> None:
    """Records the progress of an import, in the transaction that made it."""
    lines = session.scalars(select(ImportFile.report).where(ImportFile.id == file_id)).one()["lines"]
    progress = {"lines": lines, "reached": report.counts()}
    session.execute(update(ImportFile).where(ImportFile.id == file_id).values(report=progress))


def delete_old(session: Session, *, now: datetime) -> int:
    """Deletes files past their retention; returns how many."""
    return affected(session.execute(delete(ImportFile).where(ImportFile.created_at < now - RETENTION)))


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
    return file.source or _("file %(id)s", id=file.id)


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


def _parts(reading: Reading, file_id: int) -> Iterator[bytes]:
    position = 0
    while True:
        with reading() as session:
            part = select(ImportFilePart.content).where(ImportFilePart.roster_id == file_id, ImportFilePart.position == position)
            content = session.scalar(part)
        if content is None:
            return
        yield content
        position += 1
