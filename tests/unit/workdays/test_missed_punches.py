"""Requests for missed punches: asked by the person, decided by somebody else, and approved as a correction of the workday."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.web.registry import registry_of
from request_tracker_utils.workdays import missed_punches, reviews
from request_tracker_utils.workdays.errors import NoOwnWorkdays
from request_tracker_utils.workdays.missed_punches import Approving, NewRequest
from request_tracker_utils.workdays.models import MissedPunchRequest, RequestState, ReviewState, Workday
from request_tracker_utils.workdays.review_errors import (
    InvalidCorrection,
    NeverPunched,
    OwnWorkday,
    RequestDecided,
    RequestNotFound,
    RequestPending,
    WorkdayChanged,
)
from request_tracker_utils.workdays.reviews import Seen
from request_tracker_utils.workdays.schedule_days import Schedules
from tests.services.attendance import added
from tests.services.messages import stored_messages
from tests.services.punched_days import DEFAULT, process, workdays
from tests.services.reviewed_days import AFTER, LEE, MONDAY, account, day, instant, person, stored_day
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def ada() -> Actor:
    """An account of a person with a punch on Monday at 08:00."""
    added()
    actor = account("ada", "staff")
    stored_day(clock_out=None, person_id=person("Ada", "17", account="ada"))
    return actor


def ask(actor: Actor, on: date = MONDAY, clock_in: time | None = None, clock_out: time | None = time(17), reason: str = "Forgot") -> int:
    with transaction() as session:
        return missed_punches.ask(session, NewRequest(on, clock_in, clock_out, reason), actor=actor, now=AFTER).id


def approve(request_id: int, seen: Seen, *, actor: Actor = LEE, messenger: Messenger | None = None) -> MissedPunchRequest:
    with transaction() as session:
        how = Approving(Schedules.load(session, DEFAULT, {}), messenger)
        return missed_punches.approve(session, request_id, seen, how, note="Fine", actor=actor, now=AFTER)


def reject(request_id: int, note: str = "Not then", *, actor: Actor = LEE, messenger: Messenger | None = None) -> MissedPunchRequest:
    with transaction() as session:
        return missed_punches.reject(session, request_id, messenger, note=note, actor=actor, now=AFTER)


def seen(workday_id: int) -> Seen:
    with reading() as session:
        return reviews.seen_of(session, reviews.find_workday(session, workday_id))


def test_an_approved_request_corrects_the_day(ada: Actor) -> None:
    request = ask(ada)
    with pytest.raises(WorkdayChanged):
        approve(request, Seen())
    done = approve(request, seen(1))
    assert (done.state, done.note, done.decided_by, done.workday_id) == (RequestState.APPROVED, "Fine", "lee", 1)
    row = day(1)
    assert (row.clock_in, row.clock_out, row.last_at) == (instant(MONDAY, "08:00"), instant(MONDAY, "17:00"), None)
    assert (row.review_state, row.is_incomplete) == (ReviewState.CORRECTED, False)
    with pytest.raises(RequestDecided):
        approve(request, seen(1))
    with pytest.raises(RequestDecided):
        reject(request)


def test_the_punch_that_was_not_missed_may_be_the_clock_out(ada: Actor) -> None:
    approve(ask(ada, clock_in=time(6, 30), clock_out=None), seen(1))
    assert (day(1).clock_in, day(1).clock_out) == (instant(MONDAY, "06:30"), instant(MONDAY, "08:00"))


def test_a_day_without_punches_gets_a_row_that_goes_with_its_undo(ada: Actor) -> None:
    assert ask(ada, TUESDAY, time(8), time(17)) == 1
    done = approve(1, Seen())
    assert done.workday_id is not None
    row = day(done.workday_id)
    assert (row.date, row.terminal_id, row.user_id, row.punches, row.first_at) == (TUESDAY, 1, "17", 0, None)
    assert (row.worked_seconds, row.is_outlier, row.window_ends_at) == (9 * 3600, False, instant(TUESDAY, "28:00"))
    assert (row.day_kind, row.crm_due_at) == ("work", AFTER)
    process()
    assert len(workdays()) == 1, "the day that was stored without punches has gone"
    saw = seen(row.id)
    with transaction() as session:
        reviews.undo(session, row.id, saw, actor=LEE, now=AFTER)
    process()
    assert workdays() == []


def test_an_empty_day_of_somebody_else_with_the_same_user_id_is_not_corrected(ada: Actor) -> None:
    other = stored_day(day=TUESDAY, person_id=person("Bob", "18"))
    with transaction() as session:
        session.execute(update(Workday).where(Workday.id == other).values(first_at=None, last_at=None, punches=0))
    with pytest.raises(NeverPunched):
        approve(ask(ada, TUESDAY, time(8), time(17)), Seen())
    assert day(other).review_state == ReviewState.NONE


def test_requests_are_checked(ada: Actor) -> None:
    def is_refused(_case: str, field: str, values: dict[str, Any]) -> None:
        with pytest.raises(InvalidCorrection) as error:
            ask(ada, **values)
        assert error.value.fields["field"] == field

    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("no time", "clock_in", {"clock_out": None}),
        ("no reason", "reason", {"reason": " \u200b"}),
        ("long reason", "reason", {"reason": "x" * 1_001}),
        ("future", "date", {"on": AFTER.date() + timedelta(days=1)}),
        ("long ago", "date", {"on": AFTER.date() - timedelta(days=367)}),
        ("first day", "date", {"on": date.min}),
    ]
    check_all(cases, is_refused)
    with pytest.raises(NoOwnWorkdays):
        ask(LEE)
    account("grace")
    person("Grace", "18", account="grace")
    with reading() as session:
        grace = reviews.person_of_account(session, 2)
        assert grace is not None
    with pytest.raises(NeverPunched):
        ask(Actor("grace", user_id=grace.account_id))
    with pytest.raises(InvalidCorrection):  # the day has no clock-in
        approve(ask(ada, TUESDAY), Seen())


def test_one_request_of_a_day_is_pending(ada: Actor) -> None:
    first = ask(ada)
    with pytest.raises(RequestPending):
        ask(ada)
    ask(ada, TUESDAY, time(8))
    values = {"person_id": 1, "date": MONDAY, "clock_in": time(8), "reason": "x", "state": "pending", "note": "", "asked_by": "x"}
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(insert(MissedPunchRequest).values(**values, asked_at=AFTER))
    with transaction() as session:
        missed_punches.withdraw(session, first, actor=ada, now=AFTER)
    with pytest.raises(RequestDecided):
        approve(first, seen(1))
    third = ask(ada)
    with reading() as session:
        assert [each.id for each in missed_punches.own_requests(session, 1, limit=10)] == [third, 2, first]
        assert [each.id for each in missed_punches.list_requests(session, size=10).rows] == [2, third]
        assert (missed_punches.count_requests(session), missed_punches.count_requests(session, None)) == (2, 3)


def test_nobody_decides_about_their_own_request(ada: Actor) -> None:
    request = ask(ada)
    with pytest.raises(OwnWorkday):
        approve(request, seen(1), actor=ada)
    with pytest.raises(OwnWorkday):
        reject(request, actor=ada)
    other = account("grace")
    person("Grace", "18", account="grace")
    with pytest.raises(RequestNotFound), transaction() as session:
        missed_punches.withdraw(session, request, actor=other, now=AFTER)
    with pytest.raises(InvalidCorrection):
        reject(request, " ")
    assert reject(request).state == RequestState.REJECTED


def test_the_decision_is_sent_to_the_person_once(app: Flask, ada: Actor) -> None:
    messenger = registry_of(app).get(Messenger)
    reject(ask(ada), messenger=messenger)
    approve(ask(ada), seen(1), messenger=messenger)
    messages = stored_messages(app)
    assert [(each.event, each.recipient_user_id, each.values["state"]) for each in messages] == [
        ("missed-punch-decided", ada.user_id, "rejected"),
        ("missed-punch-decided", ada.user_id, "approved"),
    ]
    assert messages[0].values["note"] == "Not then"
