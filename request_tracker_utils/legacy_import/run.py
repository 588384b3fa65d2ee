"""What the tables of one import share: options, the index of processed rows, counts and reports, validation, and bulk inserts."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import TracebackType
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.legacy_import.source import TABLES, Row, Table, parse_time, text_of
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.models import Device, Student

QUERY_KEYS = 500
"""Maximum number of keys in a query."""
CLOCK_TOLERANCE = timedelta(days=1)
"""Later times than this are reported as being in the future."""


class Outcome(StrEnum):
    IMPORTED = "imported"
    EXISTING = "existing"
    WITH_WARNINGS = "imported with warnings"
    NOT_IMPORTED = "not imported"


class RowReport(NamedTuple):
    """The warnings about a row of the legacy database."""

    table: str
    row: str
    outcome: Outcome
    reason: str


@dataclass
class Counts:
    of: Counter[tuple[str, Outcome]] = field(default_factory=Counter)

    def count(self, table: str, row: str, outcome: Outcome, warnings: list[str]) -> list[RowReport]:
        """Counts the row. Returns its report if there is anything to report."""
        if outcome is Outcome.IMPORTED and warnings:
            outcome = Outcome.WITH_WARNINGS
        self.of[table, outcome] += 1
        return [RowReport(table, row, outcome, " ".join(warnings))] if warnings else []

    @property
    def not_imported(self) -> int:
        return sum(count for (_table, outcome), count in self.of.items() if outcome is Outcome.NOT_IMPORTED)

    def table(self) -> list[list[str]]:
        """A header, and a line for each table of the legacy database."""
        numbers = [[table, *(f"{self.of[table, outcome]:,}" for outcome in Outcome)] for table in TABLES]
        return [["table", *map(str, Outcome)], *numbers]


class Claim(NamedTuple):
    """A row of the legacy database: the student number or tag that it has here, and the row's id."""

    name: str
    row: str


