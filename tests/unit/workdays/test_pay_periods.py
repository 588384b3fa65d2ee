"""Pay periods: a chain without gaps, rounded sums, one closing, and adjustments for what changes afterwards."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.attendance.models import ChangedDays
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays import pay_periods, pay_totals
from request_tracker_utils.workdays.models import MissedPunchRequest, PayAdjustment, PayLength, PayPeriod, PayPeriodDay, Workday
from request_tracker_utils.workdays.pay_adjustments import ChangedDay, Key
from request_tracker_utils.workdays.pay_errors import (
    EarlierPeriodOpen,
    InvalidPayPeriod,
    PayPeriodClosed,
    PayPeriodHasWarnings,
    PayPeriodNotFound,
    PayPeriodNotLast,
    PayPeriodNotOver,
)
from request_tracker_utils.workdays.pay_periods import Clocks, NewPeriods
from request_tracker_utils.workdays.pay_totals import Warnings, rounded
from tests.services.attendance import NOW, ZONE, added
from tests.services.punched_days import punch
from tests.services.reviewed_days import AFTER, LEE, MONDAY, change_times, instant, person, stored_day, two_terminals
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
CLOCKS = Clocks(time(4), ZoneInfo(ZONE))
DAY = timedelta(days=1)


def created(length: PayLength = PayLength.WEEKLY, count: int = 1, rounding: int = 1, first_day: date | None = MONDAY) -> list[PayPeriod]:
    with transaction() as session:
        return pay_periods.create(session, NewPeriods(length, count, rounding, first_day), actor=LEE, now=NOW)


def closed(period_id: int = 1, *, accept_warnings: bool = True, now: datetime = AFTER) -> PayPeriod:
    with transaction() as session:
        return pay_periods.close(session, period_id, CLOCKS, accept_warnings=accept_warnings, actor=LEE, now=now)


def totals(period_id: int = 1) -> list[tuple[str, int, int, int]]:
    """Name, days, seconds at the closing, and with adjustments."""
    with reading() as session:
        period = pay_periods.find_period(session, period_id)
        return [(each.name, each.days, each.seconds, each.adjusted) for each in pay_totals.totals(session, period)]


def adjusted() -> list[tuple[int, str, int, int, str]]:
    with reading() as session:
        rows = session.scalars(select(PayAdjustment).order_by(PayAdjustment.id)).all()
        return [(each.period_id, each.person_name, each.before_seconds, each.worked_seconds, each.changed_by) for each in rows]


def changed(workday_id: int, clock_in: str, clock_out: str | None, person_id: int | None = None) -> int:
    with transaction() as session:
        row = change_times(session, workday_id, clock_in, clock_out)
        row.person_id = person_id or row.person_id
        return pay_periods.record_changes(session, [ChangedDay.of(row)], AFTER)


def test_periods_follow_each_other() -> None:
    spans = [(each.first_day, each.last_day) for each in created(count=2)]
    assert spans == [(MONDAY, date(2026, 3, 8)), (date(2026, 3, 9), date(2026, 3, 15))]
    (biweekly,) = created(PayLength.BIWEEKLY, first_day=None)
    assert (biweekly.first_day, biweekly.last_day) == (date(2026, 3, 16), date(2026, 3, 29))
    with pytest.raises(InvalidPayPeriod):
        created(PayLength.MONTHLY, first_day=None)  # the 30th
    with transaction() as session:
        with pytest.raises(PayPeriodNotLast):
            pay_periods.delete(session, 1)
        pay_periods.delete(session, biweekly.id)
    spans = [(each.first_day, each.last_day) for each in created(PayLength.MONTHLY, 11, first_day=date(2026, 3, 16))]
    assert spans[0] == (date(2026, 3, 16), date(2026, 4, 15))
    assert spans[-1] == (date(2027, 1, 16), date(2027, 2, 15))
    with reading() as session:
        assert [each.first_day for each in pay_periods.list_periods(session, limit=2)] == [date(2027, 1, 16), date(2026, 12, 16)]


def test_invalid_periods_are_refused() -> None:
    def is_refused(field: str, **new: Any) -> None:
        with transaction() as session, pytest.raises(InvalidPayPeriod) as error:
            pay_periods.create(session, NewPeriods(**{"length": PayLength.WEEKLY, "first_day": MONDAY, **new}), actor=LEE, now=NOW)
        assert error.value.fields["field"] == field

    cases: list[tuple[str, dict[str, Any]]] = [
        ("rounding_minutes", {"rounding_minutes": 10}),
        ("count", {"count": 0}),
        ("count", {"count": 54}),
        ("first_day", {"first_day": None}),
        ("first_day", {"first_day": date(1, 1, 1)}),
        ("first_day", {"first_day": date.max}),
        ("length", {"length": PayLength.MONTHLY, "first_day": date(2026, 3, 29)}),
    ]
    check_all([(f"{field} {new}", field, new) for field, new in cases], lambda _case, field, new: is_refused(field, **new))
    created()
    check_all([("gap", date(2026, 3, 10)), ("overlap", date(2026, 3, 8))], lambda _case, day: is_refused("first_day", first_day=day))


def test_the_database_refuses_gaps_and_overlaps() -> None:
    created()
    begin, end = MONDAY, date(2026, 3, 9)

    def is_refused(_case: str, first_day: date, ends_before: date, follows: date | None) -> None:
        values = {"length": "weekly", "rounding_minutes": 1, "created_by": "x", "created_at": NOW, "is_first": follows is None}
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(insert(PayPeriod).values(first_day=first_day, ends_before=ends_before, follows=follows, **values))

    cases = [
        ("a second first one", end + DAY, end + 8 * DAY, None),
        ("after a gap", end + DAY, end + 8 * DAY, end),
        ("over the end", end - DAY, end + 6 * DAY, end),
        ("the same end", begin, end, end),
        ("after nothing", end + 7 * DAY, end + 14 * DAY, end + 7 * DAY),
        ("backwards", end, end, end),
    ]
    check_all(cases, is_refused)


def test_two_people_create_periods_at_once(app: Flask) -> None:
    created()
    barrier = Barrier(2)

    def create() -> list[PayPeriod]:
        with app.app_context():
            barrier.wait()
            return created(count=2, first_day=None)

    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(create) for _number in range(2)]
        starts = sorted(each.first_day for done in both for each in done.result())
    assert starts == [MONDAY + number * 7 * DAY for number in range(1, 5)]


def test_sums_are_rounded_instead_of_days() -> None:
    check_all(
        [("down", 7 * 60 + 29, 15, 0), ("up", 7 * 60 + 30, 15, 15), ("six", 3 * 60, 6, 6), ("one", 89, 1, 1), ("none", 0, 15, 0)],
        lambda _case, seconds, minutes, expected: _same(rounded(seconds, minutes), expected),
    )
    added()
    for number in range(5):
        stored_day(day=MONDAY + number * DAY, clock_out="16:07")
    created(rounding=15)
    ((_name, days, seconds, _adjusted),) = totals()
    assert (days, seconds, rounded(seconds, 15)) == (5, 5 * 487 * 60, 2_430), "2435 minutes; each day rounded would be 2400"


def _same(found: int, expected: int) -> None:
    assert found == expected


def test_people_at_several_terminals_count_once() -> None:
    two_terminals()
    ada = person("Ada", "17")
    stored_day(person_id=ada)
    stored_day(terminal_id=2, person_id=ada, clock_in="16:30", clock_out="18:00")
    stored_day("18", clock_out=None)
    stored_day("18", terminal_id=2, day=MONDAY + DAY)
    stored_day("19", day=MONDAY - DAY)
    created()
    expected = [("Ada", 1, 10 * 3600, 10 * 3600), ("", 2, 9 * 3600, 9 * 3600)]
    assert totals() == expected
    closed()
    assert totals() == expected


def test_a_period_is_closed_after_its_last_day_and_once() -> None:
    added()
    added("Honolulu", "10.0.0.60", timezone="Pacific/Honolulu")
    stored_day()
    created(count=2)
    end = instant(date(2026, 3, 9), "04:00", "Pacific/Honolulu")
    with pytest.raises(PayPeriodNotOver):
        closed(now=end - timedelta(seconds=1))
    with pytest.raises(EarlierPeriodOpen):
        closed(2)
    assert closed(now=end).closed_by == "lee"
    with pytest.raises(PayPeriodClosed, match="lee has already closed"):
        closed()
    with pytest.raises(PayPeriodClosed), transaction() as session:
        pay_periods.delete(session, 1)
    with pytest.raises(PayPeriodNotFound):
        closed(9)
    with reading() as session:
        assert len(session.scalars(select(PayPeriodDay)).all()) == 1


def test_warnings_have_to_be_confirmed() -> None:
    punch(added(), "17", "2026-03-03 08:00", "2026-03-10 08:00")  # the first of them belongs to the period, and is not computed
    stored_day(clock_out=None)
    stored_day("18", reason="Clock-in at 03:00")
    stored_day("18", day=date(2026, 3, 9), clock_out=None)
    created()
    ada = person("Ada", "20")
    with transaction() as session:
        for asked in (MONDAY, date(2026, 3, 9)):
            values = {"clock_out": time(17), "reason": "Forgot", "asked_by": "ada", "asked_at": NOW}
            session.add(MissedPunchRequest(person_id=ada, date=asked, **values))
        session.execute(delete(ChangedDays))
        changed_days.mark(session, ["17"], date(2026, 3, 8), date(2026, 3, 9), now=NOW)
        changed_days.mark(session, ["17"], date(2026, 3, 9), date(2026, 3, 9), now=NOW)
    with reading() as session:
        period = pay_periods.find_period(session, 1)
        found, without_crm = pay_totals.warnings(session, period), pay_totals.warnings(session, period, has_crm=False)
    assert found == Warnings(open_reviews=2, incomplete=1, unsynced=2, requests=1, to_compute=2)
    assert without_crm.unsynced == 0
    with pytest.raises(PayPeriodHasWarnings) as error:
        closed(accept_warnings=False)
    assert error.value.fields["open_reviews"] == 2
    assert closed().closed_at == AFTER


def test_later_changes_are_adjustments() -> None:
    two_terminals()
    ada, grace = person("Ada", "17"), person("Grace", "18")
    first, second = stored_day(person_id=ada), stored_day(day=MONDAY + DAY, person_id=ada)
    created(count=2, rounding=15)
    assert changed(first, "08:00", "17:30") == 0, "the period is open"
    closed()
    assert changed(first, "08:00", "17:30") == 0, "nothing has changed"
    assert changed(first, "08:00", "16:00") == 1
    assert changed(first, "08:00", "16:00") == 0
    assert changed(first, "07:00", "16:00") == 1, "again, from the last adjustment"
    assert changed(second, "08:00", "17:00", grace) == 2, "from one person to another"
    late = stored_day("17", day=MONDAY + 2 * DAY, terminal_id=2, person_id=ada, clock_out="10:00")
    assert changed(late, "08:00", "10:00") == 1
    with transaction() as session:
        gone = ChangedDay(Key("17", MONDAY, 1), ada)
        outside = ChangedDay(Key("17", date(2026, 3, 9), 1), ada)
        assert pay_periods.record_changes(session, [gone, outside], AFTER, by="lee") == 1
        assert pay_periods.record_changes(session, [], AFTER) == 0
    hours = 3600
    assert adjusted() == [
        (1, "Ada", 34_200, 8 * hours, ""),
        (1, "Ada", 8 * hours, 9 * hours, ""),
        (1, "Ada", 9 * hours, 0, ""),
        (1, "Grace", 0, 9 * hours, ""),
        (1, "Ada", 0, 2 * hours, ""),
        (1, "Ada", 9 * hours, 0, "lee"),
    ]
    assert totals() == [("Ada", 2, 34_200 + 9 * hours, 2 * hours), ("Grace", 0, 0, 9 * hours)]


def test_a_change_while_the_period_is_closed_is_in_it_or_an_adjustment(app: Flask) -> None:
    added()
    row = stored_day()
    created()
    barrier = Barrier(2)

    def close() -> None:
        with app.app_context():
            barrier.wait()
            closed()

    def change() -> None:
        with app.app_context():
            barrier.wait()
            changed(row, "08:00", "12:00")

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(close), threads.submit(change)]:
            done.result()
    with reading() as session:
        assert session.scalars(select(Workday.worked_seconds)).one() == 4 * 3600
    ((_name, _days, seconds, with_adjustments),) = totals()
    assert with_adjustments == 4 * 3600
    assert (seconds, len(adjusted())) in ((4 * 3600, 0), (9 * 3600, 1))
