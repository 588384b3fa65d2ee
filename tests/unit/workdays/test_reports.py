"""Reports are what adding up the workdays one by one says, also for people at two terminals and days that are not over."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core.db import reading
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.reports import Length, Period, Sums, report
from tests.services.attendance import added
from tests.services.workdays import MONDAY, person, stored, workday

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
"""Within the month that is reported."""
Key = tuple[int | None, int | None, str]


@pytest.fixture(autouse=True)
def days(inside: Flask) -> None:
    """Two people, one of them at two terminals on one day, and users without a person."""
    added(), added("Gym", "10.0.0.51")
    people, dice = [person("Zoe", "1"), person("Ada", "2")], random.Random(3)
    rows = []
    for number, day in ((number, MONDAY + timedelta(days=day)) for number in range(4) for day in range(30)):
        about: dict[str, object] = {"person_id": people[number] if number < 2 else None}
        about |= {name: dice.random() < 0.3 for name in ("is_late", "is_early", "is_half_day")}
        about["outlier_reason"] = dice.choice(("", "", "Clock-in at 05:00"))
        rows.append(workday(str(number + 1), day, dice.choice(("08:00-17:00", "08:10-12:20", "08:00", "")), dice.choice((1, 2)), **about))
    rows.append(workday("7", MONDAY, "18:00-19:00", terminal_id=2, person_id=people[0]))
    stored(*rows)


def added_up(period: Period) -> dict[Key, Sums]:
    """One by one."""
    dates, sums = defaultdict[Key, set[date]](set), defaultdict[Key, list[int]](lambda: [0] * 6)
    with reading() as session:
        for row in session.scalars(select(Workday)):
            if not period.first <= row.date <= period.last or row.clock_in is None:
                continue
            key = (row.person_id, None, "") if row.person_id else (None, row.terminal_id, row.user_id)
            dates[key].add(row.date)
            flags = (row.is_late, row.is_early, row.is_half_day, row.is_outlier, row.is_incomplete)
            counted = (row.worked_seconds, *(flag and row.window_ends_at <= NOW for flag in flags))
            sums[key] = [before + value for before, value in zip(sums[key], counted, strict=True)]
    return {key: Sums(len(dates[key]), *values) for key, values in sums.items()}


@pytest.mark.parametrize("length", list(Length))
def test_sums_by_person(length: Length) -> None:
    period = Period.around(length, date(2026, 3, 18))
    expected = added_up(period)
    with reading() as session:
        found = report(session, period, NOW, size=None)
        pages = [report(session, period, NOW, size=2, offset=offset).rows for offset in range(0, 8, 2)]
    assert {(row.person_id, row.terminal_id, row.user_id): row.sums for row in found.rows} == expected
    assert found.people == len(found.rows) == len(expected)
    assert [row.name for row in found.rows][:2] == ["Ada", "Zoe"], "people come first, by name"
    assert [row for page in pages for row in page] == list(found.rows)
    assert found.total.seconds == sum(row.sums.seconds for row in found.rows)
    assert found.total.late == sum(row.sums.late for row in found.rows)


def test_a_period_without_workdays_is_empty() -> None:
    with reading() as session:
        found = report(session, Period.around(Length.WEEK, date(2020, 1, 1)), NOW, size=10)
    assert (found.people, found.rows, found.total) == (0, [], Sums(0, 0, 0, 0, 0, 0, 0))
