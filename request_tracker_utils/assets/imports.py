"""Imports: lists of assets whose mapped columns are stored, checked any number of times, and created once by a task."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.assets.batch import start_creating
from request_tracker_utils.assets.checks import RowCheck, check_fields, check_rows
from request_tracker_utils.assets.errors import AssetImportDeleted, AssetImportNotFound, AssetImportStarted, AssetImportUnchecked
from request_tracker_utils.assets.fields import validate
from request_tracker_utils.assets.lists import SERIAL_NUMBER, Listed, mapped, with_columns
from request_tracker_utils.assets.models import AssetImport
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports.permissions import ImportPermission
from request_tracker_utils.imports.waiting import CONTENT_RETENTION, Quota, check_quota, may_see, owned_by
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import OPEN, Task, TaskState

RETENTION = timedelta(days=90)
"""Shorter than the retention of tasks, so that the task of an import exists as long as the import."""
RECENT = 5


@dataclass(frozen=True)
class ImportSummary:
    """An import without its rows, which are large. `row_count` is their number, also after they were deleted."""

    id: int
    source: str
    created_at: datetime
    started_by: str
    user_id: int | None
    task_id: int | None
    checked_at: datetime | None
    stored_size: int
    row_count: int


def store(
    session: Session,
    listed: Listed,
    *,
    source: str,
    defaults: Mapping[str, str],
    actor: Actor,
    now: datetime,
    quota: Quota,
    checked: Sequence[RowCheck] | None = None,
) -> AssetImport:
    """Stores the mapped columns of the list, and nothing else of it: not checked yet, or with the results of a check that was just made.
    Raises ImportQuotaExceeded."""
    listed = mapped(listed)
    stored = AssetImport(
        source=source[-200:],
        left_out=listed.left_out,
        defaults=dict(defaults),
        checked_at=None if checked is None else now,
        started_by=actor.name[:100],
        user_id=actor.user_id,
        created_at=now,
    )
    _set_content(stored, listed, check_fields(listed, defaults) if checked is None else checked)
    check_quota(session, actor, quota, adding=stored.stored_size)
    session.add(stored)
    session.flush()  # its id, for its address
    return stored


def get(session: Session, import_id: int, *, reader: Actor | None = None) -> AssetImport:
    """Raises AssetImportNotFound, also if the import is not for the `reader`: imports are their owners' and administrators' alone."""
    found = session.get(AssetImport, import_id)
    if found is not None and reader is not None and not may_see(found, reader):
        found = None
    return _existing(found, import_id)


def name_of(asset_import: AssetImport | ImportSummary) -> str:
    """For its owner and administrators: the file's name may contain that of a person."""
    return asset_import.source or _("Import %(id)s", id=asset_import.id)


def row_checks(asset_import: AssetImport) -> list[RowCheck]:
    return [RowCheck(**each) for each in asset_import.findings]


def newest(
    session: Session, *, reader: Actor | None = None, waiting: bool = False, before: int | None = None, limit: int
) -> list[ImportSummary]:
    """The newest imports that the reader may see, or all; `before` is the id of the last one on the previous page."""
    conditions = [] if reader is None or reader.may(ImportPermission.MANAGE_ALL) else [*owned_by(reader, AssetImport)]
    if waiting:
        conditions.append(AssetImport.stored_size > 0)
    if before is not None:
        conditions.append(AssetImport.id < before)
    return _summaries(session, conditions, limit)


def recent(session: Session, actor: Actor) -> list[ImportSummary]:
    """The actor's newest imports."""
    return _summaries(session, owned_by(actor, AssetImport), RECENT)


def map_columns(session: Session, import_id: int, columns: Mapping[str, int]) -> None:
    """Sets the stored column of each field, from 0, and deletes the other columns; the import must be checked again.

    Raises AssetImportNotFound, AssetImportStarted, AssetImportDeleted; Invalid like `with_columns`.
    """
    asset_import = _changeable(session, import_id)
    listed = mapped(with_columns(_listed(asset_import), columns))
    asset_import.left_out, asset_import.checked_at = [*asset_import.left_out, *listed.left_out], None
    _set_content(asset_import, listed, check_fields(listed, asset_import.defaults))


def check(transaction: Transaction, reading: Reading, asset_store: AssetStore, import_id: int, *, now: datetime) -> None:
    """Checks all rows again and stores the results. Raises AssetImportNotFound, AssetImportStarted, AssetImportDeleted, and the asset
    store's errors, after which the import is unchanged."""
    with reading() as session:
        before = _with_content(_not_started(get(session, import_id)))
    checks = check_rows(reading, asset_store, _listed(before), before.defaults)
    with transaction() as session:
        asset_import = _changeable(session, import_id)
        if (asset_import.columns, asset_import.head) == (before.columns, before.head):  # otherwise its columns were mapped in the meantime
            asset_import.findings, asset_import.checked_at = _as_json(checks), now


def start(session: Session, import_id: int, *, actor: Actor, now: datetime, with_likely_duplicates: bool = False) -> Task:
    """Starts the task that creates the assets of the rows without problems, and of likely duplicates if a person has decided so.

    Raises AssetImportNotFound; AssetImportStarted with the `task_id` of its task; AssetImportDeleted; AssetImportUnchecked; Invalid if no
    row can be created.
    """
    asset_import = _changeable(session, import_id)
    if asset_import.checked_at is None:
        raise AssetImportUnchecked(_("The import has not been checked yet. Check it, then create the assets."))
    checks = row_checks(asset_import)
    assets = [validate(each.values) for each in checks if each.is_valid or (with_likely_duplicates and each.is_likely_duplicate)]
    if not assets:
        raise Invalid(_("None of these assets can be created. Edit the list."))
    # Everybody who sees tasks reads the title, and a file's name may contain that of a person.
    title = ngettext("Create %(count)s asset", "Create %(count)s assets", len(assets), count=f"{len(assets):,}")
    task = start_creating(session, assets, title=title, actor=actor, now=now)
    asset_import.task_id = task.id
    return task


