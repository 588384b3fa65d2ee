"""Requests for missed punches: a person says when they came or left, and somebody else approves or rejects it.

Approving is a correction of the workday (`reviews.correct`). A day without punches gets a row, at the terminal at which the person has
punched before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.people import person_of_account
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.messages import Messenger, Recipient
from request_tracker_utils.core.text import clean
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays import computing, reviews
from request_tracker_utils.workdays.errors import NoOwnWorkdays
from request_tracker_utils.workdays.local_times import day_of_place, instant_of
from request_tracker_utils.workdays.missed_punch_messages import REQUEST_DECIDED, values_of
from request_tracker_utils.workdays.models import MissedPunchRequest, RequestState, Workday
from request_tracker_utils.workdays.review_errors import (
    InvalidCorrection,
    NeverPunched,
    OwnWorkday,
    RequestDecided,
    RequestNotFound,
    RequestPending,
)
from request_tracker_utils.workdays.reviews import MAX_REASON, Seen
from request_tracker_utils.workdays.schedule_days import Schedules
from request_tracker_utils.workdays.windows import date_of, day_of, to_utc, utc_datetime

LOCK_SPACE = 7092
OLDEST = timedelta(days=366)


@dataclass(frozen=True)
class NewRequest:
    """By the clocks where the person works. One of the times may be missing."""

    date: date
    clock_in: time | None
    clock_out: time | None
    reason: str


@dataclass(frozen=True)
class Approving:
    """What approving a request needs beside the request."""

    schedules: Schedules
    messenger: Messenger | None = None


def ask(session: Session, new: NewRequest, *, actor: Actor, now: datetime) -> MissedPunchRequest:
    """Raises NoOwnWorkdays, NeverPunched, InvalidCorrection, RequestPending."""
    person = person_of(session, actor)
    reason = clean(new.reason).replace("\0", "\ufffd").strip()
    if not 0 < len(reason) <= MAX_REASON:
        raise InvalidCorrection(_("Enter a reason of at most %(number)s characters.", number=MAX_REASON), field="reason")
    if new.clock_in is None and new.clock_out is None:
        raise InvalidCorrection(_("Enter when you came, or when you left."), field="clock_in")
    today = day_of_place(nearest_day(session, person.id, new.date).timezone, now)
    if not today - OLDEST <= new.date <= today:
        raise InvalidCorrection(_("Choose a day of the last year."), field="date")
    lock_until_commit(session, LOCK_SPACE, [f"{person.id} {new.date}"])
    of_day = (MissedPunchRequest.person_id == person.id, MissedPunchRequest.date == new.date)
    if session.scalar(select(MissedPunchRequest.id).where(*of_day, MissedPunchRequest.state == RequestState.PENDING)) is not None:
        raise RequestPending(_("You have asked for this day already. Withdraw that request first."))
    times = {"clock_in": _minute(new.clock_in), "clock_out": _minute(new.clock_out)}
    by = {"asked_by_id": actor.user_id, "asked_by": actor.name[:100], "asked_at": now}
    request = MissedPunchRequest(person_id=person.id, date=new.date, reason=reason, state=RequestState.PENDING, **times, **by)
    session.add(request)
    session.flush()
    return request


def withdraw(session: Session, request_id: int, *, actor: Actor, now: datetime) -> MissedPunchRequest:
    """By the person who has asked. Raises NoOwnWorkdays, RequestNotFound, RequestDecided."""
    person = person_of(session, actor)
    request = _pending(session, request_id, of=person)
    return _settle(session, request, RequestState.WITHDRAWN, "", actor, now)


def approve(
    session: Session, request_id: int, seen: Seen, how: Approving, *, note: str = "", actor: Actor, now: datetime
) -> MissedPunchRequest:
    """Corrects the day, of which the reviewer has seen this. Raises RequestNotFound, RequestDecided, OwnWorkday, NeverPunched,
    InvalidCorrection, WorkdayNotOver, WorkdayChanged."""
    computing.lock(session)  # no computation adds the same day
    request = _reviewable(session, request_id, actor)
    workday = day_of_request(session, request) or _empty_day(session, request, how.schedules, now)
    clock_in, clock_out = _merged(workday, request)
    reviews.correct(session, workday.id, seen, clock_in, clock_out, reason=request.reason, actor=actor, now=now)
    request.workday_id = workday.id
    return _decided(session, request, RequestState.APPROVED, note, how.messenger, actor, now)


def reject(session: Session, request_id: int, messenger: Messenger | None, *, note: str, actor: Actor, now: datetime) -> MissedPunchRequest:
    """Raises RequestNotFound, RequestDecided, OwnWorkday, InvalidCorrection."""
    request = _reviewable(session, request_id, actor)
    if not note.strip():
        raise InvalidCorrection(_("Enter a note that says why."), field="note")
    return _decided(session, request, RequestState.REJECTED, note, messenger, actor, now)


def person_of(session: Session, actor: Actor) -> AttendancePerson:
    """The person of an account. Raises NoOwnWorkdays."""
    if (person := person_of_account(session, actor.user_id)) is None:
        raise NoOwnWorkdays(_("Your account is not linked to a person with punches. Ask an administrator to link it."))
    return person


def own_requests(session: Session, person_id: int, *, limit: int, before: int | None = None) -> Sequence[MissedPunchRequest]:
    """The newest first."""
    query = select(MissedPunchRequest).where(MissedPunchRequest.person_id == person_id).order_by(MissedPunchRequest.id.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(MissedPunchRequest.id < before)).all()


def list_requests(
    session: Session,
    state: RequestState | None = RequestState.PENDING,
    person_id: int | None = None,
    *,
    size: int,
    after: Cursor | None = None,
    offset: int = 0,
) -> Page[MissedPunchRequest]:
    """The oldest first; all states or people if None."""
    return _listed(state, person_id).page(session, size=size, after=after, offset=offset)


def count_requests(session: Session, state: RequestState | None = RequestState.PENDING, person_id: int | None = None) -> int:
    return _listed(state, person_id).count(session)


def day_of_request(session: Session, request: MissedPunchRequest) -> Workday | None:
    """The workday that the request is about, if there is one."""
    of_day = select(Workday).where(Workday.person_id == request.person_id, Workday.date == request.date)
    return session.scalar(of_day.order_by(Workday.id).limit(1))


def nearest_day(session: Session, person_id: int, day: date) -> Workday:
    """The last workday of a person until a day, or else the first one after it. Raises NeverPunched."""
    of_person = select(Workday).where(Workday.person_id == person_id)
    before = of_person.where(Workday.date <= day).order_by(Workday.date.desc(), Workday.id)
    found = session.scalar(before.limit(1)) or session.scalar(of_person.order_by(Workday.date, Workday.id).limit(1))
    if found is None:
        raise NeverPunched(_("This person has never punched, so the terminal of the workday is unknown."))
    return found


def _empty_day(session: Session, request: MissedPunchRequest, schedules: Schedules, now: datetime) -> Workday:
    near, day = nearest_day(session, request.person_id, request.date), day_of(request.date)
    same = (Workday.terminal_id == near.terminal_id, Workday.user_id == near.user_id, Workday.date == request.date)
    if (taken := session.scalar(select(Workday).where(*same))) is not None:
        if taken.person_id is not None:
            raise NeverPunched(_("The user ID of this person belonged to somebody else on this day, so the terminal is unknown."))
        return taken
    scheduled = schedules.on(request.person_id, day)
    ends_at = utc_datetime(to_utc(near.timezone, schedules.begins(request.person_id, day + 1)))
    workday = Workday(
        terminal_id=near.terminal_id,
        user_id=near.user_id,
        date=date_of(day),
        person_id=request.person_id,
        timezone=near.timezone,
        punches=0,
        window_ends_at=ends_at,
        day_kind=scheduled.kind,
        schedule_version_id=scheduled.version_id,
        starts_at=scheduled.starts_at,
        ends_at=scheduled.ends_at,
        content_digest="",
        revision=1,
        attempted_revision=0,
        created_at=now,
        updated_at=now,
    )
    session.add(workday)
    session.flush()
    return workday


def _merged(workday: Workday, request: MissedPunchRequest) -> tuple[datetime, datetime | None]:
    """What was asked for, and for the other time what the punches say: a single punch is the one that was not missed."""
    asked_in = None if request.clock_in is None else instant_of(workday, request.clock_in, field="clock_in")
    asked_out = None if request.clock_out is None else instant_of(workday, request.clock_out, field="clock_out")
    if asked_in is None:
        if workday.first_at is None:
            raise InvalidCorrection(_("The day has no punches. Ask for the clock-in, too."), field="clock_in")
        return workday.first_at, asked_out
    if asked_out is None:
        single = workday.last_at is None and workday.first_at is not None and workday.first_at > asked_in
        asked_out = workday.first_at if single else workday.last_at
    return asked_in, asked_out


def _reviewable(session: Session, request_id: int, actor: Actor) -> MissedPunchRequest:
    request = _pending(session, request_id)
    own = person_of_account(session, actor.user_id)
    if (own is not None and own.id == request.person_id) or (actor.user_id is not None and actor.user_id == request.asked_by_id):
        raise OwnWorkday(_("Nobody decides about their own requests. Ask somebody else to decide."))
    return request


def _pending(session: Session, request_id: int, *, of: AttendancePerson | None = None) -> MissedPunchRequest:
    request = find_row(session, MissedPunchRequest, request_id, with_for_update=True, populate_existing=True)
    if request is None or (of is not None and request.person_id != of.id):
        raise RequestNotFound(_("Request %(id)s was not found.", id=request_id))
    if request.state != RequestState.PENDING:
        raise RequestDecided(_("%(name)s has already decided about this request.", name=request.decided_by))
    return request


def _decided(
    session: Session,
    request: MissedPunchRequest,
    state: RequestState,
    note: str,
    messenger: Messenger | None,
    actor: Actor,
    now: datetime,
) -> MissedPunchRequest:
    _settle(session, request, state, note, actor, now)
    if messenger is not None and request.asked_by_id is not None:
        to, about = [Recipient(user_id=request.asked_by_id)], f"missed punch request {request.id}"
        messenger.send(session, REQUEST_DECIDED, to, about=about, values=values_of(request), actor=actor, now=now)
    return request


def _settle(
    session: Session, request: MissedPunchRequest, state: RequestState, note: str, actor: Actor, now: datetime
) -> MissedPunchRequest:
    request.state, request.note = state, clean(note).replace("\0", "\ufffd").strip()[:MAX_REASON]
    request.decided_by_id, request.decided_by, request.decided_at = actor.user_id, actor.name[:100], now
    session.flush()
    return request


def _listed(state: RequestState | None, person_id: int | None) -> KeysetQuery[MissedPunchRequest]:
    conditions = [] if state is None else [MissedPunchRequest.state == state]
    within = [] if person_id is None else [MissedPunchRequest.person_id == person_id]
    return KeysetQuery(MissedPunchRequest, [Segment((MissedPunchRequest.id,))], conditions, within=within)


def _minute(value: time | None) -> time | None:
    return None if value is None else value.replace(second=0, microsecond=0, tzinfo=None)


def names_of(session: Session, requests: Sequence[MissedPunchRequest]) -> dict[int, str]:
    """The names of the people, by their IDs."""
    people = {each.person_id for each in requests}
    return dict(session.execute(select(AttendancePerson.id, AttendancePerson.name).where(AttendancePerson.id.in_(people))).all())
