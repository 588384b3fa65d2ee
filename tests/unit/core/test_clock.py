"""A clock that is set back or forward by three hours: nothing waits longer than its own pause, and nothing is deleted that is not old."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update

from request_tracker_utils.accounts import links, login_events
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.accounts.sessions import LAST_SEEN_INTERVAL, OpenSession
from request_tracker_utils.accounts.tokens import LAST_USED_INTERVAL, TokenOwner
from request_tracker_utils.assets import creations
from request_tracker_utils.assets.errors import CreationUnknown
from request_tracker_utils.assets.models import RECOVERY
from request_tracker_utils.core import health, jobs
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import LONGEST_STEP, SKEW, is_over, steady_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.health import Status
from request_tracker_utils.core.jobs import Job, JobRun, Jobs
from request_tracker_utils.core.outbox import Outbox
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.students.models import HOLDER_SYNC, REPAIR_TICKETS
from request_tracker_utils.tags.models import CONFIRMATION, GRACE_PERIOD
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import TASKS, Task, TaskState
from tests.services.asset_stores import silence
from tests.services.creations import laptop
from tests.services.tables import check_all
from tests.unit.assets.conftest import installation  # noqa: F401 — a fixture
from tests.unit.assets.installation import Installation, states
from tests.unit.core.test_jobs import SETTINGS, eventually, job
from tests.unit.core.test_outbox import OUTBOX, Message, OwnBase

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOURS, SECOND = timedelta(hours=3), timedelta(seconds=1)
BACK = NOW - HOURS
ADA = Actor("ada")
DOMAINS = {"tags": CONFIRMATION, "holders": HOLDER_SYNC, "tickets": REPAIR_TICKETS, "tasks": TASKS, "creations": RECOVERY}


@pytest.fixture
def messages(inside: Flask) -> Iterator[None]:
    OwnBase.metadata.create_all(db.engine)
    yield
    OwnBase.metadata.drop_all(db.engine)


def outbox_of(domain: Outbox[Message], **own: object) -> Outbox[Message]:
    """The tests' table with the times of a domain's outbox."""
    times = {"lease": domain.lease, "backoff": domain.backoff, "longest_wait": domain.longest_wait, "renewed": domain.renewed}
    counts = {} if domain.attempts is None else {"attempts": Message.tries}
    return replace(OUTBOX, job=None, **{"attempts": None, **counts, **times, **own})


@pytest.mark.usefixtures("messages")
def test_no_row_of_an_outbox_waits_longer_than_its_lease_or_its_pause() -> None:
    """`due` as written before, and when it is claimed after the clock was set back or forward."""

    def check(name: str, attempts: int, pause: timedelta, claimed: bool) -> None:
        outbox = outbox_of(DOMAINS[name])  # type: ignore[arg-type]
        own = timedelta(0) if outbox.attempts is None and attempts else outbox.backoff.pause(attempts if outbox.attempts is not None else 0)
        longest = max(outbox.lease, own, outbox.longest_wait, timedelta(seconds=30))
        assert pause <= longest, "the table is wrong"
        with transaction() as session:
            session.query(Message).delete()
            outbox.add(session, now=NOW + pause, event="a", text="", state="new")
            session.execute(update(Message).values(tries=attempts))

        def is_claimed(now: datetime) -> bool:
            with transaction() as session:
                found = bool(outbox.claim(session, now=now, limit=1))
                session.rollback()
                return found

        assert is_claimed(NOW) == claimed
        assert is_claimed(NOW + pause)
        assert is_claimed(BACK), "set back by three hours"
        assert is_claimed(NOW + HOURS), "set forward by three hours"
        for back in (timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16, 32, 64, 128)):
            assert is_claimed(NOW - back) or is_claimed(NOW - back + longest + SKEW), f"set back by {back}"

    check_all(
        [
            (name, attempts, pause, pause <= timedelta(0))
            for name, outbox in DOMAINS.items()
            for attempts in range(9)
            for pause in {timedelta(0), outbox.lease, outbox.backoff.pause(attempts if outbox.attempts is not None else 0)}
        ],
        check,
    )


@pytest.mark.usefixtures("messages")
def test_the_leases_of_two_servers_whose_clocks_differ_a_little_are_believed() -> None:
    for outbox in map(outbox_of, DOMAINS.values()):  # type: ignore[arg-type]
        with transaction() as session:
            session.query(Message).delete()
            outbox.add(session, now=NOW, event="a", text="", state="new", tries=0)
        with transaction() as session:
            assert len(outbox.claim(session, now=NOW + SKEW, limit=1)) == 1
        with transaction() as session:
            assert outbox.claim(session, now=NOW, limit=1) == []


def test_a_serial_number_that_was_claimed_is_free_after_its_own_lease(installation: Installation) -> None:  # noqa: F811
    def claim(serial: str) -> bool:
        with transaction() as session:
            return creations.claim(session, laptop(serial), actor=ADA, now=installation.clock()) is not None

    assert claim("S-1")
    installation.clock.forward(hours=-3)
    assert claim("S-1")
    assert claim("S-2")
    installation.clock.forward(hours=3)
    assert claim("S-2")


def test_a_creation_without_an_answer_ends_after_twice_the_grace_period(installation: Installation) -> None:  # noqa: F811
    def create(*_: object) -> int:
        raise silence()

    installation.asset_store.on_create = create
    with pytest.raises(CreationUnknown):
        installation.creator.create(laptop("S-1"))
    installation.clock.forward(seconds=16)
    assert installation.recover() == 0
    installation.clock.forward(hours=-3)
    searches: list[int] = []
    installation.asset_store.on_search = lambda: searches.append(1)
    for _ in range(19):  # the time begins anew, since nobody knows how much of it has passed
        assert installation.recover() == 0
        installation.clock.forward(minutes=0.5)
    assert states("S-1") == ["unknown"]
    assert len(searches) < 5
    installation.clock.forward(minutes=GRACE_PERIOD.total_seconds() / 60)
    installation.recover()
    installation.clock.forward(minutes=1)
    installation.recover()
    assert states("S-1") == ["failed"]


def session_seen(at: datetime) -> OpenSession:
    return OpenSession(**{**dict.fromkeys(OpenSession._fields), "expires_at": NOW + timedelta(days=30), "seen_at": at, "address": ""})  # type: ignore[arg-type]


def token_used(at: datetime) -> TokenOwner:
    return TokenOwner(**{**dict.fromkeys(TokenOwner._fields), "last_used_at": at})  # type: ignore[arg-type]


def test_what_happens_from_time_to_time_happens_again_after_its_own_interval() -> None:
    Due = Callable[[datetime, datetime], bool]
    rows: list[tuple[str, timedelta, Due]] = [
        ("a pause", SECOND, lambda at, now: is_over(at, SECOND, now)),
        ("last seen", LAST_SEEN_INTERVAL, lambda at, now: session_seen(at).last_seen_is_due(Origin(), now)),
        ("last used", LAST_USED_INTERVAL, lambda at, now: token_used(at).last_used_is_due(now)),
    ]

    def check(_name: str, interval: timedelta, is_due: Due) -> None:
        assert not is_due(NOW, NOW)
        assert not is_due(NOW + SKEW, NOW), "clocks of two servers differ"
        assert [is_due(NOW, now) for now in (NOW + interval, BACK, NOW + HOURS)] == [True] * 3

    check_all(rows, check)


@pytest.mark.usefixtures("inside")
def test_an_event_that_is_recorded_once_a_minute_is_recorded_again() -> None:
    with transaction() as session:
        login_events.record(session, LoginKind.PAUSED, Origin("10.0.0.1"), now=NOW, key="a")
    with reading() as session:
        recent = [
            login_events.recently_recorded(session, LoginKind.PAUSED, Origin("10.0.0.1"), now=now, key="a")
            for now in (NOW, NOW - SECOND, NOW + timedelta(minutes=1), BACK, NOW + HOURS)
        ]
    assert recent == [True, True, False, False, False]


@pytest.mark.usefixtures("inside")
def test_a_link_stays_valid_and_is_not_valid_for_a_year() -> None:
    with transaction() as session:
        key = links.new_setup_key(session, now=NOW)

    def is_valid(now: datetime) -> bool:
        with reading() as session:
            try:
                links.check_setup_key(session, key, now=now)
            except links.LinkInvalid:
                return False
            return True

    assert [is_valid(now) for now in (NOW, BACK, NOW + HOURS, NOW - timedelta(days=365), NOW + timedelta(days=2))] == [True] * 3 + [
        False
    ] * 2


@pytest.mark.usefixtures("inside")
def test_the_comparison_that_ended_last_is_the_newest_task_whatever_its_time() -> None:
    for ended_at in (NOW + timedelta(days=365), NOW):
        with transaction() as session:
            task = tasks.start(session, "compare", title="", actor=ADA, now=NOW)
            task.state, task.ended_at, task.due_at = TaskState.DONE, ended_at, None
    with reading() as session:
        newest = tasks.last_done(session, "compare")
        assert newest is not None
        assert newest.ended_at == NOW


@pytest.mark.usefixtures("inside")
def test_health_and_metrics_ask_for_the_newest_run_and_believe_no_future_one() -> None:
    known = Jobs([Job("sweep", "A sweep", timedelta(seconds=15), lambda: 0)])
    now = datetime.now(UTC)
    known.started_at = now - timedelta(days=1)

    def run(at: datetime) -> None:
        with transaction() as session:
            session.add(JobRun(job="sweep", process="elsewhere:1", started_at=at))

    run(now + HOURS)  # before the clock was set back
    assert health.check_jobs(known, runs=True).status is Status.DOWN
    run(now)
    assert health.check_jobs(known, runs=True).status is Status.OK
    with reading() as session:
        assert jobs.last_starts(session) == {"sweep": now}


@pytest.mark.usefixtures("inside")
def test_an_hour_with_a_wrong_year_deletes_a_week_at_most_and_a_long_holiday_is_caught_up() -> None:
    def run(now: datetime) -> int:
        with transaction() as session:
            return tasks.delete_old(session, now=steady_now(session, "delete-old-tasks", now))

    with transaction() as session:
        for days in range(180):
            task = tasks.start(session, "old", title="", actor=ADA, now=NOW)
            task.state, task.ended_at, task.due_at = TaskState.DONE, NOW - timedelta(days=days, hours=12), None
    year = timedelta(days=365)
    assert run(NOW) == 0
    assert run(NOW + year) == LONGEST_STEP.days  # also after a restart of the program
    assert [run(now) for now in (NOW, BACK, NOW + HOURS)] == [0, 0, 0]
    for _ in range(30):
        run(NOW + year)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 0


def test_schedules_and_requested_runs_go_on_when_the_clock_is_set_back_or_forward(inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CLOCK_CHECK": timedelta(seconds=0.1), "TOLERANCE": timedelta(seconds=0.1)}.items():
        monkeypatch.setattr(f"request_tracker_utils.core.scheduler.{name}", value)
    done: list[str] = []
    known = Jobs([job(lambda: done.append("often") or 1, "often", 0.5), job(lambda: done.append("soon") or 1, "soon", 86_400)])
    scheduler = Scheduler(inside.app_context, known, SETTINGS)
    scheduler.start()
    eventually(lambda: done.count("often") >= 2 and done.count("soon") == 1)
    try:
        for hours in (-3, 3):
            scheduler.run_soon("soon", timedelta(seconds=1))
            often, soon = done.count("often"), done.count("soon")
            begun = time.monotonic()
            with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
                eventually(lambda often=often, soon=soon: done.count("often") >= often + 3 and done.count("soon") > soon)
            assert time.monotonic() - begun >= 0.5, "a requested run was too early"
    finally:
        scheduler.stop()
