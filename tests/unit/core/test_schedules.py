"""When jobs are due: intervals, local times, and the last run, which a new leader knows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy.exc import OperationalError

from request_tracker_utils.core import jobs, scheduler
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job, JobRun, Jobs
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.core.schedules import Daily, Schedule, plan
from request_tracker_utils.core.settings import Settings
from tests.services.tables import check_all

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
"""12:00 in Chicago."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def settings(zone: str = "America/Chicago") -> Settings:
    return Settings(timezone=zone)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_next_run_follows_from_the_last() -> None:
    def follows(schedule: Schedule, last: datetime | None, expected: datetime) -> None:
        assert plan(schedule, settings()).next_run(last, NOW) == expected

    at_noon = Daily(time(12))
    check_all(
        [
            (HOUR, None, NOW),
            (HOUR, NOW - 5 * MINUTE, NOW + 55 * MINUTE),
            (HOUR, NOW - DAY, NOW - DAY + HOUR),  # missed
            (HOUR, NOW + DAY, NOW),  # the clock was set back
            (at_noon, None, NOW),
            (at_noon, NOW - MINUTE, NOW),
            (at_noon, NOW, NOW + DAY),
            (at_noon, NOW + HOUR, NOW + DAY),  # the clock was set back by an hour
            (at_noon, NOW - 3 * DAY, NOW - 2 * DAY),
            (at_noon, NOW + 365 * DAY, NOW),
        ],
        follows,
    )


def test_a_local_time_comes_once_a_day_when_clocks_change() -> None:
    def comes(zone: str, at: str, days: list[str]) -> None:
        planned, last, found = plan(Daily(time.fromisoformat(at)), settings(zone)), utc(days[0]), []
        for _day in days[1:]:
            last = planned.next_run(last, last)
            found.append(last)
            assert planned.next_run(last + MINUTE, last + 2 * HOUR) > last + 20 * HOUR, "it came twice"
        assert found == [utc(each) for each in days[1:]]

    check_all(
        [
            ("America/Chicago", "02:30", ["2026-03-07 12:00", "2026-03-08 08:30", "2026-03-09 07:30"]),  # skipped: an hour later
            ("America/Chicago", "01:30", ["2026-10-31 12:00", "2026-11-01 06:30", "2026-11-02 07:30"]),  # repeated: the first pass
            ("America/Chicago", "03:00", ["2026-03-07 12:00", "2026-03-08 08:00", "2026-03-09 08:00"]),
            ("Asia/Beirut", "00:00", ["2026-03-28 12:00", "2026-03-28 22:00", "2026-03-29 21:00"]),  # midnight is skipped
            ("Pacific/Apia", "03:00", ["2011-12-28 20:00", "2011-12-29 13:00", "2011-12-30 13:00", "2011-12-31 13:00"]),  # a day is skipped
            ("UTC", "23:59", ["2026-12-30 23:59", "2026-12-31 23:59", "2027-01-01 23:59"]),
        ],
        comes,
    )


def recorded(name: str, at: datetime, *, ended: bool = True, error: str | None = None) -> None:
    with transaction(durable=False) as session:
        session.add(JobRun(job=name, process="elsewhere:1", started_at=at, ended_at=at + MINUTE if ended else None, error=error))


@dataclass
class Leader:
    """A scheduler that leads and starts nothing."""

    app: Flask
    schedulers: list[Scheduler] = field(default_factory=list)

    def lead(self, **schedules: Schedule) -> Callable[[], dict[str, datetime]]:
        """Returns what asks for the next runs by job."""
        known = Jobs([Job(name.replace("_", "-"), "", schedule, lambda: 0) for name, schedule in schedules.items()])
        leader = Scheduler(self.app.app_context, known, settings())
        self.schedulers.append(leader)
        leader._background.start(paused=True)
        leader._lead()
        return lambda: {each.id: each.next_run_time for each in leader._background.get_jobs()}

    def stop(self) -> None:
        while self.schedulers:
            self.schedulers.pop().stop()


@pytest.fixture
def leader(inside: Flask) -> Iterator[Leader]:
    """At NOW, on a clock that stands still."""
    with time_machine.travel(NOW, tick=False):
        leader = Leader(inside)
        yield leader
        leader.stop()


def test_a_new_leader_goes_on_from_the_recorded_runs(leader: Leader) -> None:
    recorded("hourly", NOW - MINUTE)
    recorded("overdue", NOW - DAY)
    recorded("failed", NOW - 10 * MINUTE, error="Request Tracker does not answer.")
    recorded("cut-off", NOW - DAY + HOUR)
    recorded("cut-off", NOW - MINUTE, ended=False)
    recorded("ahead", NOW + DAY)
    recorded("nightly", NOW - 9 * HOUR)
    recorded("missed", NOW - 10 * HOUR)
    recorded("often", NOW - timedelta(seconds=1))

    three = Daily(time(3))
    names = {"hourly": HOUR, "overdue": HOUR, "failed": HOUR, "cut_off": DAY, "ahead": HOUR, "new": HOUR, "often": MINUTE}
    following = leader.lead(**names, nightly=three, missed=three)()

    assert following["hourly"] == NOW + 59 * MINUTE
    assert following["failed"] == NOW + 50 * MINUTE
    assert following["cut-off"] == NOW + HOUR  # the run that was cut off does not count
    assert following["nightly"] == NOW + 15 * HOUR
    assert {each for each, at in following.items() if at == NOW} >= {"overdue", "ahead", "new", "missed", "often"}


def test_two_leaders_after_each_other_plan_the_same(leader: Leader) -> None:
    recorded("hourly", NOW - 20 * MINUTE)
    first = leader.lead(hourly=HOUR)()
    leader.stop()
    assert leader.lead(hourly=HOUR)()["hourly"] == first["hourly"] == NOW + 40 * MINUTE


def test_a_process_that_cannot_read_the_recorded_runs_does_not_lead(leader: Leader, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_session: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the database does not answer"))

    with monkeypatch.context() as broken:
        broken.setattr(scheduler.jobs, "last_completed", fail)
        assert leader.lead(hourly=HOUR)() == {}
    assert "hourly" in leader.lead(hourly=HOUR)()  # the other process gets the lock


@pytest.mark.usefixtures("inside")
def test_the_last_completed_run_is_the_newest_that_ended() -> None:
    recorded("sweep", NOW + DAY)
    recorded("sweep", NOW)
    recorded("sweep", NOW + HOUR, ended=False)
    recorded("other", NOW - HOUR, ended=False)
    with reading() as session:
        assert jobs.last_completed(session) == {"sweep": NOW}
