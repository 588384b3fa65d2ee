"""Reviews: accepted, corrected, undone and replaced; of what was seen, by somebody else; and later punches open the day again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from request_tracker_utils.attendance import people_changes
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays import pay_periods, pay_totals, review_queue, reviews
from request_tracker_utils.workdays.errors import WorkdayNotFound
from request_tracker_utils.workdays.local_times import exact_instant, instant_of, repeats_hour
from request_tracker_utils.workdays.models import Decision, PayLength, ReviewState, Workday, WorkdayDecision
from request_tracker_utils.workdays.pay_periods import Clocks, NewPeriods
from request_tracker_utils.workdays.review_errors import (
    InvalidCorrection,
    NothingToReview,
    OwnWorkday,
    WorkdayChanged,
    WorkdayNotOver,
)
from request_tracker_utils.workdays.review_queue import QueueFilter, ReasonKind
from request_tracker_utils.workdays.reviews import Seen
from tests.services.attendance import ZONE, added
from tests.services.punched_days import process, punch, workdays
from tests.services.reviewed_days import AFTER, LEE, MONDAY, account, day, instant, person, stored_day
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
EARLY = "Clock-in at 05:00 is more than 2 hours before the start at 08:00."
NOV = date(2026, 11, 16)
LATER = datetime(2026, 11, 19, tzinfo=AFTER.tzinfo)


def seen(workday_id: int) -> Seen:
    with reading() as session:
        return reviews.seen_of(session, reviews.find_workday(session, workday_id))


def accept(workday_id: int, saw: Seen | None = None, *, actor: Actor = LEE, now: datetime = AFTER) -> WorkdayDecision:
    saw = saw or seen(workday_id)
    with transaction() as session:
        return reviews.accept(session, workday_id, saw, actor=actor, now=now)


def correct(
    workday_id: int, clock_in: datetime, clock_out: datetime | None, *, reason: str = "Forgot", actor: Actor = LEE, now: datetime = AFTER
) -> WorkdayDecision:
    saw = seen(workday_id)
    with transaction() as session:
        return reviews.correct(session, workday_id, saw, clock_in, clock_out, reason=reason, actor=actor, now=now)


def undo(workday_id: int, saw: Seen | None = None, *, now: datetime = AFTER) -> None:
    saw = saw or seen(workday_id)
    with transaction() as session:
        reviews.undo(session, workday_id, saw, actor=LEE, now=now)


def history(workday_id: int) -> list[tuple[str, str | None]]:
    with reading() as session:
        return [(each.decision, each.end_reason) for each in reviews.decisions_of(session, workday_id)]


def state(workday_id: int) -> tuple[str, datetime | None, datetime | None, bool]:
    row = day(workday_id)
    return row.review_state, row.clock_in, row.clock_out, row.is_incomplete


def test_a_day_is_accepted_corrected_and_undone() -> None:
    added()
    row = stored_day(clock_out=None)
    first, out = instant(MONDAY, "08:00"), instant(MONDAY, "17:30")
    accept(row)
    assert state(row) == (ReviewState.ACCEPTED, first, None, True)
    correct(row, first, out)
    assert state(row) == (ReviewState.CORRECTED, first, out, False)
    stored = day(row)
    assert (stored.first_at, stored.last_at, stored.worked_seconds, stored.crm_due_at is not None) == (first, None, 34_200, True)
    undo(row)
    assert state(row) == (ReviewState.OPEN, first, None, True)
    assert history(row) == [(Decision.CORRECTED, "undone"), (Decision.ACCEPTED, "replaced")]
    with pytest.raises(NothingToReview):
        undo(row)


def test_decisions_that_cannot_be_made_are_refused() -> None:
    added()
    row, plain = stored_day(clock_out=None), stored_day("18")
    with pytest.raises(WorkdayNotFound):
        accept(9, Seen())
    with pytest.raises(NothingToReview):
        accept(plain)
    with pytest.raises(WorkdayNotOver):
        accept(row, now=instant(MONDAY, "27:59"))
    at = {text: instant(MONDAY, text) for text in ("08:00", "17:00", "27:59", "28:00")}
    cases = [
        ("no reason", "reason", at["08:00"], at["17:00"], " "),
        ("too late", "clock_out", at["08:00"], at["28:00"], "x"),
        ("another day", "clock_in", at["08:00"] - timedelta(days=2), at["17:00"], "x"),
        ("backwards", "clock_out", at["17:00"], at["08:00"], "x"),
    ]

    def is_refused(_case: str, field: str, clock_in: datetime, clock_out: datetime, reason: str) -> None:
        with pytest.raises(InvalidCorrection) as error:
            correct(row, clock_in, clock_out, reason=reason)
        assert error.value.fields["field"] == field

    check_all(cases, is_refused)
    assert (history(row), state(row)[0]) == ([], ReviewState.OPEN)
    correct(row, at["08:00"], at["27:59"])
    assert day(row).worked_seconds == 20 * 3600 - 60


def test_nobody_reviews_their_own_days() -> None:
    added()
    ada = account("ada")
    own = person("Ada", "17", account="ada")
    linked, by_id = stored_day(clock_out=None, person_id=own), stored_day(day=MONDAY + timedelta(days=1), clock_out=None)
    for row in (linked, by_id):
        with pytest.raises(OwnWorkday):
            accept(row, actor=ada)
        with pytest.raises(OwnWorkday):
            correct(row, instant(day(row).date, "08:00"), None, actor=ada)
        accept(row)
        saw = seen(row)
        with pytest.raises(OwnWorkday), transaction() as session:
            reviews.undo(session, row, saw, actor=ada, now=AFTER)


def test_an_account_that_is_linked_or_merged_after_its_review_is_a_warning() -> None:
    added()
    ada, other = account("ada"), person("Ada", "17")
    accept(stored_day(clock_out=None, person_id=other), actor=ada)
    with transaction() as session:
        pay_periods.create(session, NewPeriods(PayLength.WEEKLY, first_day=MONDAY), actor=LEE, now=AFTER)

    def warned() -> int:
        with reading() as session:
            return pay_totals.warnings(session, pay_periods.find_period(session, 1)).own_decisions

    assert warned() == 0
    with transaction() as session:
        fields = PersonFields("Ada", ids=[SiteId("17")], account_id=ada.user_id)
        people_changes.change(session, other, fields, actor=LEE, now=AFTER)
    assert warned() == 1


def test_a_decision_is_about_what_was_seen() -> None:
    added()
    row = stored_day(reason=EARLY, clock_in="05:00")
    saw = seen(row)
    for other in (saw._replace(first_at=AFTER), saw._replace(last_at=None), saw._replace(decision_id=1)):
        with pytest.raises(WorkdayChanged):
            accept(row, other)
    decision = accept(row, saw)
    with pytest.raises(WorkdayChanged) as error:
        accept(row, saw)
    assert error.value.fields["decision_id"] == decision.id
    with pytest.raises(WorkdayChanged):
        undo(row, saw)


def test_of_two_reviewers_at_once_one_decides(app: Flask) -> None:
    added()
    row = stored_day(clock_out=None)
    saw, barrier = seen(row), Barrier(2)

    def decide() -> bool:
        with app.app_context():
            barrier.wait()
            try:
                accept(row, saw)
            except WorkdayChanged:
                return False
            return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(each.result() for each in [threads.submit(decide) for _number in range(2)]) == [False, True]
    assert history(row) == [(Decision.ACCEPTED, None)]


def test_later_punches_open_a_day_again() -> None:
    entrance = added()
    punch(entrance, "17", "2026-11-16 08:00")
    process()
    (row,) = (each.id for each in workdays())
    correct(row, instant(NOV, "08:00"), instant(NOV, "17:00"), now=LATER)
    assert process().written == 0
    assert state(row)[0] == ReviewState.CORRECTED
    punch(entrance, "17", "2026-11-16 18:10")
    process()
    assert state(row) == (ReviewState.NONE, instant(NOV, "08:00"), instant(NOV, "18:10"), False)
    assert history(row) == [(Decision.CORRECTED, "reopened")]


def test_punches_and_decisions_after_closing_are_adjustments() -> None:
    entrance = added()
    punch(entrance, "17", "2026-11-16 08:00")
    punch(entrance, "18", "2026-11-16 08:00", "2026-11-16 17:00")
    process()
    first, second = (each.id for each in workdays())
    with transaction() as session:
        pay_periods.create(session, NewPeriods(PayLength.WEEKLY, first_day=date(2026, 11, 9)), actor=LEE, now=LATER)
        pay_periods.create(session, NewPeriods(PayLength.WEEKLY, first_day=NOV), actor=LEE, now=LATER)
        clocks, closing = Clocks(time(4), ZoneInfo(ZONE)), LATER + timedelta(days=7)
        for period_id in (1, 2):
            pay_periods.close(session, period_id, clocks, accept_warnings=True, actor=LEE, now=closing)
    correct(first, instant(NOV, "08:00"), instant(NOV, "16:00"), now=closing)
    undo(first, now=closing)
    punch(entrance, "18", "2026-11-16 19:00", "2026-11-17 08:00", "2026-11-17 09:00")
    process()
    with reading() as session:
        found = list(pay_totals.adjustments(session, pay_periods.find_period(session, 2)))
    assert [(each.user_id, each.before_seconds // 3600, each.worked_seconds // 3600, each.changed_by) for each in found] == [
        ("17", 0, 8, "lee"),
        ("17", 8, 0, "lee"),
        ("18", 9, 11, ""),
        ("18", 0, 1, ""),
    ]
    assert day(second).worked_seconds == 11 * 3600


def test_the_queue_has_days_that_have_ended_the_oldest_first() -> None:
    added()
    ada = person("Ada", "17")
    second = stored_day(day=MONDAY + timedelta(days=1), clock_out=None, person_id=ada)
    first = stored_day("18", clock_out=None)
    third = stored_day("18", day=MONDAY + timedelta(days=1), clock_in="05:00", reason=EARLY)
    running = stored_day("18", day=MONDAY + timedelta(days=30), clock_out=None)
    stored_day("19")

    def ids(filters: QueueFilter | None = None, **more: object) -> list[int]:
        with reading() as session:
            found = review_queue.waiting(session, AFTER, filters, **{"size": 10, **more}).rows  # type: ignore[arg-type]
            assert more or review_queue.count_waiting(session, AFTER, filters) == len(found)
            return [each.id for each in found]

    assert ids() == [first, second, third]
    assert ids(QueueFilter(person_id=ada)) == [second]
    assert ids(QueueFilter(kind=ReasonKind.OUTLIER)) == [third]
    assert ids(QueueFilter(kind=ReasonKind.INCOMPLETE)) == [first, second]
    with reading() as session:
        page = review_queue.waiting(session, AFTER, size=2)
        following = review_queue.waiting(session, AFTER, size=2, after=page.next_cursor)
        assert [each.id for each in following.rows] == [third]
        named = review_queue.named(session, page.rows)
    assert [(each.name, each.terminal) for each in named] == [("", "Main entrance"), ("Ada", "Main entrance")]
    assert running not in ids()


def test_many_days_are_accepted_as_previewed() -> None:
    added()
    ada = account("ada")
    own = stored_day(clock_out=None, person_id=person("Ada", "17", account="ada"))
    others = [stored_day(str(number), clock_out=None) for number in range(20, 23)]
    filters = QueueFilter(kind=ReasonKind.INCOMPLETE)
    with reading() as session:
        preview = review_queue.batch(session, AFTER, filters, ada)
    assert [each.id for each in preview.days] == others
    accept(others[0])
    with pytest.raises(WorkdayChanged), transaction() as session:
        review_queue.accept_batch(session, filters, preview.digest, actor=ada, now=AFTER)
    with transaction() as session:
        again = review_queue.batch(session, AFTER, filters, ada)
        assert review_queue.accept_batch(session, filters, again.digest, actor=ada, now=AFTER) == 2
    assert [state(each)[0] for each in (own, *others)] == [ReviewState.OPEN, *[ReviewState.ACCEPTED] * 3]


def test_times_are_entered_by_the_clocks_of_the_place() -> None:
    def workday(on: date, **times: datetime) -> Workday:
        return Workday(date=on, timezone=ZONE, window_ends_at=instant(on + timedelta(days=1), "04:00"), **times)

    monday, back, forward = workday(MONDAY), workday(date(2026, 10, 31)), workday(date(2026, 3, 7))
    assert instant_of(monday, time(8), field="clock_in") == instant(MONDAY, "08:00")
    assert instant_of(monday, time(2), field="clock_out") == instant(MONDAY, "26:00")
    exact = instant(MONDAY, "08:00") + timedelta(seconds=17)
    assert instant_of(workday(MONDAY, first_at=exact), time(8), field="clock_in") == exact
    assert [repeats_hour(each) for each in (monday, back, forward)] == [False, True, False]
    once, again = (instant_of(back, time(1, 30), field="clock_out", again=each) for each in (False, True))
    assert again - once == timedelta(hours=1)
    with pytest.raises(InvalidCorrection):
        instant_of(forward, time(2, 30), field="clock_in")
    assert exact_instant(monday, datetime.fromisoformat("2026-03-02T08:00"), field="clock_in") == instant(MONDAY, "08:00")
    assert exact_instant(monday, exact.astimezone(ZoneInfo("Asia/Tokyo")), field="clock_in") == exact
    with pytest.raises(InvalidCorrection):
        exact_instant(monday, AFTER, field="clock_in")
