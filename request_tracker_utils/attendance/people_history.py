"""Records changes of people so that each can be undone: the rows of all people concerned, before and after it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.attendance.models import AttendancePerson, NameDecision, PeopleChange, PersonId, RecordedChange
from request_tracker_utils.attendance.people_errors import PeopleChangedSince, PeopleChangeNotFound
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.text import joined
from request_tracker_utils.core.translation import gettext as _

LOCK_SPACE = 7061
LONGEST_SUBJECT = 300
_TABLES = {"people": AttendancePerson, "ids": PersonId, "decisions": NameDecision}
_UNCOMPARED = {"updated_at"}
_UNSYNCHRONIZED = {"synchronize_session": False}
_ALL = KeysetQuery(RecordedChange, [Segment((RecordedChange.id,))], descending=True)
Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Recording:
    """People and decisions that a change concerns. A change adds those that it creates. `change_id` is its record, once it is done."""

    people: set[int]
    decisions: set[str] = field(default_factory=set)
    change_id: int = 0


def lock(session: Session) -> None:
    """One change of people at a time: two could assign one ID, or merge people into each other."""
    lock_until_commit(session, LOCK_SPACE, ["people"])
    session.flush()
    for each in list(session.identity_map.values()):
        if isinstance(each, AttendancePerson | PersonId):
            session.expire(each)  # read before the lock


@contextmanager
def recorded(
    session: Session, kind: PeopleChange, people: Collection[int] = (), *, actor: Actor, now: datetime, subject: str = ""
) -> Iterator[Recording]:
    """The block changes people, all of those given and those that it adds. Others who change people wait until the transaction ends."""
    lock(session)
    recording = Recording(set(people))
    before = _snapshot(session, recording)
    yield recording
    session.flush()
    after = _snapshot(session, recording)
    _mark_days(session, before, after, now)
    names = list(dict.fromkeys(row["name"] for row in [*before["people"], *after["people"]]))
    values = {"kind": kind, "subject": (subject or joined(names))[:LONGEST_SUBJECT], "people": len(names), "before": before, "after": after}
    change = RecordedChange(**values, actor_user_id=actor.user_id, actor=actor.name, created_at=now)
    session.add(change)
    session.flush()
    recording.change_id = change.id


def list_changes(session: Session, *, size: int, after: Cursor | None = None, offset: int = 0) -> Page[RecordedChange]:
    """The newest first."""
    return _ALL.page(session, size=size, after=after, offset=offset)


def count_changes(session: Session) -> int:
    return _ALL.count(session)


def were_merged(session: Session, person_id: int, others: Collection[int]) -> bool:
    """Whether a merge that was not undone has merged the others into the person."""
    merges = select(RecordedChange.before, RecordedChange.after).order_by(RecordedChange.id.desc())
    for before, after in session.execute(merges.where(RecordedChange.kind == PeopleChange.MERGED, RecordedChange.undone_at.is_(None))):
        remaining = {row["id"] for row in after["people"]}
        if person_id in remaining and set(others) <= {row["id"] for row in before["people"]} - remaining:
            return True
    return False


def changes(session: Session, *, limit: int, before_id: int | None = None) -> Sequence[RecordedChange]:
    """The newest first."""
    query = select(RecordedChange).order_by(RecordedChange.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(RecordedChange.id < before_id)).all()


def undo(session: Session, change_id: int, *, actor: Actor, now: datetime) -> RecordedChange:
    """Restores what was before a change, also when people were last changed: then an import before it can be undone, too. Raises
    PeopleChangeNotFound, PeopleChangedSince."""
    lock(session)
    change = session.get(RecordedChange, change_id, populate_existing=True)
    if change is None:
        raise PeopleChangeNotFound(_("This change does not exist."))
    if change.undone_at is not None:
        raise PeopleChangedSince(_("This change was already undone."))
    decisions = {row["fingerprint"] for rows in (change.before, change.after) for row in rows["decisions"]}
    concerned = Recording({row["id"] for rows in (change.before, change.after) for row in rows["people"]}, decisions)
    if _compared(_snapshot(session, concerned)) != _compared(change.after):
        raise PeopleChangedSince(_("These people have changed since. Undo the later changes first."))
    try:
        with session.begin_nested():
            _restore(session, concerned, change.before)
    except IntegrityError:
        raise PeopleChangedSince(_("A user ID or account of these people now belongs to other people. Change that first.")) from None
    change.undone_at, change.undone_by = now, actor.name
    session.flush()
    _mark_days(session, change.after, change.before, now)
    return change


def _mark_days(session: Session, before: Rows, after: Rows, now: datetime) -> None:
    """The days of people whose user IDs have changed. A person's name is not part of a day."""
    owned = [{(row["person_id"], row["user_id"], row["site_key"], row["valid_from"]) for row in rows["ids"]} for rows in (before, after)]
    people = {row[0] for row in owned[0] ^ owned[1]}
    user_ids = sorted({user_id for person_id, user_id, *_at in owned[0] | owned[1] if person_id in people})
    changed_days.mark(session, user_ids, changed_days.FIRST_DAY, changed_days.LAST_DAY, now=now)


