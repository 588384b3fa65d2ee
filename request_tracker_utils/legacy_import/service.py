"""Taking over what an older installation's database holds.

Rows are taken in chunks, a transaction each. What is here already is left as it is, whatever has become of it since; so a run that was
killed is ended by another one, and one more changes nothing.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Transaction
from request_tracker_utils.legacy_import import device_rows, log_rows, student_rows
from request_tracker_utils.legacy_import.report import Problem
from request_tracker_utils.legacy_import.run import Run
from request_tracker_utils.legacy_import.source import Row, Source, Table, says_yes, text_of
from request_tracker_utils.students.models import Action, Device, DeviceLog
from request_tracker_utils.students.search_keys import search_key

Take = Callable[[Session, Run, Table, list[Row]], list[Problem]]
TAKES: dict[str, Take] = {"students": student_rows.take, "device_info": device_rows.take, "device_logs": log_rows.take}
Advance = Callable[[str, int], None]
"""Is told of each table how many of its rows are done."""
STRETCH = 5_000
"""Ids of devices that one statement looks through."""


def take_over(source: Source, transaction: Transaction, run: Run, advance: Advance) -> Iterator[Problem]:
    """Yields what has to be told of single rows, as it is met; `run.counts` has the numbers. A dry run is given a factory of sessions that
    only read."""
    _look_ahead(source, run)
    for name, take in TAKES.items():
        if (table := source.tables.get(name)) is None:
            continue
        for rows in source.chunks(table):
            with transaction() as session:
                problems = take(session, run, table, rows)
            yield from problems
            advance(name, len(rows))
    if not run.wanted.dry:
        _tell_of_hand_ins(source, transaction, run)
        _date_assignments(transaction)


def _look_ahead(source: Source, run: Run) -> None:
    """What one table has to know of the next."""
    devices, logs = source.tables.get("device_info"), source.tables.get("device_logs")
    if devices and not devices.is_documented:
        run.seen.note("handed in", (search_key(text_of(value)) for value in source.distinct(devices, "student_id")))
        for row in (row for rows in source.chunks(devices) for row in rows):
            run.seen.claim("hand-in", search_key(row.text("asset_tag")), row.text("student_id"), row.id)
    if logs and not logs.is_documented and {"broken_screen", "asset_tag"} <= {*logs.columns}:
        by = "timestamp" if "timestamp" in logs.columns else "rowid"
        latest = source.latest(logs, "broken_screen", of="asset_tag", by=by)
        run.seen.note("broken", (search_key(text_of(tag)) for tag, broken in latest if says_yes(broken)))


def _tell_of_hand_ins(source: Source, transaction: Transaction, run: Run) -> None:
    devices = source.tables.get("device_info")
    if devices is None or devices.is_documented:
        return
    for rows in source.chunks(devices):
        with transaction() as session:
            log_rows.take_hand_ins(session, run, devices, rows)


def _date_assignments(transaction: Transaction) -> None:
    """Since when students have their devices: the older database knows it from its record alone."""
    given = select(func.max(DeviceLog.timestamp)).where(
        DeviceLog.asset_tag == Device.asset_tag, DeviceLog.student_id == Device.current_student_id, DeviceLog.action == Action.ASSIGNED
    )
    undated = (Device.current_student_id.is_not(None), Device.assigned_at.is_(None))
    with transaction() as session:
        last = session.scalar(select(func.max(Device.id)).where(*undated)) or 0
        first = session.scalar(select(func.min(Device.id)).where(*undated)) or 1
    for begin in range(first, last + 1, STRETCH):
        within = Device.id.between(begin, begin + STRETCH - 1)
        with transaction() as session:
            dated = update(Device).where(*undated, within, given.exists()).values(assigned_at=given.scalar_subquery())
            session.execute(dated, execution_options={"synchronize_session": False})
