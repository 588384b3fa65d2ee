"""One poll of a terminal, whatever it answers, and whatever happens to the poll."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.attendance import leases, polling, reads, service
from request_tracker_utils.attendance.errors import (
    NotReplaced,
    PollFailed,
    PollTakenOver,
    SerialNumberTaken,
    TerminalBusy,
    TerminalNotFound,
    TerminalNotPolled,
    TerminalReplaced,
    TerminalTimedOut,
)
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import ClockReading, Outcome, Terminal, TerminalEvent, TerminalPoll
from request_tracker_utils.attendance.reading import KnownLog, Reading, Target, Undecodable
from request_tracker_utils.attendance.reads import PROBLEMS
from request_tracker_utils.attendance.terminal_changes import TerminalChange, change_terminal
from request_tracker_utils.core.db import reading, transaction
from tests.services.attendance import ADA, INFO, NOW, HandMade, added, punches, record, shown, terminal
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")

LOG = [record("17", "2026-03-02 08:00"), record("18", "2026-03-02 08:05"), record("17", "2026-03-02 11:30")]


def polls() -> list[TerminalPoll]:
    with reading() as session:
        return list(session.scalars(select(TerminalPoll).order_by(TerminalPoll.id)))


def test_a_poll_stores_everything_and_says_so() -> None:
    entrance, device = added(comm_key=0), HandMade([*LOG], clock=(NOW - timedelta(hours=6, seconds=-90)).replace(tzinfo=None))
    result = device.poller().poll(entrance.id, started_by="ada")
    assert (result.outcome, result.records, result.fetched, result.new_punches, result.problem) == (Outcome.STORED, 3, 3, 3, None)
    assert shown(punches()) == [("17", "2026-03-02 08:00:00", 1), ("18", "2026-03-02 08:05:00", 1), ("17", "2026-03-02 11:30:00", 1)]
    now = terminal(entrance.id)
    assert (now.serial_number, now.firmware, now.record_count, now.capacity, now.user_count) == ("OIN1", "Ver 6.60", 3, 100_000, 2)
    assert (now.last_polled_at, now.last_contact_at, now.last_sync_at, now.fully_read_at) == (NOW, NOW, NOW, NOW)
    assert (now.known_records, now.verified_at, now.lease_id, now.last_error, now.clock_drift) == (3, NOW, None, None, 90)
    (poll,) = polls()
    assert (poll.outcome, poll.started_by, poll.full, poll.records, poll.new_punches) == ("stored", "ada", True, 3, 3)


def test_an_unchanged_terminal_is_read_in_full_once_a_day() -> None:
    entrance, device = added(), HandMade([*LOG])
    outcomes = []
    for _poll in range(3):
        outcomes.append(device.poller().poll(entrance.id).outcome)
        device.pass_time(hours=12)
    assert outcomes == [Outcome.STORED, Outcome.UNCHANGED, Outcome.STORED]
    assert [(full, users) for _target, _known, full, users in device.asked] == [(True, True), (False, False), (True, True)]
    assert terminal(entrance.id).last_sync_at == NOW + timedelta(hours=24)


def test_new_records_are_the_tail_of_the_log() -> None:
    entrance, device = added(), HandMade(LOG[:1])
    device.poller().poll(entrance.id)
    device.log += LOG[1:]
    result = device.poller().poll(entrance.id)
    assert (result.outcome, result.records, result.fetched, result.new_punches) == (Outcome.STORED, 3, 2, 2)
    assert device.asked[1][1] == KnownLog(1, *_known(entrance.id, of=1), NOW)
    assert (terminal(entrance.id).known_records, len(punches())) == (3, 3)


def test_a_cleared_log_is_read_from_its_beginning() -> None:
    entrance, device = added(), HandMade([*LOG])
    device.poller().poll(entrance.id)
    device.log = [record("18", "2000-01-01 00:10"), record("18", "2026-03-02 11:45")]
    assert device.poller().poll(entrance.id).new_punches == 2
    assert [each.implausible for each in punches()] == [None, None, None, "behind", None]


def test_somebody_who_was_added_has_a_name_after_the_next_poll() -> None:
    entrance, device = added(), HandMade([*LOG])
    for users in (2, 3, 3, 3):
        device.info = replace(INFO, users=users)
        device.poller().poll(entrance.id)
    assert [users for *_other, users in device.asked] == [True, False, True, False]


def test_an_incomplete_log_is_stored_and_read_again() -> None:
    def stays_open(problem: str, stored: int) -> None:
        device = HandMade([*LOG], changes={"complete": False, "known": None, "problem": problem, "raw": b"123" if not stored else None})
        if not stored:
            device.changes["records"] = []
        opened = added(problem, f"10.0.1.{len(problem)}")
        device.info = replace(INFO, serial_number=problem)
        result = device.poller().poll(opened.id)
        now = terminal(opened.id)
        assert (result.outcome, result.problem, result.new_punches) == (Outcome.INCOMPLETE, problem, stored)
        assert (now.last_sync_at, now.known_records, now.last_error_code, now.last_error) == (None, None, problem, PROBLEMS[problem])
        device.changes = {}
        assert device.poller().poll(opened.id).outcome is Outcome.STORED
        now = terminal(opened.id)
        assert (now.last_error, now.last_error_code, now.last_sync_at, len(punches(opened.id))) == (None, None, NOW, 3)

    check_all([("count_changed", 3), ("lost_tail", 3), ("trailing_bytes", 3), ("unknown_size", 0)], stays_open)


def test_a_record_that_cannot_be_decoded_costs_no_other() -> None:
    entrance, device = added(), HandMade([*LOG], changes={"undecodable": [Undecodable(b"\xff" * 40, "invalid_time", 1)]})
    assert [device.poller().poll(entrance.id, full=True).quarantined for _again in range(2)] == [1, 0]
    assert len(punches()) == 3


def test_an_error_is_recorded_and_ends_the_lease() -> None:
    entrance, device = added(), HandMade(error=TerminalTimedOut("No answer."))
    for failures in (1, 2):
        with pytest.raises(TerminalTimedOut):
            device.poller().poll(entrance.id)
        now = terminal(entrance.id)
        assert (now.failures, now.last_error, now.last_error_code, now.lease_id) == (failures, "No answer.", "terminal_timed_out", None)
        assert (now.last_polled_at, now.last_contact_at, now.last_sync_at) == (NOW, None, None)
    device.error = None
    device.poller().poll(entrance.id)
    assert (terminal(entrance.id).failures, terminal(entrance.id).last_error) == (0, None)
    assert [poll.outcome for poll in polls()] == ["failed", "failed", "stored"]


def test_an_error_that_nobody_expected_is_recorded_too_and_ends_the_lease(caplog: pytest.LogCaptureFixture) -> None:
    entrance, device = added(), HandMade([*LOG], error=ZeroDivisionError("in the decoder"))
    with pytest.raises(PollFailed):
        device.poller().poll(entrance.id)
    now = terminal(entrance.id)
    assert (now.failures, now.last_error_code, now.lease_id) == (1, "poll_failed_unexpectedly", None)
    assert "in the decoder" in caplog.text
    device.error = None
    assert device.poller().poll(entrance.id).new_punches == 3
    assert [poll.outcome for poll in polls()] == ["failed", "stored"]


@pytest.mark.both_databases
def test_a_clock_that_is_off_by_a_century_loses_no_punch() -> None:
    entrance, device = added(), HandMade([*LOG], clock=NOW.replace(year=2133, tzinfo=None))
    assert device.poller().poll(entrance.id).new_punches == 3
    assert terminal(entrance.id).clock_drift == 2**31 - 1


def test_a_terminal_is_polled_by_one_at_a_time(app: Flask) -> None:
    entrance, device = added(), HandMade([*LOG])
    is_reading, may_answer = Event(), Event()
    answer = device.read

    def hesitate(target: Target, **how: object) -> Reading:
        is_reading.set()
        assert may_answer.wait(30)
        return answer(target, **how)  # type: ignore[arg-type]

    def poll() -> None:
        with app.app_context():
            device.poller().poll(entrance.id)

    device.read = hesitate  # type: ignore[assignment, method-assign]
    first = Thread(target=poll)
    first.start()
    try:
        assert is_reading.wait(30)
        with pytest.raises(TerminalBusy):
            HandMade([*LOG]).poller().poll(entrance.id)
    finally:
        may_answer.set()
        first.join()
    assert HandMade([*LOG]).poller().poll(entrance.id).outcome is Outcome.UNCHANGED


class Killed(BaseException):
    """The process ends here: nothing after it is done."""


@pytest.mark.both_databases
def test_after_a_poll_that_may_have_left_the_terminal_disabled_the_next_one_reads_everything() -> None:
    """Nobody can punch there, so its count does not change, and a poll that downloads nothing would not enable it."""
    entrance, device = added(), HandMade([*LOG])

    def fulls(polls: int) -> list[bool]:
        device.asked.clear()
        for _poll in range(polls):
            device.pass_time(minutes=15)
            device.poller().poll(entrance.id)
        return [full for _target, _known, full, _users in device.asked]

    assert fulls(3) == [True, False, False]
    device.left_disabled = True
    assert fulls(1) == [False]
    assert terminal(entrance.id).last_error_code == "left_disabled"
    device.left_disabled = False
    assert fulls(2) == [True, False]
    assert terminal(entrance.id).last_error_code is None

    device.error = TerminalTimedOut("No answer.", left_disabled=True)
    with pytest.raises(TerminalTimedOut):
        device.poller().poll(entrance.id)
    failed = terminal(entrance.id)
    assert (failed.last_error_code, failed.last_error) == (
        "left_disabled",
        "No answer. The terminal could not be enabled after it was read. Restart it if nobody can punch.",
    )
    device.error = TerminalTimedOut("No answer.")
    with pytest.raises(TerminalTimedOut):
        device.poller().poll(entrance.id)
    device.error = None
    assert fulls(2) == [True, False]

    with transaction() as session:  # the process of a poll has died
        leases.claim(find_terminal(session, entrance.id), timedelta(minutes=1), device.now)
    assert fulls(2) == [True, False]


STEPS = ("store_reads", "record_contacts", "store_all_punches", "quarantine", "count_all_days", "end")


def test_a_poll_that_was_killed_at_any_step_is_repeated_without_losing_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def recovers(step: str) -> None:
        entrance = added(step, f"10.0.2.{1 + STEPS.index(step)}")
        device = HandMade([*LOG], info=replace(INFO, serial_number=step))
        with monkeypatch.context() as patched:
            patched.setattr(_owner_of(step), step, _kill)
            with contextlib.suppress(Killed):
                device.poller().poll(entrance.id)
        killed = terminal(entrance.id)
        assert (killed.last_sync_at, killed.known_records, killed.lease_id is None) == (None, None, False)
        with pytest.raises(TerminalBusy):
            device.poller().poll(entrance.id)
        device.pass_time(minutes=5)
        assert device.poller().poll(entrance.id).outcome is Outcome.STORED
        assert len(punches(entrance.id)) == 3
        assert terminal(entrance.id).last_sync_at == device.now

    check_all([(step,) for step in STEPS], recovers)


def _owner_of(step: str) -> object:
    return polling.leases if step == "end" else polling if step == "store_reads" else reads


def _kill(*_arguments: object, **_values: object) -> None:
    raise Killed


def test_a_poll_that_outlived_its_lease_finishes_nothing() -> None:
    entrance, slow, quick = added(), HandMade(LOG[:2]), HandMade([*LOG])
    answer = slow.read

    def be_late(target: Target, **how: object) -> Reading:
        quick.now = NOW + timedelta(minutes=10)
        quick.poller().poll(entrance.id)
        return answer(target, **how)  # type: ignore[arg-type]

    slow.read = be_late  # type: ignore[assignment, method-assign]
    with pytest.raises(polling.AppError, match="Another one has begun"):
        slow.poller().poll(entrance.id)
    now = terminal(entrance.id)
    assert (now.known_records, now.last_error, now.failures) == (3, None, 0)
    assert [poll.outcome for poll in polls()] == ["failed", "stored"]


def test_a_poll_that_outlived_its_lease_stores_nothing_if_the_terminal_was_changed() -> None:
    """It was read with the former layout, and its known log would hide that from the next poll."""
    entrance, device = added(), HandMade([*LOG])
    answer = device.read

    def be_late(target: Target, **how: object) -> Reading:
        device.read = answer  # type: ignore[method-assign]
        device.pass_time(minutes=10)
        by = TerminalChange(ADA, device.now, lambda text: text, True, timedelta(minutes=4))
        with transaction() as session:
            change_terminal(session, entrance.id, {"layout": "16"}, by)
        return answer(target, **how)  # type: ignore[arg-type]

    device.read = be_late  # type: ignore[assignment, method-assign]
    with pytest.raises(PollTakenOver):
        device.poller().poll(entrance.id)
    assert (punches(), terminal(entrance.id).known_records, terminal(entrance.id).lease_id) == ([], None, None)
    assert device.poller().poll(entrance.id).new_punches == 3
    assert [(target.layout, full) for target, _known, full, _users in device.asked] == [("auto", True), ("16", True)]


def test_another_serial_number_stores_nothing_until_it_is_accepted() -> None:
    entrance, device = added(), HandMade([*LOG])
    device.poller().poll(entrance.id)
    with pytest.raises(NotReplaced):
        accept(entrance)
    other = HandMade([record("17", "2026-03-02 09:00")], info=replace(INFO, serial_number="OIN2"))
    for _again in range(2):
        with pytest.raises(TerminalReplaced):
            other.poller().poll(entrance.id)
    pending = terminal(entrance.id)
    assert (pending.serial_number, pending.reported_serial_number, pending.replaced_at, len(punches())) == ("OIN1", "OIN2", NOW, 3)
    device.poller().poll(entrance.id)
    assert terminal(entrance.id).reported_serial_number is None
    with pytest.raises(TerminalReplaced):
        other.poller().poll(entrance.id)
    accept(entrance)
    assert other.poller().poll(entrance.id).new_punches == 1
    now = terminal(entrance.id)
    assert (now.serial_number, now.reported_serial_number, len(punches())) == ("OIN2", None, 4)
    with reading() as session:
        events = session.execute(select(TerminalEvent.event, TerminalEvent.actor, TerminalEvent.detail).order_by(TerminalEvent.id)).all()
    assert list(map(tuple, events)) == [("added", "ada", {}), ("replaced", "ada", {"former": "OIN1", "accepted": "OIN2"})]


def accept(replaced: Terminal) -> None:
    with transaction() as session:
        service.accept_replacement(session, replaced.id, actor=ADA, now=NOW)


def test_one_terminal_at_two_addresses_is_stored_once() -> None:
    entrance, gym = added(), added("Gym", "10.0.0.51")
    HandMade([*LOG]).poller().poll(entrance.id)
    with pytest.raises(SerialNumberTaken):
        HandMade([*LOG]).poller().poll(gym.id)
    assert (len(punches()), terminal(gym.id).serial_number, terminal(gym.id).last_error_code) == (3, None, "serial_number_taken")


def test_terminals_that_cannot_be_polled() -> None:
    def refuses(make: Callable[[], int], error: type[Exception]) -> None:
        device = HandMade()
        with pytest.raises(error):
            device.poller().poll(make())
        assert device.asked == []

    check_all(
        [
            (lambda: added("Off", enabled=False).id, TerminalNotPolled),
            (lambda: added("Behind NAT", address=None).id, TerminalNotPolled),
            (lambda: 999, TerminalNotFound),
        ],
        refuses,
    )


def test_the_clock_s_history_has_each_change_and_a_reading_of_each_day() -> None:
    entrance, device = added(), HandMade([*LOG])
    for seconds, hours in ((0, 1), (1, 1), (30, 1), (31, 1), (31, 25), (31, 0)):
        device.clock = (device.now - timedelta(hours=6) + timedelta(seconds=seconds)).replace(tzinfo=None)
        device.poller().poll(entrance.id)
        device.pass_time(hours=hours)
    with reading() as session:
        assert list(session.scalars(select(ClockReading.drift).order_by(ClockReading.id))) == [0, 30, 31]
    assert terminal(entrance.id).clock_drift == 31


def _known(terminal_id: int, *, of: int) -> tuple[int, bytes]:
    from tests.services.attendance import log_of

    known = log_of(LOG[:of]).known
    assert known is not None
    return known.length, known.digest
