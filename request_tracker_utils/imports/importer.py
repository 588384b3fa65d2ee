"""Processes the rows of a file: parses and compares them and, unless it is a preview, writes each chunk in a short transaction, so that
scan stations do not wait. A run that was killed starts over, and skips what it has already changed."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from operator import itemgetter
from types import TracebackType
from typing import Any, Self

from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.csv import unescape_formula
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.changes import Changes
from request_tracker_utils.imports.identifiers import LeadingZeros
from request_tracker_utils.imports.parsing import FileUnreadable
from request_tracker_utils.imports.remarks import Remarks
from request_tracker_utils.imports.report import CHANGED, DEACTIVATED, FOLLOWED_UP, NEW, Example, ImportReport
from request_tracker_utils.imports.row_types import (
    KEY_AND_IDENTITY,
    Chunk,
    DeactivatingRowType,
    FollowUp,
    FollowUpRowType,
    Missing,
    Plan,
    RowType,
)
from request_tracker_utils.imports.stored_rows import Row

CHUNK = 10_000
"""Rows of one transaction."""

RecordProgress = Callable[[Session, ImportReport], None]
RecordChanges = Callable[[Session, Changes], None]


def no_progress(_session: Session, _report: ImportReport) -> None:
    """For runs that need not be resumed."""


def no_changes(_session: Session, _changes: Changes) -> None:
    """For runs that need not be undone."""


class KeyIndex:
    """The keys that a file has contained so far, each with the line of its first occurrence. A context manager: they are in a temporary
    file, which is deleted on exit, so that a million keys need no memory."""

    def __enter__(self) -> Self:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE keys (key TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID",
        ):
            self._db.execute(statement)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()

    def first_lines(self, keys: Iterable[str]) -> dict[str, int]:
        """The lines of those keys that have occurred."""
        query = "SELECT key, line FROM keys WHERE key IN (SELECT value FROM json_each(?))"
        return dict(self._db.execute(query, (json.dumps(list(keys)),)))

    def add(self, keys: Sequence[str], lines: Sequence[int]) -> dict[str, int]:
        """Adds keys with their lines. Returns the first line of each key when any of them is a duplicate, otherwise nothing."""
        self._db.execute("BEGIN")
        added = self._db.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", zip(keys, lines, strict=True)).rowcount
        self._db.execute("COMMIT")
        return {} if added == len(keys) else self.first_lines(keys)


@dataclass
class Importer:
    """`columns` maps fields to columns. `record_progress` is called in each transaction with the report so far, and `resumed_from` is what
    a killed run recorded last. `record_changes` is called in each transaction with what it has changed. A `dry_run` writes nothing."""

    transaction: Transaction
    reading: Reading
    row_type: RowType
    columns: dict[str, int]
    actor: Actor
    clock: Callable[[], datetime]
    source: str = ""
    dry_run: bool = False
    deactivate_missing: bool = False
    match_zeros: bool = False
    record_progress: RecordProgress = no_progress
    record_changes: RecordChanges = no_changes
    resumed_from: ImportReport = field(default_factory=ImportReport)

    def run(self, lines: Iterable[Row], advance: Callable[[int], None]) -> ImportReport:
        """`advance` is called with the number of rows of each chunk. Raises what `advance` raises, Unavailable if other transactions
        conflict repeatedly, and FileUnreadable; a dry run puts the latter into its report."""
        started, before = self.clock(), self.resumed_from
        report = ImportReport(new=before.new, changed=before.changed, unchanged=before.unchanged, followed_up=before.followed_up)
        remarks = Remarks(self.row_type)
        with KeyIndex() as index:
            zeros = LeadingZeros(self.row_type, self.match_zeros, index.first_lines, lambda key, line: index.add([key], [line]))
            try:
                rows = iter(lines)
                while count := self._run_chunk(rows, index, report, remarks, zeros):
                    advance(count)
            except FileUnreadable as error:
                if not self.dry_run:
                    raise
                report.unreadable = error.message
                return report
            zeros.write(report)
            if self.deactivate_missing and isinstance(self.row_type, DeactivatingRowType):
                self._deactivate_missing(self.row_type, index, report, started)
        report.problems.sort(key=lambda problem: problem.line)
        remarks.write(report)
        return report

    def _run_chunk(self, lines: Iterator[Row], index: KeyIndex, report: ImportReport, remarks: Remarks, zeros: LeadingZeros) -> int:
        """Returns the number of rows."""
        is_counted = report.rows >= self.resumed_from.rows  # otherwise the killed run counted it
        count, chunk = self._read_chunk(islice(lines, CHUNK), index, report, remarks)
        if not count:
            return 0
        remarks.look_at(chunk)
        report.rows += count
        if self.dry_run:
            with self.reading() as session:
                plan = zeros.plan(session, chunk)
        else:
            plan = bulk.retry(self.transaction, lambda session: self._write(session, chunk, zeros, copy(report), is_counted))
        self._report_plan(chunk, plan, report, is_counted)
        if isinstance(self.row_type, FollowUpRowType):
            batch = self.row_type.follow_up_batch
            for begin in range(0, len(plan.follow_ups), batch):
                self._follow_up(self.row_type, chunk, plan.follow_ups[begin : begin + batch], report)
        return count

    def _read_chunk(self, lines: Iterator[Row], index: KeyIndex, report: ImportReport, remarks: Remarks) -> tuple[int, Chunk]:
        """The number of rows, and the valid ones of them without duplicates."""
        row_type, fields = self.row_type, list(self.columns.items())
        key_column, identity_column = row_type.key_column, row_type.identity_column
        chunk, keys, numbers, pick = Chunk(), list[str](), list[int](), None
        repeated = list[tuple[int, str, str]]()
        count = 0
        for line, cells, is_footer in lines:
            count += 1
            if is_footer:
                remarks.leave_out(line, cells)
                continue
            width = len(cells)
            values = {name: unescape_formula(cells[number]) if number < width else "" for name, number in fields}
            try:
                columns, follow_up = row_type.parse(values, is_complete=self.deactivate_missing)
            except Invalid:
                key, messages = row_type.explain(values)
                report.add_invalid(line, values[row_type.key_field], messages)
                report.without_key += not key
            else:
                key = columns[key_column]
                if pick is None:
                    others = [name for name in columns if name not in (key_column, identity_column)]
                    chunk.columns = (key_column, identity_column, *others)
                    pick = itemgetter(*chunk.columns)
                if key in chunk.values:
                    repeated.append((line, key, columns[identity_column]))
                else:
                    chunk.values[key], chunk.lines[key] = pick(columns), line
                    if follow_up is not None:
                        chunk.follow_ups[key] = follow_up
            if key:
                keys.append(key)
                numbers.append(line)
        first = index.add(keys, numbers)
        for key in [key for key in first if chunk.lines.get(key, first[key]) != first[key]]:
            repeated.append((chunk.lines.pop(key), key, chunk.identity(key)))
            del chunk.values[key]
        for line, key, name in repeated:
            report.add_invalid(line, name, [_("%(name)s is already in line %(line)s.", name=name, line=first[key])])
        return count, chunk

    def _write(self, session: Session, chunk: Chunk, zeros: LeadingZeros, ahead: ImportReport, is_counted: bool) -> Plan:
        """`ahead` becomes the report once this is committed."""
        plan = zeros.plan(session, chunk)
        changes = self.row_type.apply(session, chunk, plan, actor=self.actor, now=self.clock(), source=self.source)
        self.record_changes(session, changes)
        if is_counted:
            _count(plan, ahead)
        self.record_progress(session, ahead)
        return plan

    def _follow_up(self, row_type: FollowUpRowType, chunk: Chunk, keys: list[str], report: ImportReport) -> None:
        def follow_up(session: Session) -> list[FollowUp]:
            now = self.clock()
            results = row_type.follow_up(session, chunk, keys, actor=self.actor, now=now, source=self.source)
            if not self.dry_run:
                self.record_changes(session, Changes(now, follow_ups=[result.undo for result in results if result.undo]))
                ahead = copy(report)
                ahead.followed_up += sum(not result.error for result in results)
                self.record_progress(session, ahead)
            return results

        for key, change, error, _undo in bulk.retry(self.transaction, follow_up, commit=not self.dry_run):
            if error:
                report.add_invalid(chunk.lines[key], chunk.identity(key), [error])
            elif change:
                report.followed_up += 1
                report.add_example(FOLLOWED_UP, Example(chunk.identity(key), chunk.lines[key], [change]))

    def _deactivate_missing(self, row_type: DeactivatingRowType, index: KeyIndex, report: ImportReport, started: datetime) -> None:
        if report.without_key:
            report.not_deactivated = ngettext(
                "Nothing was deactivated: %(num)s row has an invalid number and could belong to any record. Correct the file first.",
                "Nothing was deactivated: %(num)s rows have an invalid number and could belong to any record. Correct the file first.",
                report.without_key,
            )
            return
        if report.zeros:
            report.not_deactivated = ngettext(
                "Nothing was deactivated: %(count)s row differs from an existing number only in leading zeros. Match the numbers first.",
                "Nothing was deactivated: %(count)s rows differ from existing numbers only in leading zeros. Match the numbers first.",
                report.zeros,
                count=f"{report.zeros:,}",
            )
            return
        for missing in row_type.find_missing(self.reading, index.first_lines, until=started):
            if not self.dry_run:
                bulk.retry(self.transaction, lambda session, missing=missing: self._deactivate(session, row_type, missing))  # type: ignore[misc]
            report.deactivated += len(missing)
            for each in missing[: report.room(DEACTIVATED)]:
                report.add_example(DEACTIVATED, Example(each.name))

    def _deactivate(self, session: Session, row_type: DeactivatingRowType, missing: Sequence[Missing]) -> None:
        self.record_changes(session, row_type.deactivate(session, missing, now=self.clock()))

    def _report_plan(self, chunk: Chunk, plan: Plan, report: ImportReport, is_counted: bool) -> None:
        """Adds problems always, and counts and examples unless the killed run counted them."""
        for key, messages in plan.refused:
            report.add_invalid(chunk.lines[key], chunk.identity(key), messages)
        if not is_counted:
            return
        _count(plan, report)
        row_type = self.row_type
        for key in plan.new[: report.room(NEW)]:
            values = chunk.as_mapping(key)
            shown = [(name, "", _text(values[name])) for name in row_type.shown_columns if _text(values.get(name))]
            report.add_example(NEW, Example(row_type.describe(chunk.identity(key), values), chunk.lines[key], shown))
        for change in plan.changed[: report.room(CHANGED)]:
            values = chunk.as_mapping(change.key)
            before = zip(chunk.columns[KEY_AND_IDENTITY:], change.before, strict=True)
            visible = [(name, old) for name, old in before if old != values[name] and name not in row_type.hidden_columns]
            shown = [(name, _text(old), _text(values[name])) for name, old in visible]
            name = row_type.describe(chunk.identity(change.key), values)
            report.add_example(CHANGED, Example(name, chunk.lines[change.key], shown))


def _count(plan: Plan, report: ImportReport) -> None:
    report.new += len(plan.new)
    report.changed += len(plan.changed)
    report.unchanged += plan.unchanged


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else str(value)
