"""Lists as they are brought: kept in parts, their columns mapped, and their checks and imports begun and noted."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.core.tables import MOST_COLUMNS, ListUnreadable
from request_tracker_utils.rosters.errors import ColumnUnfit, RosterBusy, RosterNotFound, RosterUnchecked
from request_tracker_utils.rosters.fields import TITLES, WORDS, key_field
from request_tracker_utils.rosters.files import Passing, layout_of, rows_of
from request_tracker_utils.rosters.findings import Findings, of_report
from request_tracker_utils.rosters.models import Roster, RosterPart, RosterState
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import OPEN, Task

CHECK, IMPORT = "check-roster", "import-roster"
"""Kinds of tasks."""
KEPT = timedelta(days=30)
LATEST = 5


def keep(transaction: Transaction, pieces: Iterable[bytes], *, subject: str, source: str, actor: Actor, now: datetime) -> Roster:
    """Keeps a file piece by piece, each in a transaction of its own. Raises ListUnreadable for what is no list; nothing is kept then."""
    facts: dict[str, Any] = {"subject": subject, "source": source[-200:], "started_by": actor.name[:100], "created_at": now}
    empty: dict[str, Any] = {"size": 0, "encoding": "", "separator": "", "head": [], "sample": [], "columns": {}, "report": {}}
    with transaction() as session:
        roster = Roster(**facts, **empty, state=RosterState.READ)
        session.add(roster)
        session.flush()
    passing = Passing()
    try:
        for position, piece in enumerate(pieces):
            with transaction() as session:
                session.add(RosterPart(roster_id=roster.id, position=position, content=passing.see(piece)))
        encoding = passing.encoding()
        layout = layout_of(passing.beginning, encoding, WORDS[subject], whole=passing.size == len(passing.beginning))
    except ListUnreadable:
        with transaction() as session:
            session.execute(delete(Roster).where(Roster.id == roster.id))
        raise
    with transaction() as session:
        roster = session.get_one(Roster, roster.id)
        roster.size, roster.encoding, roster.separator = passing.size, layout.encoding, layout.separator
        roster.head, roster.sample, roster.columns = layout.head, layout.sample, layout.columns
        roster.report = {"lines": passing.lines}
    return roster


def get(session: Session, roster_id: int) -> Roster:
    """Raises RosterNotFound, also for one that is still coming in."""
    roster = session.get(Roster, roster_id)
    if roster is None or not roster.size:
        raise RosterNotFound(f"There is no list {roster_id}. Lists are kept for {KEPT.days} days.")
    return roster


def latest(session: Session, actor: Actor, subject: str) -> list[Roster]:
    """What the person brought last."""
    mine = select(Roster).where(Roster.started_by == actor.name[:100], Roster.subject == subject, Roster.size > 0)
    return list(session.scalars(mine.order_by(Roster.id.desc()).limit(LATEST)))


def rows(reading: Reading, roster: Roster) -> Iterator[tuple[int, list[str]]]:
    """The list's rows, each with its line, read part by part. Raises ListUnreadable where one cannot be read."""
    return rows_of(_parts(reading, roster.id), roster.encoding, roster.separator, has_head=bool(roster.head))


def map_columns(
    session: Session, roster_id: int, columns: Mapping[str, int], *, deactivate_missing: bool, first_is_head: bool = False
) -> None:
    """Says which column is what, counted from 0, and what becomes of students who are missing; the list has to be checked then.

    Raises RosterNotFound, RosterBusy, ColumnUnfit.
    """
    roster = idle(session, roster_id)
    titles, needed = TITLES[roster.subject], key_field(roster.subject)
    if needed not in columns:
        raise ColumnUnfit(f"Say in which column the {titles[needed].lower()} is.", field=needed)
    for name, number in columns.items():
        if name not in titles or not 0 <= number < MOST_COLUMNS:
            raise ColumnUnfit("The list has no such column. Choose again.", field=name)
        other = next(other for other in columns if columns[other] == number)
        if other != name:
            raise ColumnUnfit(f"{titles[other]} and {titles[name]} are the same column. Choose another for one of them.", field=name)
    if first_is_head and not roster.head and len(roster.sample) > 1:
        roster.head, roster.sample = roster.sample[0], roster.sample[1:]
    roster.columns, roster.deactivate_missing = dict(columns), deactivate_missing
    roster.state, roster.report = RosterState.READ, {"lines": roster.report["lines"]}