def _snapshot(session: Session, recording: Recording) -> Rows:
    people, decisions = sorted(recording.people), sorted(recording.decisions)
    found: Rows = {"people": [], "ids": [], "decisions": []}
    for start in range(0, len(people), 500):
        part = people[start : start + 500]
        found["people"] += _rows(session, AttendancePerson, AttendancePerson.id.in_(part))
        found["ids"] += _rows(session, PersonId, PersonId.person_id.in_(part))
    found["decisions"] = _rows(session, NameDecision, NameDecision.fingerprint.in_(decisions)) if decisions else []
    return found


def _rows(session: Session, entity: Any, condition: Any) -> list[dict[str, Any]]:
    rows = session.execute(select(*entity.__table__.columns).where(condition).order_by(entity.id)).mappings()
    return [{name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()} for row in rows]


def _compared(rows: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    kept = {name: [{key: row[key] for key in row if key not in _UNCOMPARED} for row in rows[name]] for name in _TABLES}
    return {name: sorted(each, key=lambda row: row["id"]) for name, each in kept.items()}


def _restore(session: Session, concerned: Recording, rows: Mapping[str, Any]) -> None:
    """People who exist are changed and not replaced: rows of other domains refer to them."""
    people, decisions = sorted(concerned.people), sorted(concerned.decisions)
    wanted = {row["id"]: _parsed(row) for row in rows["people"]}
    present = set[int]()
    for start in range(0, len(people), 500):
        part = people[start : start + 500]
        gone = [each for each in part if each not in wanted]
        session.execute(delete(PersonId).where(PersonId.person_id.in_(part)), execution_options=_UNSYNCHRONIZED)
        session.execute(delete(AttendancePerson).where(AttendancePerson.id.in_(gone)), execution_options=_UNSYNCHRONIZED)
        freed = update(AttendancePerson).where(AttendancePerson.id.in_(part)).values(account_id=None)  # an account has one person
        session.execute(freed, execution_options=_UNSYNCHRONIZED)
        present.update(session.scalars(select(AttendancePerson.id).where(AttendancePerson.id.in_(part))))
    if decisions:
        session.execute(delete(NameDecision).where(NameDecision.fingerprint.in_(decisions)), execution_options=_UNSYNCHRONIZED)
    if changed := [values for person_id, values in wanted.items() if person_id in present]:
        session.execute(update(AttendancePerson), changed)
    if deleted := [values for person_id, values in wanted.items() if person_id not in present]:
        session.execute(insert(AttendancePerson), deleted)
    for name in ("ids", "decisions"):
        if values := [_parsed(row) for row in rows[name]]:
            session.execute(insert(_TABLES[name]), values)


def _parsed(row: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(row[name]) for name in row if name.endswith("_at")}
    return dict(row) | times | ({"valid_from": date.fromisoformat(row["valid_from"])} if "valid_from" in row else {})