class RunIndex:
    """What the run has processed so far, in a temporary SQLite file, so that memory use does not grow."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript("""
            PRAGMA journal_mode = OFF;
            CREATE TABLE claims (kind TEXT, key TEXT, name TEXT, row TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID;
            CREATE TABLE digests (digest TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
            BEGIN;
        """)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def claim(self, kind: str, key: str, name: str, row: str) -> Claim | None:
        """Claims the key for the row. Returns the claim of an earlier row, which stays, or None."""
        if self._file.execute("INSERT OR IGNORE INTO claims VALUES (?, ?, ?, ?)", (kind, key, name, row)).rowcount:
            return None
        return self.find(kind, key)

    def find(self, kind: str, key: str) -> Claim | None:
        with closing(self._file.execute("SELECT name, row FROM claims WHERE kind = ? AND key = ?", (kind, key))) as found:
            row = found.fetchone()
        return Claim(*row) if row else None

    def add(self, kind: str, keys: Iterable[str]) -> None:
        """Adds keys without the rows that they belong to."""
        self._file.executemany("INSERT OR IGNORE INTO claims VALUES (?, ?, '', '')", ((kind, key) for key in keys))

    def count(self, digest: str) -> int:
        """How often the digest was counted, including this time."""
        upsert = "INSERT INTO digests VALUES (?, 1) ON CONFLICT (digest) DO UPDATE SET count = count + 1 RETURNING count"
        with closing(self._file.execute(upsert, (digest,))) as found:
            return int(found.fetchone()[0])


@dataclass(frozen=True)
class ImportOptions:
    """`zone` is that of times without one. A `dry_run` writes nothing. `sync_holders` pushes who has which device to the asset store.
    `has_asset_ids` says that the legacy asset ids are those of the asset store in use."""

    zone: ZoneInfo
    actor: Actor
    now: datetime
    dry_run: bool = False
    sync_holders: bool = False
    has_asset_ids: bool = True


@dataclass
class ImportRun:
    options: ImportOptions
    index: RunIndex
    counts: Counts = field(default_factory=Counts)

    def time(self, table: Table, row: Row, column: str, warnings: list[str]) -> datetime | None:
        """The time in a column; None for an empty column, and with a warning for an invalid one."""
        if not row.text(column):
            return None
        try:
            time = parse_time(row.values[column], self.options.zone, is_clock=column in table.clock_columns)
        except ValueError:
            warnings.append(_("%(column)s: %(value)s is not a valid time.", column=column, value=repr(row.text(column)[:60])))
            return None
        if time > self.options.now + CLOCK_TOLERANCE:
            warnings.append(_("%(column)s: %(value)s is in the future.", column=column, value=row.text(column)[:60]))
        return time


class KnownStudent(NamedTuple):
    student_id: str
    name: str


class KnownDevice(NamedTuple):
    asset_tag: str
    facts: Mapping[str, str]
    """What the legacy history repeats of the device in each entry: its column → the value here."""


def known_students(session: Session, run: ImportRun, texts: Iterable[str]) -> dict[str, KnownStudent]:
    """The students with these numbers, by key; in a dry run also those who would be imported. Locked against deletion."""
    keys = sorted({search_key(text) for text in texts if text})
    query = select(Student.id_key, Student.student_id, Student.first_name, Student.last_name).order_by(Student.id_key)
    query = query if run.options.dry_run else query.with_for_update(read=True, key_share=True)
    found = {}
    for part in batches(keys):
        for id_key, number, first, last in session.execute(query.where(Student.id_key.in_(part))):
            found[id_key] = KnownStudent(number, f"{first} {last}".strip())
    if run.options.dry_run:
        for each in keys:
            if each not in found and (claim := run.index.find("student", each)):
                found[each] = KnownStudent(claim.name, "")
    return found


def known_devices(session: Session, run: ImportRun, tags: Iterable[str]) -> dict[str, KnownDevice]:
    """The devices with these tags, by key; in a dry run also those that would be imported."""
    keys = sorted({search_key(tag) for tag in tags if tag})
    query = select(Device.tag_key, Device.asset_tag, Device.asset_id, Device.serial_number, Device.model)
    found = {}
    for part in batches(keys):
        for tag_key, tag, asset_id, serial, model in session.execute(query.where(Device.tag_key.in_(part))):
            found[tag_key] = KnownDevice(tag, {"asset_id": text_of(asset_id), "serial_number": serial or "", "device_type": model})
    if run.options.dry_run:
        for each in keys:
            if each not in found and (claim := run.index.find("device", each)):
                found[each] = KnownDevice(claim.name, {})
    return found


class RowResult(NamedTuple):
    """A row of the legacy database, its outcome, and its columns here if it is to be imported."""

    row: str
    outcome: Outcome
    columns: dict[str, Any]
    warnings: list[str]


def insert_rows(
    session: Session, run: ImportRun, model: type[Any], key_column: Any, table: str, results: list[RowResult]
) -> list[RowReport]:
    """Inserts the rows to be imported, counts all rows, and returns their reports."""
    rows = [result.columns for result in results if result.outcome is Outcome.IMPORTED]
    inserted = {columns[key_column.name] for columns in rows}
    if rows and not run.options.dry_run:
        insert = upsert_into(session)(model).on_conflict_do_nothing().returning(key_column)
        inserted = set(session.scalars(insert, rows))
    reports = []
    for row, outcome, columns, warnings in results:
        if outcome is Outcome.IMPORTED and columns[key_column.name] not in inserted:
            message = _("It was created by someone else at the same time. Run this command again to compare the two.")
            reports += run.counts.count(table, row, Outcome.NOT_IMPORTED, [message])
        else:
            reports += run.counts.count(table, row, outcome, warnings)
    return reports


def batches(items: list[Any]) -> Iterable[list[Any]]:
    return (items[begin : begin + QUERY_KEYS] for begin in range(0, len(items), QUERY_KEYS))


def apply_rule(
    rule: Callable[[Mapping[str, Any]], dict[str, Any]], values: Mapping[str, Any], required: Iterable[str], warnings: list[str]
) -> dict[str, Any]:
    """The columns by the rule. Invalid values are left out with a warning; raises InvalidField for a `required` one."""
    values = dict(values)
    while True:
        try:
            return rule(values)
        except InvalidField as error:
            invalid = str(error.fields["field"])
            if invalid in required or not values[invalid]:
                raise
            values[invalid] = ""
            warnings.append(_("%(problem)s It was not imported.", problem=error.message))


def warn_about_other_columns(row: Row, known: Iterable[str], warnings: list[str]) -> None:
    """Warns about every value that has no column here."""
    for column, value in row.values.items():
        if column not in known and text_of(value).strip():
            warnings.append(_("%(column)s is not imported: %(value)s.", column=column, value=repr(text_of(value)[:200])))


def differences(record: Any, columns: Mapping[str, Any], compared: Iterable[str]) -> list[str]:
    """A sentence for each column in which an existing record, which is not changed, differs from the legacy row."""
    return [
        _(
            "%(column)s is %(ours)s in this database and %(theirs)s in the legacy database. It was not changed.",
            column=column,
            ours=getattr(record, column) or _("empty"),
            theirs=columns[column],
        )
        for column in compared
        if columns.get(column) and getattr(record, column) != columns[column]
    ]
