"""Records changes of calendars so that each can be undone, and tells listeners which days have changed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.calendars.changes import CalendarChanges, Span, merged
from request_tracker_utils.calendars.errors import CalendarChangedSince, CalendarChangeNotFound
from request_tracker_utils.calendars.holidays import overlapping
from request_tracker_utils.calendars.models import Calendar, CalendarChange, Holiday, RecordedCalendarChange
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.translation import gettext as _

LOCK_SPACE = 7056
LONGEST_SUBJECT = 300
_UNSYNCHRONIZED = {"synchronize_session": False}
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class CalendarEdit:
    """The actor and the time of a change of calendars, and the listeners that are notified."""

    actor: Actor
    now: datetime
    changes: CalendarChanges


@dataclass
class Recording:
    """Calendars and holidays that a change concerns. A change adds those that it creates."""

    calendars: set[int] = field(default_factory=set)
    holidays: set[int] = field(default_factory=set)
    subject: str = ""


@contextmanager
def recorded(
    session: Session, kind: CalendarChange, by: CalendarEdit, *, calendars: Collection[int] = (), holidays: Collection[int] = ()
) -> Iterator[Recording]:
    """The block changes the calendars and holidays that are passed or that it adds. Others who change calendars wait until the transaction
    ends. Nothing is recorded if nothing has changed."""
    lock(session)
    recording = Recording(set(calendars), set(holidays))
    before = _snapshot(session, recording)
    yield recording
    session.flush()
    after = _snapshot(session, recording)
    if before == after:
        return
    values = {"kind": kind, "subject": recording.subject[:LONGEST_SUBJECT], "before": before, "after": after}
    session.add(RecordedCalendarChange(**values, actor_user_id=by.actor.user_id, actor=by.actor.name, created_at=by.now))
    session.flush()
    _tell(session, by, before, after)


def lock(session: Session) -> None:
    """One change of calendars at a time: two could add the same holiday. What was read before is read again."""
    lock_until_commit(session, LOCK_SPACE, ["calendars"])
    session.flush()
    session.expire_all()


def list_changes(session: Session, *, limit: int, before_id: int | None = None) -> Sequence[RecordedCalendarChange]:
    """The newest first."""
    query = select(RecordedCalendarChange).order_by(RecordedCalendarChange.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(RecordedCalendarChange.id < before_id)).all()


def undo(session: Session, change_id: int, by: CalendarEdit) -> RecordedCalendarChange:
    """Restores what was before a change. Raises CalendarChangeNotFound, CalendarChangedSince."""
    lock(session)
    change = find_row(session, RecordedCalendarChange, change_id)
    if change is None:
        raise CalendarChangeNotFound(_("This change does not exist."))
    if change.undone_at is not None:
        raise CalendarChangedSince(_("This change was already undone."))
    before, after = dict(change.before), dict(change.after)
    concerned = Recording(_ids("calendars", before, after), _ids("holidays", before, after))
    if _snapshot(session, concerned) != after or _has_others(session, concerned, before):
        raise CalendarChangedSince(_("This was changed again since. Undo the later changes first."))
    try:
        with session.begin_nested():
            _restore(session, concerned, before)
    except IntegrityError:
        raise CalendarChangedSince(_("The calendar was deleted, or its name is taken. Undo the later changes first.")) from None
    session.expire_all()
    for each in session.scalars(select(Holiday).where(Holiday.id.in_(concerned.holidays))):
        if (other := overlapping(session, each)) is not None:
            raise CalendarChangedSince(_("The calendar now has another holiday %(name)s on these days.", name=other.name))
    change.undone_at, change.undone_by = by.now, by.actor.name
    session.flush()
    _tell(session, by, after, before)
    return change


def _snapshot(session: Session, recording: Recording) -> Rows:
    return {
        "calendars": _rows(session, Calendar, recording.calendars),
        "holidays": _rows(session, Holiday, recording.holidays),
    }


def _rows(session: Session, entity: Any, ids: Collection[int]) -> list[dict[str, Any]]:
    rows = session.execute(select(*entity.__table__.columns).where(entity.id.in_(ids)).order_by(entity.id)).mappings()
    return [{name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()} for row in rows]


def _ids(name: str, *snapshots: Mapping[str, Any]) -> set[int]:
    return {row["id"] for rows in snapshots for row in rows[name]}


def _has_others(session: Session, concerned: Recording, before: Mapping[str, Any]) -> bool:
    """Whether a calendar that the undo deletes has got holidays."""
    deleted = concerned.calendars - {row["id"] for row in before["calendars"]}
    others = Holiday.calendar_id.in_(deleted), Holiday.id.not_in(concerned.holidays)
    return bool(session.scalar(select(exists().where(*others))))


def _restore(session: Session, concerned: Recording, rows: Mapping[str, Any]) -> None:
    session.execute(delete(Holiday).where(Holiday.id.in_(concerned.holidays)), execution_options=_UNSYNCHRONIZED)
    wanted = {row["id"]: row for row in rows["calendars"]}
    gone = concerned.calendars - wanted.keys()
    session.execute(delete(Calendar).where(Calendar.id.in_(gone)), execution_options=_UNSYNCHRONIZED)
    session.execute(
        update(Calendar).where(Calendar.id.in_(wanted)).values(is_default=False), execution_options=_UNSYNCHRONIZED
    )  # before another one becomes the default
    present = set(session.scalars(select(Calendar.id).where(Calendar.id.in_(wanted))))
    for calendar_id, row in wanted.items():
        if calendar_id in present:
            session.execute(update(Calendar).where(Calendar.id == calendar_id).values(row), execution_options=_UNSYNCHRONIZED)
        else:
            session.execute(insert(Calendar), [row])
    if holidays := [_parsed(row) for row in rows["holidays"]]:
        session.execute(insert(Holiday), holidays)


def _parsed(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row) | {name: date.fromisoformat(row[name]) for name in ("first_day", "last_day")}


def _tell(session: Session, by: CalendarEdit, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Days of holidays that differ. With another default, all days with a holiday of the former or the new one."""
    former, present = ({row["id"]: row for row in rows["holidays"]} for rows in (before, after))
    spans: dict[int, list[Span]] = {}
    for holiday_id in former.keys() | present.keys():
        if former.get(holiday_id) != present.get(holiday_id):
            for row in filter(None, (former.get(holiday_id), present.get(holiday_id))):
                days = (date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"]))
                spans.setdefault(row["calendar_id"], []).append(days)
    were, are = ({row["id"] for row in rows["calendars"] if row["is_default"]} for rows in (before, after))
    for calendar_id in are - were:
        both = select(Holiday.first_day, Holiday.last_day).where(Holiday.calendar_id.in_(were | are))
        spans.setdefault(calendar_id, []).extend((first, last) for first, last in session.execute(both))
    for calendar_id in sorted(spans):
        for first, last in merged(spans[calendar_id]):
            by.changes.days_changed(session, calendar_id, first, last, now=by.now)
