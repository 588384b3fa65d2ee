"""A legacy installation's database for tests, in both forms, and its import."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import Transaction, reading, transaction
from request_tracker_utils.legacy_import.run import Counts, ImportOptions, ImportRun, Outcome, RowReport, RunIndex
from request_tracker_utils.legacy_import.service import import_database
from request_tracker_utils.legacy_import.source import open_source
from request_tracker_utils.students.models import Device, DeviceLog, Student
from request_tracker_utils.tags.models import Tag, TagEvent, TagSequence

NOW = datetime(2030, 8, 17, 7, 30, tzinfo=UTC)
"""Later than the times that SQLite fills in while the tests run."""
CHICAGO = ZoneInfo("America/Chicago")
DOCUMENTED_FORM = """
    CREATE TABLE students (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        student_id TEXT UNIQUE NOT NULL,
        first_name TEXT NOT NULL,
        last_name TEXT NOT NULL,
        grade INTEGER,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
    );
    CREATE TABLE device_info (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        asset_tag TEXT UNIQUE NOT NULL,
        serial_number TEXT,
        model TEXT,
        status TEXT DEFAULT 'available',
        current_student_id TEXT,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        FOREIGN KEY (current_student_id) REFERENCES students (student_id)
    );
    CREATE TABLE device_logs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        asset_tag TEXT NOT NULL,
        student_id TEXT NOT NULL,
        action TEXT NOT NULL,
        timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        notes TEXT,
        FOREIGN KEY (asset_tag) REFERENCES device_info (asset_tag),
        FOREIGN KEY (student_id) REFERENCES students (student_id)
    );
"""
FIELD_FORM = """
    CREATE TABLE students (
        id TEXT PRIMARY KEY, first_name TEXT, last_name TEXT, grade TEXT, rt_user_id, device_checked_in, check_in_date,
        created_at, updated_at
    );
    CREATE TABLE device_info (student_id, asset_id, asset_tag, device_type, serial_number, check_in_timestamp);
    CREATE TABLE device_logs (
        timestamp INTEGER, date, time, asset_id, asset_tag, device_type, serial_number, previous_owner, ticket_id,
        has_ticket, ticket_description, broken_screen, checked_by, created_at
    );
"""


class LegacyFile:
    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self.run(schema)

    def run(self, script: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(script)

    def add(self, table: str, *rows: dict[str, Any]) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for row in rows:
                places = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", tuple(row.values()))

    def student(self, number: Any = "1001", first: Any = "Grace", last: Any = "Hopper", grade: Any = 9, **more: Any) -> None:
        """In either form."""
        with closing(sqlite3.connect(self.path)) as connection:
            columns = [row[1] for row in connection.execute("PRAGMA table_info(students)")]
        column = "student_id" if "student_id" in columns else "id"
        self.add("students", {column: number, "first_name": first, "last_name": last, "grade": grade, **more})

    def device(self, tag: Any = "W12-0001", **more: Any) -> None:
        self.add("device_info", {"asset_tag": tag, **more})

    def log(self, tag: Any = "W12-0001", **more: Any) -> None:
        self.add("device_logs", {"asset_tag": tag, **more})


@dataclass
class Done:
    """The result of an import."""

    counts: Counts
    reports: list[RowReport] = field(default_factory=list)

    def of(self, table: str) -> tuple[int, int, int, int]:
        """Numbers of rows that were imported, existed, were imported with warnings, and were not imported."""
        imported, existing, with_warnings, not_imported = (self.counts.of[table, outcome] for outcome in Outcome)
        return imported, existing, with_warnings, not_imported

    def reasons(self, table: str) -> list[str]:
        return [report.reason for report in self.reports if report.table == table]

    @property
    def reason(self) -> str:
        """Of the only report; empty when there is none."""
        assert len(self.reports) <= 1, self.reports
        return self.reports[0].reason if self.reports else ""


def import_legacy(app: Flask, file: LegacyFile, *, transactions: Transaction = transaction, dry_run: bool = False, **more: Any) -> Done:
    """Imports the file as the command does."""
    options = ImportOptions(**{"zone": CHICAGO, "actor": of_command(), "now": NOW, "dry_run": dry_run, **more})
    with app.app_context(), open_source(file.path) as source, RunIndex() as index:
        run = ImportRun(options, index)
        sessions = reading if dry_run else transactions
        reports = list(import_database(source, sessions, run, lambda _table, _done: None))
    return Done(run.counts, reports)


def written_tables(app: Flask) -> list[Any]:
    """The content of all tables that an import writes."""
    with app.app_context(), reading() as session:
        tables = (Student, Device, DeviceLog, Tag, TagEvent, TagSequence)
        return [sorted(map(tuple, session.execute(select(table.__table__))), key=str) for table in tables]


def only(app: Flask, model: type[Any], where: Callable[[Any], bool] = lambda _: True) -> Any:
    """The only row, or the only one with this condition."""
    with app.app_context(), reading() as session:
        (row,) = filter(where, session.scalars(select(model)))
        return row
