"""Punches become workdays, incrementally, and the days follow whatever is changed about them."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import count

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import clock_repairs, people_changes, reviews, terminal_changes
from request_tracker_utils.attendance.clock_repairs import NewRepair
from request_tracker_utils.attendance.models import ChangedDays, ReviewDecision, Terminal
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.attendance.terminal_changes import TerminalChange
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays import default_hours, processing, reviews as workday_reviews
from request_tracker_utils.workdays.computing import Computed, How
from request_tracker_utils.workdays.models import DayKind, ReviewState, ScheduleVersion, Workday
from request_tracker_utils.workdays.processing import process_changes, process_range
from request_tracker_utils.workdays.rules import NO_PUNCHES
from request_tracker_utils.workdays.schedule_days import DefaultHours
from request_tracker_utils.workdays.windows import day_of
from tests.services.attendance import added, punches, record
from tests.services.punched_days import DEFAULT, NOW, process, processor, punch, shown, workdays
from tests.services.punching import store
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
MONDAY = date(2026, 11, 16)
BY = Actor("ada")


def person(name: str, *ids: SiteId) -> int:
    with transaction() as session:
        return people_changes.create(session, PersonFields(name, ids=list(ids)), actor=BY, now=NOW).id


def sent(workday: Workday) -> None:
    """As after the CRM has accepted it."""
    with transaction() as session:
        row = session.get_one(Workday, workday.id)
        row.attempted_revision = row.accepted_revision = row.revision
        row.accepted_digest, row.synced_to_crm, row.crm_due_at = row.content_digest, True, None


def revisions() -> list[tuple[str, int, bool]]:
    return [(f"{row.date:%d}", row.revision, row.synced_to_crm) for row in workdays()]


def test_the_first_punch_is_in_and_the_last_is_out() -> None:
    entrance = added()
    punch(entrance, "0017", "2026-11-16 08:00", "2026-11-16 12:00", "2026-11-16 12:45", "2026-11-16 18:00", "2026-11-17 07:55")
    done = process()
    assert (done.punches, done.days, done.outliers, done.failed) == (5, 2, 0, 0)
    assert shown(workdays()) == [("0017", "2026-11-16", "16 14:00", "17 00:00"), ("0017", "2026-11-17", "17 13:55", "")]
    monday, tuesday = workdays()
    assert (monday.is_incomplete, monday.punches, monday.worked_seconds, monday.review_state) == (False, 4, 36_000, ReviewState.NONE)
    assert (tuesday.is_incomplete, tuesday.is_outlier, tuesday.review_state) == (True, False, ReviewState.OPEN)
    assert (monday.window_ends_at, monday.crm_due_at) == (datetime.fromisoformat("2026-11-17 10:00+00:00"),) * 2
    assert process().written == 0


def test_a_run_computes_only_the_days_around_new_punches(monkeypatch: pytest.MonkeyPatch) -> None:
    entrance = added()
    punch(entrance, "17", *(f"2026-{month:02}-02 08:00" for month in range(1, 11)))
    process()
    asked = []
    compute = processing.compute

    def recorded(session: Session, users: Collection[str], first: int, last: int, how: How) -> Computed:
        asked.append((set(users), first, last))
        return compute(session, users, first, last, how)

    monkeypatch.setattr(processing, "compute", recorded)
    punch(entrance, "17", "2026-10-02 17:00")
    assert process().written == 1
    assert asked == [({"17"}, day_of(date(2026, 10, 1)), day_of(date(2026, 10, 3)))]


def test_of_repeated_punches_the_first_counts() -> None:
    punch(added(), "17", "2026-11-16 08:00", "2026-11-16 08:02", "2026-11-16 08:02:01", "2026-11-16 18:00", "2026-11-16 18:01:59")
    process()
    (monday,) = workdays()
    assert (monday.punches, shown([monday])) == (3, [("17", "2026-11-16", "16 14:00", "17 00:00")])
    process_range(processor(repeat=0), MONDAY, MONDAY)
    assert workdays()[0].punches == 5


def test_a_known_person_has_one_day_at_all_terminals_and_keeps_the_first() -> None:
    entrance, gym = added(), added("Gym", "10.0.0.51")
    ada = person("Ada", SiteId("17"), SiteId("40"))
    punch(gym, "40", "2026-11-16 12:00")
    punch(gym, "5", "2026-11-16 12:00")
    process()
    punch(entrance, "17", "2026-11-16 08:00")
    punch(entrance, "5", "2026-11-16 08:00")
    process()
    assert [(row.terminal_id, row.user_id, row.person_id, row.punches) for row in workdays()] == [
        (gym.id, "40", ada, 2),
        *((terminal.id, "5", None, 1) for terminal in (gym, entrance)),
    ]
    process_range(processor(joined=False), MONDAY, MONDAY)
    assert [(row.terminal_id, row.user_id, row.punches) for row in workdays()[:2]] == [(entrance.id, "17", 1), (gym.id, "40", 1)]


def test_a_night_shift_belongs_to_the_day_it_began_over_the_end_of_a_month() -> None:
    night = DefaultHours(time(22), time(6), time(4))
    punch(added(timezone="America/Chicago"), "17", "2026-10-31 21:50", "2026-11-01 06:10", "2026-11-01 22:05", "2026-11-02 05:55")
    process(default=night)
    assert shown(workdays()) == [("17", "2026-10-31", "01 02:50", "01 12:10"), ("17", "2026-11-01", "02 04:05", "02 11:55")]
    assert [row.is_outlier for row in workdays()] == [False, False]
    assert workdays()[0].worked_seconds == 9 * 3600 + 20 * 60  # the clocks went back in this night


def test_both_sides_of_a_clock_change_are_right() -> None:
    entrance = added()
    punch(entrance, "17", "2026-03-07 18:00", "2026-03-08 03:30", "2026-03-08 08:00", "2026-03-08 18:00")
    punch(entrance, "18", "2026-10-31 18:00", "2026-11-01 03:59", "2026-11-01 08:00", "2026-11-01 18:00")
    process()
    assert shown(workdays()) == [
        ("17", "2026-03-07", "08 00:00", "08 08:30"),
        ("17", "2026-03-08", "08 13:00", "08 23:00"),
        ("18", "2026-10-31", "31 23:00", "01 09:59"),
        ("18", "2026-11-01", "01 14:00", "02 00:00"),
    ]
    assert [row.outlier_reason for row in workdays()[1::2]] == ["", ""]


def test_the_days_follow_a_repaired_clock_and_its_reversal() -> None:
    entrance = added()
    punch(entrance, "17", "2026-11-16 09:00", "2026-11-16 19:00", "2026-11-17 04:30")
    process()
    first, *_others, last = punches()
    with transaction() as session:
        repair = clock_repairs.apply(session, NewRepair(entrance.id, first.id, last.id, -3600, "an hour fast"), actor=BY, now=NOW)
    process()
    assert shown(workdays()) == [("17", "2026-11-16", "16 14:00", "17 09:30")]
    with transaction() as session:
        clock_repairs.reverse(session, repair.id, actor=BY, now=NOW)
    process()
    assert shown(workdays()) == [("17", "2026-11-16", "16 15:00", "17 01:00"), ("17", "2026-11-17", "17 10:30", "")]


def test_an_implausible_punch_counts_once_it_is_accepted() -> None:
    punch(added(), "17", "2026-11-16 08:00", "2026-11-16 18:00", "2026-11-24 12:00")
    future = punches()[-1]
    process()
    assert [row.date for row in workdays()] == [MONDAY]
    for decide, dates in ((True, [MONDAY, date(2026, 11, 24)]), (False, [MONDAY])):
        with transaction() as session:
            if decide:
                reviews.decide(session, future.id, ReviewDecision.ACCEPTED, actor=BY, now=NOW)
            else:
                reviews.undo(session, future.id, actor=BY, now=NOW)
        process()
        assert [row.date for row in workdays()] == dates


def test_a_user_id_that_belongs_to_somebody_else_moves_their_days() -> None:
    entrance = added()
    ada = person("Ada", SiteId("17"), SiteId("40"))
    punch(entrance, "17", "2026-11-16 08:00")
    punch(entrance, "40", "2026-11-16 18:00")
    process()
    sent(workdays()[0])
    with transaction() as session:
        alan = people_changes.reassign(session, SiteId("17", valid_from=MONDAY), "Alan", actor=BY, now=NOW).id
    process()
    assert [(row.user_id, row.person_id, row.punches, row.revision, row.synced_to_crm) for row in workdays()] == [
        ("17", alan, 1, 2, False),
        ("40", ada, 1, 1, False),
    ]


def test_a_terminal_at_another_site_has_other_people() -> None:
    entrance = added()
    ada = person("Ada", SiteId("17", "North"))
    punch(entrance, "17", "2026-11-16 08:00")
    process()
    change = TerminalChange(BY, NOW, str, True, timedelta(minutes=5))
    with transaction() as session:
        terminal_changes.change_terminal(session, entrance.id, {"site": "North"}, change)
    process()
    assert [row.person_id for row in workdays()] == [ada]


def test_renaming_people_and_terminals_sends_nothing_again() -> None:
    entrance = added()
    ada = person("Ada", SiteId("17"))
    punch(entrance, "17", "2026-11-16 08:00", "2026-11-16 18:00")
    process()
    sent(workdays()[0])
    with transaction() as session:
        people_changes.change(session, ada, PersonFields("Ada King", ids=[SiteId("17")]), actor=BY, now=NOW)
        session.get_one(Terminal, entrance.id).name = "Front door"
    assert process().days == 0
    assert process_range(processor(), MONDAY, MONDAY).written == 0
    assert revisions() == [("16", 1, True)]


def test_a_holiday_that_is_moved_takes_the_outliers_with_it() -> None:
    punch(added(), "17", "2026-11-16 12:00", "2026-11-16 13:00", "2026-11-17 12:00", "2026-11-17 13:00")
    process(holidays=[day_of(MONDAY)])
    assert [(row.day_kind, row.is_outlier) for row in workdays()] == [(DayKind.HOLIDAY, False), (DayKind.WORK, True)]
    with transaction() as session:
        session.add(ChangedDays(first_day=MONDAY, last_day=MONDAY + timedelta(days=1), created_at=NOW))
    process(holidays=[day_of(MONDAY) + 1])
    assert [(row.day_kind, row.is_outlier) for row in workdays()] == [(DayKind.WORK, True), (DayKind.HOLIDAY, False)]


def test_changed_default_hours_apply_from_their_day_on() -> None:
    def recorded(hours: DefaultHours, day: date) -> None:
        with transaction() as session:
            default_hours.record(session, hours, today=day, actor=BY, now=NOW)

    later = DefaultHours(time(10), time(20), time(4))
    recorded(DEFAULT, MONDAY)
    punch(added(), "17", "2026-11-16 07:59", "2026-11-16 18:00", "2026-11-17 10:00", "2026-11-17 20:00")
    process()
    for _again in range(2):
        recorded(later, MONDAY + timedelta(days=1))
    assert process().written == 1
    assert [(f"{row.starts_at:%d %H:%M}", row.is_late) for row in workdays()] == [("16 08:00", False), ("17 10:00", False)]
    with reading() as session:
        assert [f"{each:%d}" for each in session.scalars(select(ScheduleVersion.valid_from).order_by(ScheduleVersion.id))] == ["01", "17"]


def test_a_changed_day_is_a_new_revision_and_one_that_changes_back_is_none() -> None:
    entrance = added()
    punch(entrance, "17", "2026-11-16 08:00", "2026-11-16 18:00")
    process()
    sent(workdays()[0])
    punch(entrance, "17", "2026-11-16 19:00")
    process()
    assert revisions() == [("16", 2, False)]
    (late,) = [each for each in punches() if f"{each.terminal_time:%H}" == "19"]
    with transaction() as session:
        repair = clock_repairs.apply(session, NewRepair(entrance.id, late.id, late.id, -2 * 86_400, "wrong day"), actor=BY, now=NOW)
    process()
    assert revisions() == [("14", 1, False), ("16", 1, True)]
    with transaction() as session:
        clock_repairs.reverse(session, repair.id, actor=BY, now=NOW)
    process()
    assert revisions() == [("16", 2, False)]


def test_a_day_without_its_punches_goes_unless_the_crm_has_it() -> None:
    entrance = added()
    punch(entrance, "17", "2026-11-16 08:00", "2026-11-16 18:00", "2026-11-18 08:00", "2026-11-18 18:00")
    process()
    sent(workdays()[0])
    first, *_others, last = punches()
    with transaction() as session:
        clock_repairs.apply(session, NewRepair(entrance.id, first.id, last.id, 5 * 86_400 - 864_000, "five days ahead"), actor=BY, now=NOW)
    process()
    assert shown(workdays()) == [
        ("17", "2026-11-11", "11 14:00", "12 00:00"),
        ("17", "2026-11-13", "13 14:00", "14 00:00"),
        ("17", "2026-11-16", "", ""),
    ]
    emptied = workdays()[-1]
    assert (emptied.revision, emptied.outlier_reason, emptied.punches, emptied.review_state) == (2, NO_PUNCHES, 0, ReviewState.NONE)


def test_later_punches_reopen_a_decision() -> None:
    entrance = added()
    punch(entrance, "17", "2026-11-16 08:00")
    process()
    (monday,) = workdays()
    with transaction() as session:
        seen = workday_reviews.seen_of(session, monday)
        workday_reviews.accept(session, monday.id, seen, reason="on a trip", actor=BY, now=NOW)
    assert process_range(processor(), MONDAY, MONDAY).written == 0
    assert workdays()[0].review_state == ReviewState.ACCEPTED
    punch(entrance, "17", "2026-11-16 12:00")
    process()
    (monday,) = workdays()
    assert (monday.review_state, monday.is_outlier) == (ReviewState.OPEN, True)


def test_a_run_that_is_killed_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    entrance = added()
    for user in range(6):
        punch(entrance, str(user), "2026-11-16 08:00", "2026-11-16 18:00")
    with transaction() as session:
        session.add(ChangedDays(user_id="3", first_day=MONDAY, last_day=MONDAY, created_at=NOW))
    monkeypatch.setattr(processing, "CHUNK_DAYS", 6)
    run = processor()
    for step in range(3):
        steps = count()

        def killed(*_done: int, last: int = step, steps: Iterator[int] = steps) -> None:
            if next(steps) == last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            process_changes(replace(run, progress=killed))
    process_changes(run)
    assert [(row.user_id, row.punches) for row in workdays()] == [(str(user), 2) for user in range(6)]
    assert process().days == 0


def test_a_run_that_is_killed_before_or_after_any_commit_is_repeated() -> None:
    """Of four: the days of the queue, its end, the days of new punches, and up to which punch they are processed."""
    entrance = added()

    def check(when: str, number: int) -> None:
        user, commits = f"{when}{number}", count(1)

        @contextmanager
        def killed(*, durable: bool = True) -> Iterator[Session]:
            with transaction(durable=durable) as session:
                yield session
                at = (when, next(commits))
                if at == ("before", number):
                    raise KeyboardInterrupt
            if at == ("after", number):
                raise KeyboardInterrupt

        punch(entrance, user, "2026-11-16 08:00", "2026-11-16 18:00")
        with transaction() as session:
            session.add(ChangedDays(user_id=user, first_day=MONDAY, last_day=MONDAY, created_at=NOW))
        with pytest.raises(KeyboardInterrupt):
            process_changes(replace(processor(), transaction=killed))
        process()
        assert [(row.punches, row.revision) for row in workdays() if row.user_id == user] == [(2, 1)]
        assert process().days == 0

    check_all([(when, number) for number in range(1, 5) for when in ("before", "after")], check)


def test_a_run_that_is_stopped_leaves_the_rest_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "CHUNK_DAYS", 3)
    entrance = added()
    for user in range(3):
        punch(entrance, str(user), "2026-11-16 08:00")
    stops = iter([False, True])
    done = process_changes(replace(processor(), stopping=lambda: next(stops)))
    assert (done.complete, len(workdays())) == (False, 1)
    assert (process().complete, len(workdays())) == (True, 3)


def test_a_long_run_goes_on_by_the_holidays_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has computed the same days by a new holiday meanwhile, and has recorded that it is done."""
    monkeypatch.setattr(processing, "CHUNK_DAYS", 1)
    entrance, holidays = added(), set[int]()
    for user in ("17", "18"):
        punch(entrance, user, "2026-11-16 12:00", "2026-11-16 13:00")

    def add_holiday(_done: int, _total: int) -> None:
        if not holidays:
            holidays.add(day_of(MONDAY))
            with transaction() as session:
                session.add(ChangedDays(first_day=MONDAY, last_day=MONDAY, created_at=NOW))
            process(holidays=holidays)

    process_range(replace(processor(), how=lambda session: processor(holidays=holidays).how(session), progress=add_holiday), MONDAY, MONDAY)
    assert {row.day_kind for row in workdays()} == {DayKind.HOLIDAY}
    assert process(holidays=holidays).written == 0


def test_ten_thousand_people_on_one_day() -> None:
    entrance = added()
    times = [f"2026-11-16 {hour:02}:{minute:02}:{second:02}" for hour in (8, 18) for minute in range(10) for second in range(50)]
    log = [record(f"{number % 10_000}", times[number % 500 + 500 * (number // 10_000)]) for number in range(20_000)]
    store(entrance, log, received_at=NOW)
    done = process()
    assert (done.days, done.punches, done.written) == (10_000, 20_000, 10_000)
    with reading() as session:
        assert session.scalar(select(Workday.id).where(Workday.clock_out.is_(None)).limit(1)) is None
