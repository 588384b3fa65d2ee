"""A list looked through, and imported: some thousands of rows at a time, each time in a short transaction, so that nobody who hands out
devices meanwhile waits. Killed and begun anew it goes over everything again, and changes only what is not so yet."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.tables import ListUnreadable
from request_tracker_utils.rosters import apply_devices, bulk, deactivation, planning
from request_tracker_utils.rosters.duplicates import Seen
from request_tracker_utils.rosters.findings import Findings
from request_tracker_utils.rosters.list_types import Row, Sheet
from request_tracker_utils.rosters.models import Subject
from request_tracker_utils.rosters.planning import Plan
from request_tracker_utils.students import service as students

T = TypeVar("T")
CHUNK = 10_000
"""Rows of one transaction."""
TRIES, PAUSE = 20, 0.25
"""How often, and after how many seconds, a chunk is tried again that met somebody else's rows."""
PATIENCE = 400
"""Milliseconds that a chunk waits for a row which somebody else has locked; less than PostgreSQL's deadlock_timeout."""
KNOWN_BY = {"rt_user", "email"}
"""Columns that say what a student is called in Request Tracker."""

Lines = Iterable[tuple[int, list[str]]]
Reached = Callable[[Session, Findings], None]


def nowhere(_session: Session, _findings: Findings) -> None:
    """For who need not remember how far it came."""


@dataclass
class Import:
    """`reached` is called in each transaction with what was found so far; `before` is what it was given last when an import was killed.
    With `dry` nothing is written."""

    transaction: Transaction
    reading: Reading
    sheet: Sheet
    columns: dict[str, int]
    actor: Actor
    clock: Callable[[], datetime]
    source: str = ""
    dry: bool = False
    deactivate_missing: bool = False
    reached: Reached = nowhere
    before: Findings = field(default_factory=Findings)

    def run(self, lines: Lines, advance: Callable[[int], None]) -> Findings:
        """Raises what `advance` raises, and Unavailable where the database lets nobody in; ListUnreadable for a list that breaks off, of
        which a dry run says so in its findings."""
        begun, before = self.clock(), self.before
        findings = Findings(new=before.new, changed=before.changed, unchanged=before.unchanged, handed=before.handed)
        with Seen() as seen:
            try:
                rows = iter(lines)
                while read := self._next_chunk(rows, seen, findings):
                    advance(read)
            except ListUnreadable as error:
                if not self.dry:
                    raise
                findings.broken = error.message
                return findings
            if self.deactivate_missing:
                self._deactivate(seen, findings, begun)
        findings.problems.sort(key=lambda problem: problem.line)
        return findings

    def _next_chunk(self, rows: Iterator[tuple[int, list[str]]], seen: Seen, findings: Findings) -> int:
        """How many rows it had."""
        with _collector_paused():
            chunk = list(islice(rows, CHUNK))
            if chunk:
                self._chunk(chunk, seen, findings)
        return len(chunk)

    def _chunk(self, chunk: list[tuple[int, list[str]]], seen: Seen, findings: Findings) -> None:
        all_active = self.deactivate_missing and "active" not in self.columns
        rows = planning.read(self.sheet, self.columns, chunk, seen, findings, all_active=all_active)
        counted = findings.rows >= self.before.rows  # else it was counted before the import was killed
        findings.rows += len(chunk)
        if self.dry:
            with self.reading() as session:
                plan = planning.compare(session, self.sheet, rows)
        else:
            plan = self._patiently(lambda session: self._write(session, rows, copy(findings), counted))
        planning.note(plan, self.sheet, findings, counted=counted)
        for begin in range(0, len(plan.handed), apply_devices.MOST):
            self._hand(plan.handed[begin : begin + apply_devices.MOST], findings)

    def _write(self, session: Session, rows: list[Row], ahead: Findings, counted: bool) -> Plan:
        """`ahead` is what will have been found when this is committed."""
        plan = planning.compare(session, self.sheet, rows)
        now = self.clock()
        if plan.new:
            _insert(session, self.sheet, plan, now)
        if plan.changed:
            _update(session, self.sheet, plan, now)
        if counted:
            planning.count(plan, ahead)
        self.reached(session, ahead)
        return plan

    def _hand(self, rows: list[Row], findings: Findings) -> None:
        notes = f"From the list {self.source}" if self.source else ""

        def hand(session: Session) -> list[apply_devices.Handed]:
            done = apply_devices.hand(session, rows, actor=self.actor, now=self.clock(), notes=notes)
            if not self.dry:
                ahead = copy(findings)
                ahead.handed += sum(not each.error for each in done)
                self.reached(session, ahead)
            return done

        for handed in self._patiently(hand, keep=not self.dry):
            findings.hand(handed.row.line, handed.row.columns[self.sheet.identity], handed.change, handed.error)

    def _deactivate(self, seen: Seen, findings: Findings, begun: datetime) -> None:
        if findings.unnamed:
            rows = "a row has" if findings.unnamed == 1 else f"{findings.unnamed:,} rows have"
            findings.kept = f"Nobody is made inactive: {rows} no number that can be read, and may be about anybody. Mend the list first."
            return
        for gone in deactivation.absent(self.reading, seen, until=begun):
            if not self.dry:
                self._patiently(lambda session, gone=gone: deactivation.deactivate(session, gone, now=self.clock()))  # type: ignore[misc]
            findings.deactivate(gone)

    def _patiently(self, do: Callable[[Session], T], *, keep: bool = True) -> T:
        """Does it in a transaction, and again when others were quicker or in the way."""
        for _ in range(TRIES):
            try:
                with self.transaction() as session:
                    bulk.prepare(session, patience=PATIENCE)
                    done = do(session)
                    if not keep:
                        session.rollback()
                    return done
            except (bulk.Overtaken, OperationalError):
                time.sleep(PAUSE)
        raise Unavailable("Others write to the same rows all the time. The list goes on later.")


