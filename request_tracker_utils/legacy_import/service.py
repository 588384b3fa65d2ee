"""Imports a legacy installation's database.

Rows are imported in chunks, each in one transaction. Existing records are not changed. So the next run completes a run that was
killed, and a repeated run changes nothing.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.text import search_key
from request_tracker_utils.legacy_import.devices import import_devices
from request_tracker_utils.legacy_import.history import import_history, import_returns
from request_tracker_utils.legacy_import.run import ImportRun, RowReport
from request_tracker_utils.legacy_import.source import Row, Source, Table, is_yes, text_of
from request_tracker_utils.legacy_import.students import import_students
from request_tracker_utils.students.models import Action, Device, DeviceLog

ImportRows = Callable[[Session, ImportRun, Table, list[Row]], list[RowReport]]
IMPORTS: dict[str, ImportRows] = {"students": import_students, "device_info": import_devices, "device_logs": import_history}
Advance = Callable[[str, int], None]
"""Called with the name of a table and the number of rows that are done."""
DEVICES_PER_STATEMENT = 5_000


def import_database(source: Source, transaction: Reading | Transaction, run: ImportRun, advance: Advance) -> Iterator[RowReport]:
    """Yields reports of rows; the numbers are in `run.counts`. For a dry run, `transaction` opens sessions that only read."""
    _index_later_tables(source, run)
    for name, import_rows in IMPORTS.items():
        if (table := source.tables.get(name)) is None:
            continue
        for rows in source.chunks(table):
            with transaction() as session:
                reports = import_rows(session, run, table, rows)
            yield from reports
            advance(name, len(rows))
    if not run.options.dry_run:
        _import_returns(source, transaction, run)
        _date_assignments(transaction)


def _index_later_tables(source: Source, run: ImportRun) -> None:
    """Adds to the index what a table needs from the tables after it."""
    devices, logs = source.tables.get("device_info"), source.tables.get("device_logs")
    if devices and not devices.is_documented:
        run.index.add("returned by", (search_key(text_of(value)) for value in source.distinct(devices, "student_id")))
        for row in (row for rows in source.chunks(devices) for row in rows):
            run.index.claim("return", search_key(row.text("asset_tag")), row.text("student_id"), row.id)
    if logs and not logs.is_documented and {"broken_screen", "asset_tag"} <= {*logs.columns}:
        by = "timestamp" if "timestamp" in logs.columns else "rowid"
        latest = source.latest(logs, "broken_screen", of="asset_tag", by=by)
        run.index.add("broken", (search_key(text_of(tag)) for tag, broken in latest if is_yes(broken)))


def _import_returns(source: Source, transaction: Reading | Transaction, run: ImportRun) -> None:
    devices = source.tables.get("device_info")
    if devices is None or devices.is_documented:
        return
    for rows in source.chunks(devices):
        with transaction() as session:
            import_returns(session, run, devices, rows)


def _date_assignments(transaction: Reading | Transaction) -> None:
    """Sets the times of assignments, which the legacy database only has in its history."""
    assigned = select(func.max(DeviceLog.timestamp)).where(
        DeviceLog.asset_tag == Device.asset_tag, DeviceLog.student_id == Device.current_student_id, DeviceLog.action == Action.ASSIGNED
    )
    undated = (Device.current_student_id.is_not(None), Device.assigned_at.is_(None))
    with transaction() as session:
        last = session.scalar(select(func.max(Device.id)).where(*undated)) or 0
        first = session.scalar(select(func.min(Device.id)).where(*undated)) or 1
    for begin in range(first, last + 1, DEVICES_PER_STATEMENT):
        within = Device.id.between(begin, begin + DEVICES_PER_STATEMENT - 1)
        with transaction() as session:
            dated = update(Device).where(*undated, within, assigned.exists()).values(assigned_at=assigned.scalar_subquery())
            session.execute(dated, execution_options={"synchronize_session": False})