def start_check(session: Session, roster_id: int, *, actor: Actor, now: datetime) -> Task:
    """Raises RosterNotFound, RosterBusy, ColumnUnfit."""
    roster = idle(session, roster_id)
    needed = key_field(roster.subject)
    if needed not in roster.columns:
        raise ColumnUnfit(f"Say in which column the {TITLES[roster.subject][needed].lower()} is.", field=needed)
    return _start(session, roster, CHECK, f"Check {roster.source or 'a list'}", actor=actor, now=now)


def start_import(session: Session, roster_id: int, *, actor: Actor, now: datetime) -> Task:
    """Raises RosterNotFound, RosterBusy, RosterUnchecked for a list that was not looked through to its end."""
    roster = idle(session, roster_id)
    if roster.state != RosterState.CHECKED:
        raise RosterUnchecked("Check the list first, and see what it would change.")
    if of_report(roster.report).broken:
        raise RosterUnchecked("The list cannot be read to its end. Mend the file, and bring it again.")
    return _start(session, roster, IMPORT, f"Import {roster.source or 'a list'}", actor=actor, now=now)


def remember(session: Session, roster_id: int, findings: Findings) -> None:
    """How far an import came, in the transaction that brought it there."""
    lines = session.scalars(select(Roster.report).where(Roster.id == roster_id)).one()["lines"]
    counts = {name: getattr(findings, name) for name in ("rows", "new", "changed", "unchanged", "handed")}
    session.execute(update(Roster).where(Roster.id == roster_id).values(report={"lines": lines, "reached": counts}))


def settle(session: Session, roster_id: int, state: RosterState, findings: Findings, *, now: datetime) -> None:
    """Writes down what a check or an import has found."""
    roster = session.get_one(Roster, roster_id)
    roster.state, roster.report = state, {"lines": roster.report["lines"], **findings.report()}
    if state == RosterState.IMPORTED:
        roster.imported_at = now
    else:
        roster.checked_at = now


def put_away(session: Session, *, now: datetime) -> int:
    """Deletes lists that came long ago; returns how many."""
    return affected(session.execute(delete(Roster).where(Roster.created_at < now - KEPT)))


def idle(session: Session, roster_id: int) -> Roster:
    """The list, locked. Raises RosterNotFound; RosterBusy while a task works on it."""
    roster = get(session, roster_id)
    session.flush()  # what was changed in this transaction is not lost by looking again
    session.refresh(roster, with_for_update=True)
    task = session.get(Task, roster.task_id) if roster.task_id else None
    if task is not None and task.state in OPEN:
        raise RosterBusy("The list is being worked on. Wait for it, or cancel the task.", task_id=task.id)
    return roster


def _start(session: Session, roster: Roster, kind: str, title: str, *, actor: Actor, now: datetime) -> Task:
    task = tasks.start(session, kind, title=title, actor=actor, now=now, arguments={"roster_id": roster.id})
    roster.task_id, roster.state, roster.report = task.id, RosterState.READ, {"lines": roster.report["lines"]}
    return task


def _parts(reading: Reading, roster_id: int) -> Iterator[bytes]:
    position = 0
    while True:
        with reading() as session:
            part = select(RosterPart.content).where(RosterPart.roster_id == roster_id, RosterPart.position == position)
            content = session.scalar(part)
        if content is None:
            return
        yield content
        position += 1
