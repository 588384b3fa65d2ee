"""Computes the workdays of some users, and writes what has changed. Everything may be computed again at any time: the same punches,
schedules and decisions result in the same rows, and a row that is the same is not written.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people
from request_tracker_utils.attendance.models import PersonId, Terminal
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.imports import bulk
from request_tracker_utils.workdays import pay_adjustments
from request_tracker_utils.workdays.content import Sent, changed_content
from request_tracker_utils.workdays.days import Day, DayOwner, Days
from request_tracker_utils.workdays.effective import Effective, effective, stored_columns
from request_tracker_utils.workdays.models import DecisionEnd, Workday, WorkdayDecision
from request_tracker_utils.workdays.pay_adjustments import ChangedDay, Key, Times
from request_tracker_utils.workdays.punch_times import punch_times
from request_tracker_utils.workdays.schedule_days import Schedules
from request_tracker_utils.workdays.windows import date_of, day_of, to_utc, utc_datetime

LOCK_SPACE = 7071
_TABLE: Any = Workday.__table__
_KEY = Key._fields
_FACTS = (
    *("person_id", "timezone", "punches", "first_at", "last_at", "window_ends_at"),
    *("day_kind", "schedule_version_id", "starts_at", "ends_at"),
)
_COUNTS = Effective._fields
_SYNC = ("revision", "synced_to_crm", "crm_due_at", "crm_attempts", "sync_attempts", "crm_problem")
_COMPARED = (*_FACTS, *_COUNTS)
_READ = ("id", *_KEY, *_FACTS, *_COUNTS, *_SYNC, "attempted_revision", "accepted_revision", "accepted_digest")


@dataclass(frozen=True)
class How:
    """By which rules days are computed."""

    schedules: Schedules
    repeat_seconds: int
    joined: bool
    """Whether the punches of a person at several terminals are one day."""
    now: datetime


@dataclass
class Computed:
    """What a computation has found: punches that count on these days, days, outliers among them, and rows that were written."""

    punches: int = 0
    days: int = 0
    outliers: int = 0
    written: int = 0
    changed: list[ChangedDay] = field(default_factory=list)
    """Workdays with other times than before, or of another person; none while no pay period is closed."""


def lock(session: Session) -> None:
    """Until the transaction ends, nobody else computes workdays, adds one by hand, or closes a pay period."""
    lock_until_commit(session, LOCK_SPACE, ["workdays"])


def compute(session: Session, user_ids: Collection[str], first: int, last: int, how: How) -> Computed:
    """The days from `first` to `last` of these user IDs and of all people who have had one of them. The caller has
    locked workdays."""
    people_ids, all_ids = concerned(session, user_ids)
    punches = punch_times(session, all_ids, first, last)
    sites = dict(session.execute(select(Terminal.id, Terminal.site_key)).all())  # after the punches, so that no terminal is missing
    found = Days(how.schedules, people.owners(session, all_ids), sites, how.repeat_seconds, how.joined).add(punches)
    days = wanted(found, first, last, user_ids, people_ids)
    stored = session.execute(stored_rows(user_ids, people_ids, first, last).with_for_update()).all()
    rows = rows_of(days, stored, joined=how.joined)
    writing = _Writing(session, how, _decisions(session, [row.id for row in stored]))
    for key, day in days.items():
        writing.day(day, rows.get(key))
    matched = {row.id for row in rows.values()}
    for row in stored:
        if row.id not in matched:
            writing.without_punches(row)
    return writing.write()


def concerned(session: Session, user_ids: Collection[str]) -> tuple[set[int], set[str]]:
    """All people who have had one of the user IDs at some site, and all of their user IDs with these. Two sites use the same ID for
    different people, so these are few, even if following them on and on would lead to everybody."""
    of_ids = select(PersonId.person_id).where(PersonId.user_id.in_(user_ids))
    people_ids, all_ids = set[int](), set(user_ids)
    for person_id, user_id in session.execute(select(PersonId.person_id, PersonId.user_id).where(PersonId.person_id.in_(of_ids))):
        people_ids.add(person_id)
        all_ids.add(user_id)
    return people_ids, all_ids


def wanted(
    found: Mapping[tuple[DayOwner, int], Day], first: int, last: int, user_ids: Collection[str], people_ids: Collection[int]
) -> dict[tuple[DayOwner, int], Day]:
    """The days of these people, and of these user IDs without a person, from `first` to `last`."""
    return {
        key: day
        for key, day in found.items()
        if first <= day.day <= last and (day.person_id in people_ids if day.person_id is not None else day.first.user_id in user_ids)
    }


def stored_rows(user_ids: Collection[str], people_ids: Collection[int], first: int, last: int) -> Select[Any]:
    """Their rows, in the order in which they are locked."""
    between = Workday.date.between(date_of(first), date_of(last))
    columns = [_TABLE.c[name] for name in _READ]
    # Two queries, since a condition with OR would use neither index.
    of_users = select(Workday.id).where(Workday.user_id.in_(user_ids), between)
    of_people = select(Workday.id).where(Workday.person_id.in_(people_ids), between)
    chosen = of_users.union(of_people) if people_ids else of_users
    return select(*columns).where(_TABLE.c.id.in_(chosen)).order_by(_TABLE.c.id)


def _decisions(session: Session, workday_ids: Sequence[int]) -> dict[int, WorkdayDecision]:
    """The valid decisions about these rows."""
    if not workday_ids:
        return {}
    valid = (WorkdayDecision.ended_at.is_(None), WorkdayDecision.workday_id.between(min(workday_ids), max(workday_ids)))
    known = set(workday_ids)
    return {each.workday_id: each for each in session.scalars(select(WorkdayDecision).where(*valid)) if each.workday_id in known}


def rows_of(days: Mapping[tuple[DayOwner, int], Day], stored: Iterable[Row[Any]], *, joined: bool) -> dict[tuple[DayOwner, int], Row[Any]]:
    """The row of each day that has one. A row keeps the terminal and user ID that it began with, as long as no other day needs them."""
    by_user = {(row.terminal_id, row.user_id, row.date): row for row in stored}
    found: dict[tuple[DayOwner, int], Row[Any]] = {}
    for key, day in days.items():
        same = [row for user in day.users if (row := by_user.get((*user, date_of(day.day)))) is not None]
        if same:
            found[key] = min(same, key=lambda row: row.id)
    if joined:
        matched = {row.id for row in found.values()}
        by_person: dict[tuple[int, date], list[Row[Any]]] = defaultdict(list)
        for row in by_user.values():
            if row.person_id is not None and row.id not in matched:
                by_person[row.person_id, row.date].append(row)
        for key, day in days.items():
            if key not in found and day.person_id is not None and (rows := by_person.get((day.person_id, date_of(day.day)))):
                found[key] = rows[0]
    return found


class _Writing:
    """Collects the rows of a computation, and writes those that have changed."""

    def __init__(self, session: Session, how: How, decisions: Mapping[int, WorkdayDecision]) -> None:
        self._session, self._how, self._decisions = session, how, decisions
        self._records = pay_adjustments.has_closed_period(session)
        self._new: list[tuple[Any, ...]] = []
        self._updates: list[dict[str, Any]] = []
        self._deleted: list[int] = []
        self._done = Computed()

    def day(self, day: Day, row: Row[Any] | None) -> None:
        zone, first, last = day.first.zone, day.first.at, None if day.last is None else day.last.at
        scheduled, _begins, ends = self._how.schedules.plan(day.person_id, day.day)
        first_at, last_at = utc_datetime(first), None if last is None else utc_datetime(last)
        window_ends_at = utc_datetime(to_utc(zone, ends))
        planned = (scheduled.kind, scheduled.version_id, scheduled.starts_at, scheduled.ends_at)
        facts = (day.person_id, zone, day.punches, first_at, last_at, window_ends_at, *planned)
        decision = None if row is None else self._valid_decision(row, first_at, last_at)
        found = effective(first, last, zone, scheduled, decision)
        counts = stored_columns(found) if decision else (first_at, last_at, *found[2:])
        done = self._done
        done.punches += day.punches
        done.days += 1
        done.outliers += found.is_outlier
        if row is not None:
            self._update(row, facts, counts)
            return
        key = (day.first.user_id, date_of(day.day), day.first.terminal_id)
        self._new.append((*key, *facts, *counts, window_ends_at))
        if self._records:
            done.changed.append(ChangedDay(Key(*key), day.person_id, Times(*counts[:3])))

    def without_punches(self, row: Row[Any]) -> None:
        """A row that nobody has seen goes. One that was sent, or that a person has decided about, stays."""
        decision = self._valid_decision(row, None, None)
        if row.attempted_revision == 0 and decision is None:
            self._deleted.append(row.id)
            self._done.changed.append(ChangedDay(_key(row), row.person_id))
            return
        scheduled = self._how.schedules.on(row.person_id, day_of(row.date))
        facts = (row.person_id, row.timezone, 0, None, None, row.window_ends_at)
        planned = (scheduled.kind, scheduled.version_id, scheduled.starts_at, scheduled.ends_at)
        self._update(row, (*facts, *planned), stored_columns(effective(None, None, row.timezone, scheduled, decision)))

    def write(self) -> Computed:
        session, now, done = self._session, self._how.now, self._done
        if self._deleted:
            session.execute(delete(Workday).where(bulk.id_in(session, _TABLE, self._deleted)), execution_options=_UNSYNCED)
        if self._updates:
            names = (*_COMPARED, *_SYNC)
            values = {name: bindparam(f"new_{name}", type_=_TABLE.c[name].type) for name in names}
            statement = update(_TABLE).where(_TABLE.c.id == bindparam("row_id")).values(**values, updated_at=now)
            session.connection().execute(statement, self._updates)
        shared = {"created_at": now, "updated_at": now, "revision": 1, "attempted_revision": 0, "synced_to_crm": False}
        shared |= {"sync_attempts": 0, "crm_attempts": 0}
        if bulk.insert_new(session, _TABLE, (*_KEY, *_COMPARED, "crm_due_at"), self._new, shared) != len(self._new):
            raise bulk.ConcurrentChange
        done.written = len(self._new) + len(self._updates) + len(self._deleted)
        return done

    def _update(self, row: Row[Any], facts: tuple[Any, ...], counts: tuple[Any, ...]) -> None:
        values = dict(zip(_COMPARED, (*facts, *counts), strict=True))
        stored = row._mapping
        if all(values[name] == stored[name] for name in _COMPARED):
            return
        sent = Sent(*(stored[name] for name in Sent._fields))._replace(window_ends_at=values["window_ends_at"])
        values = {name: stored[name] for name in _SYNC} | values | changed_content(sent, values["content_digest"], self._how.now)
        self._updates.append({"row_id": row.id} | {f"new_{name}": value for name, value in values.items()})
        times = Times(*counts[:3])
        if times != (row.clock_in, row.clock_out, row.worked_seconds) or values["person_id"] != row.person_id:
            self._done.changed.append(ChangedDay(_key(row), values["person_id"], times))

    def _valid_decision(self, row: Row[Any], first_at: datetime | None, last_at: datetime | None) -> WorkdayDecision | None:
        """The decision about the row. It ends if the punches say something else now."""
        decision = self._decisions.get(row.id)
        if decision is None or (decision.first_at, decision.last_at) == (first_at, last_at):
            return decision
        decision.ended_at, decision.end_reason = self._how.now, DecisionEnd.REOPENED
        return None


def _key(row: Row[Any]) -> Key:
    return Key(row.user_id, row.date, row.terminal_id)


_UNSYNCED = {"synchronize_session": False}