def discard(session: Session, import_id: int) -> None:
    """Deletes the import; of one whose task has ended, only its rows. Raises AssetImportNotFound; AssetImportStarted while the task is
    open."""
    asset_import = _locked(session, import_id)
    task = session.get(Task, asset_import.task_id) if asset_import.task_id else None
    if task is None:
        session.delete(asset_import)
    elif task.state in OPEN:
        message = _("The assets of this list are being created. Wait until the task is done, or cancel it.")
        raise AssetImportStarted(message, task_id=task.id)
    else:
        _delete_content(session, asset_import)


def delete_created(session: Session, task_id: int) -> None:
    """Deletes the rows of the list whose assets the task has created, every one."""
    for asset_import in session.scalars(select(AssetImport).where(AssetImport.task_id == task_id).with_for_update()):
        _delete_content(session, asset_import)


def delete_waiting(session: Session, *, now: datetime) -> int:
    """Deletes the rows of lists that were not created within a day, or whose task has ended: at once if it has created everything, else
    after a day in which it can be resumed. While a task is open, what it has to create stays. Returns how many lists."""
    of_task, before = Task.id == AssetImport.task_id, now - CONTENT_RETENTION
    everything = and_(Task.state == TaskState.DONE, Task.failed == 0)
    has_ended = select(Task.id).where(of_task, Task.state.not_in(OPEN), or_(everything, Task.ended_at < before)).exists()
    never_started = and_(AssetImport.task_id.is_(None), AssetImport.created_at < before)
    due = select(AssetImport).where(AssetImport.stored_size > 0, or_(never_started, has_ended)).with_for_update()
    lists = session.scalars(due).all()
    for asset_import in lists:
        _delete_content(session, asset_import)
    return len(lists)


def delete_old(session: Session, *, now: datetime) -> int:
    """Returns how many were deleted."""
    return affected(session.execute(delete(AssetImport).where(AssetImport.created_at < now - RETENTION)))


def _delete_content(session: Session, asset_import: AssetImport) -> None:
    """Of rows that a task was to create, the results stay: line, serial number, problems, and in the task the tag and the asset."""
    checks = row_checks(asset_import) if asset_import.task_id else []
    results = [replace(each, values={SERIAL_NUMBER: each.values[SERIAL_NUMBER]}) for each in checks]
    asset_import.rows, asset_import.head, asset_import.columns, asset_import.stored_size = [], [], {}, 0
    asset_import.findings = _as_json(results)
    if asset_import.task_id:
        tasks.strip_items(session, asset_import.task_id, keep=(SERIAL_NUMBER,))


def _set_content(asset_import: AssetImport, listed: Listed, checks: Sequence[RowCheck]) -> None:
    asset_import.rows, asset_import.head, asset_import.columns = listed.rows, listed.header, listed.columns
    asset_import.stored_size = len(json.dumps([listed.header, listed.rows], ensure_ascii=False).encode())
    asset_import.findings = _as_json(checks)


def _locked(session: Session, import_id: int) -> AssetImport:
    """The import, locked against others who start or change it. Raises AssetImportNotFound."""
    return _existing(session.scalar(select(AssetImport).where(AssetImport.id == import_id).with_for_update()), import_id)


def _changeable(session: Session, import_id: int) -> AssetImport:
    """The same; raises AssetImportStarted, AssetImportDeleted too."""
    return _with_content(_not_started(_locked(session, import_id)))


def _existing(asset_import: AssetImport | None, import_id: int) -> AssetImport:
    if asset_import is None:
        message = _("Import %(id)s does not exist. Imports are deleted after %(days)s days.", id=import_id, days=RETENTION.days)
        raise AssetImportNotFound(message, import_id=import_id)
    return asset_import


def _not_started(asset_import: AssetImport) -> AssetImport:
    if asset_import.task_id is not None:
        message = _("The assets of this import are being created, or have been created.")
        raise AssetImportStarted(message, task_id=asset_import.task_id)
    return asset_import


def _with_content(asset_import: AssetImport) -> AssetImport:
    if not asset_import.stored_size:
        raise AssetImportDeleted(_("The rows of this list were deleted. To create the assets, import the list again."))
    return asset_import


def _summaries(session: Session, conditions: Iterable[ColumnElement[bool]], limit: int) -> list[ImportSummary]:
    """The newest ones."""
    columns = [getattr(AssetImport, each.name) for each in fields(ImportSummary) if each.name != "row_count"]
    query = select(*columns, func.json_array_length(AssetImport.findings).label("row_count")).where(*conditions)
    return [ImportSummary(**row) for row in session.execute(query.order_by(AssetImport.id.desc()).limit(limit)).mappings()]


def _listed(asset_import: AssetImport) -> Listed:
    return Listed(asset_import.rows, [each["line"] for each in asset_import.findings], asset_import.head, asset_import.columns)


def _as_json(checks: Iterable[RowCheck]) -> list[dict[str, object]]:
    return [asdict(each) for each in checks]