def _insert(session: Session, sheet: Sheet, plan: Plan, now: datetime) -> None:
    names = (sheet.identity, *plan.names)
    same: dict[str, Any] = {name: value for name, value in sheet.fresh.items() if name not in names}
    pick = planning.picker(names)
    rows = [(row.key, *pick(row.columns)) for row in sorted(plan.new, key=lambda row: row.key)]
    bulk.insert(session, sheet.table, (sheet.key, *names), rows, {**same, "created_at": now, "updated_at": now})


def _update(session: Session, sheet: Sheet, plan: Plan, now: datetime) -> None:
    """Only columns in which something changes: a database enters all that it is given into its indexes, changed or not."""
    pairs = list(zip(*((zip(change.before, change.values, strict=True)) for change in plan.changed), strict=True))
    places = [place for place, column in enumerate(pairs) if any(old != new for old, new in column)]
    names = tuple(plan.names[place] for place in places)
    rows = [(change.id, *(change.values[place] for place in places)) for change in plan.changed]
    if "grade" in names:  # a grade that changes otherwise than by the turn of the year is not taken back with it
        grade = plan.names.index("grade")
        names = (*names, "school_year_id", "grade_before")
        turned = [change.beside[1:] if change.values[grade] == change.before[grade] else (None, None) for change in plan.changed]
        rows = [(*row, *each) for row, each in zip(rows, turned, strict=True)]
    if sheet.subject == Subject.STUDENTS:
        renamed = [change.row.key for change in plan.changed if change.beside[0] and _is_renamed(plan, change)]
        students.resync_students(session, renamed, now=now)  # devices are locked before students, as everybody does who gives one out
    bulk.update(session, sheet.table, names, rows, {"updated_at": now})


def _is_renamed(plan: Plan, change: planning.Change) -> bool:
    return any(name in KNOWN_BY and old != new for name, old, new in zip(plan.names, change.before, change.values, strict=True))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Python counts what is made and then looks through everything for what points at itself: rows by thousands make it look again and
    again, and nothing of them does. A good part of the time would go into that."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
