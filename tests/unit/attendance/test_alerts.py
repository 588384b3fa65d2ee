"""Alerts about terminals: when they begin and end, and that each is one message."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import delete, select

from request_tracker_utils.attendance import alerts, history, jobs, reviews, storing
from request_tracker_utils.attendance.alert_messages import ALERT_BEGAN, BEGAN, ENDED, open_alerts, values_of
from request_tracker_utils.attendance.alerts import Alerts
from request_tracker_utils.attendance.errors import SerialNumberTaken, TerminalReplaced
from request_tracker_utils.attendance.models import ClockReading, PendingTerminal, Source, Terminal, TerminalAlert
from request_tracker_utils.attendance.models.terminals import MAX_NAME
from request_tracker_utils.attendance.storing import Receipt
from request_tracker_utils.attendance.terminal_problems import Kind, Limits, Problems
from request_tracker_utils.attendance.terminal_states import TerminalState, state_of, terminal_rows
from request_tracker_utils.core.actor import of_command, of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Channel, Messenger
from request_tracker_utils.notifications.models import Notification
from request_tracker_utils.notifications.rendering import LONGEST_SMS, Renderer, septets
from request_tracker_utils.web.registry import registry_of
from tests.services.attendance import INFO, NOW, HandMade, added
from tests.services.tables import check_all

LIMITS = Limits(timedelta(minutes=60), 120)


def check(app: Flask, minutes: int = 0) -> list[tuple[str, object]]:
    """Checks the terminals so many minutes after NOW. Returns all messages until then, in order: their kind and subject."""
    now = NOW + timedelta(minutes=minutes)
    given = Alerts(LIMITS, registry_of(app).find(Messenger), ("it@example.org",))
    with transaction() as session:
        alerts.check(session, given, actor=of_job("test"), now=now)
    return messages()


def messages() -> list[tuple[str, object]]:
    with reading() as session:
        found = session.scalars(select(Notification).where(Notification.event.startswith("terminal-alert")).order_by(Notification.id))
        return [(each.event, each.values["subject"]) for each in found]


def changed(terminal: Terminal, **values: object) -> None:
    with transaction() as session:
        row = session.get_one(Terminal, terminal.id)
        for name, value in values.items():
            setattr(row, name, value)


def pending(*serial_numbers: str) -> None:
    with transaction() as session:
        for number in serial_numbers:
            session.add(PendingTerminal(serial_number=number, address="192.0.2.7", first_seen_at=NOW, last_seen_at=NOW))


@pytest.mark.both_databases
def test_each_problem_is_reported_once_and_once_when_it_has_ended(inside: Flask) -> None:
    entrance = added()
    assert check(inside) == []
    changed(entrance, capacity=100_000, record_count=90_000, clock_drift=-121, reported_serial_number="NEW1", replaced_at=NOW)
    pending("ABC1")
    began = [
        ("terminal-alert", "The memory of Main entrance is nearly full"),
        ("terminal-alert", "The clock of Main entrance is wrong"),
        ("terminal-alert", "Main entrance was replaced"),
        ("terminal-alert", "The terminal ABC1 is pending"),
    ]
    assert check(inside) == began
    changed(entrance, record_count=95_000, clock_drift=-61)
    assert check(inside, 1) == began
    changed(entrance, record_count=84_999, clock_drift=60, reported_serial_number=None, replaced_at=None)
    with transaction() as session:
        session.execute(delete(PendingTerminal))
    ended = check(inside, 2)[len(began) :]
    assert sorted(ended) == [
        ("terminal-alert-ended", "Punches of Main entrance are stored again"),
        ("terminal-alert-ended", "The clock of Main entrance is right again"),
        ("terminal-alert-ended", "The memory of Main entrance has room again"),
        ("terminal-alert-ended", "The terminal ABC1 is not pending now"),
    ]
    assert check(inside, 3) == began + ended
    changed(entrance, clock_drift=121)
    assert check(inside, 4)[-1] == ("terminal-alert", "The clock of Main entrance is wrong")


def test_a_terminal_is_silent_after_it_was_noticed_twice(inside: Flask) -> None:
    entrance = added()
    changed(entrance, failures=1, last_contact_at=NOW - timedelta(minutes=60))
    assert check(inside) == check(inside, 4) == []
    changed(entrance, failures=0, last_contact_at=NOW + timedelta(minutes=4))
    assert check(inside, 5) == []  # the program was down, and has polled it now
    with reading() as session:
        assert session.scalars(select(TerminalAlert)).all() == []
    changed(entrance, failures=1)
    assert check(inside, 64) == check(inside, 68) == []
    silent = ("terminal-alert", "Main entrance is silent")
    assert check(inside, 69) == check(inside, 500) == [silent]
    changed(entrance, failures=0, last_contact_at=NOW + timedelta(minutes=500))
    assert check(inside, 501) == [silent, ("terminal-alert-ended", "Main entrance answers again")]


def test_disabling_a_terminal_ends_its_alerts(inside: Flask) -> None:
    entrance = added()
    changed(entrance, clock_drift=999)
    assert len(check(inside)) == 1
    changed(entrance, enabled=False)
    assert check(inside, 1)[1:] == [("terminal-alert-ended", "Main entrance was disabled")]


def test_made_up_serial_numbers_cause_few_messages(inside: Flask) -> None:
    pending(*(f"SN{number}" for number in range(30)))
    assert len(check(inside)) == len(check(inside, 1)) == alerts.MOST_PENDING
    with transaction() as session:
        session.execute(delete(PendingTerminal).where(PendingTerminal.serial_number.in_(["SN0", "SN1"])))
    found = check(inside, 2)[alerts.MOST_PENDING :]
    assert [event for event, _subject in found] == ["terminal-alert"] * 2 + ["terminal-alert-ended"] * 2


def test_an_incomplete_log_is_reported_after_the_second_read(inside: Flask) -> None:
    entrance = added()
    changed(entrance, last_error_code="lost_tail", last_error="Only a part.", last_error_at=NOW)
    assert check(inside) == check(inside, 20) == []
    changed(entrance, failures=1, last_error_code="terminal_timed_out", last_error_at=NOW + timedelta(minutes=21))
    assert check(inside, 22) == []  # it fails: nothing is known of its log
    changed(entrance, failures=0, last_error_code=None)
    assert check(inside, 23) == []
    changed(entrance, last_error_code="count_changed", last_error_at=NOW + timedelta(minutes=30))
    check(inside, 31)
    changed(entrance, last_error_at=NOW + timedelta(minutes=45))
    began = [("terminal-alert", "The log of Main entrance is not read completely")]
    assert check(inside, 46) == check(inside, 60) == began
    changed(entrance, last_error_code=None)
    assert check(inside, 61) == [*began, ("terminal-alert-ended", "The log of Main entrance was read completely")]


@pytest.mark.both_databases
def test_records_in_quarantine_are_one_alert_until_they_are_reviewed(inside: Flask) -> None:
    entrance, gym = added(), added("Gym", "10.0.0.51")

    def quarantine(*raw: bytes) -> None:
        with transaction() as session:
            storing.quarantine(session, Receipt.of(entrance, Source.POLL, NOW), [(each, "invalid_time", 1) for each in raw])

    quarantine(b"1", b"2")
    began = [("terminal-alert", "Records of Main entrance cannot be read")]
    assert check(inside) == began
    quarantine(b"3")
    assert check(inside, 1) == began
    with reading() as session:
        [alert] = open_alerts(session)
        assert (alert.problem, alert.page) == (
            "Records in quarantine to review: 2. Their punches are not stored.",
            f"/terminals/{entrance.id}",
        )
        assert [row.state for row in terminal_rows(session, NOW, LIMITS)] == [TerminalState.NEW, TerminalState.NEW]
    with transaction() as session:
        for record_id in (1, 2, 3):
            reviews.mark_reviewed(session, record_id, reviewed=True, actor=of_command(), now=NOW)
    assert check(inside, 2) == [*began, ("terminal-alert-ended", "Quarantined records of Main entrance were reviewed")]
    assert gym.id != entrance.id


@pytest.mark.both_databases
def test_a_serial_number_on_two_terminals_is_reported_once(inside: Flask) -> None:
    simulated = HandMade(info=replace(INFO, serial_number="SAME"))
    entrance, gym = added(), added("Gym", "10.0.0.51")
    simulated.poller().poll(gym.id)
    for minute in range(3):
        with pytest.raises(SerialNumberTaken):
            simulated.poller().poll(entrance.id)
        assert check(inside, minute) == [("terminal-alert", "Main entrance has the serial number of another terminal")]
    with reading() as session:
        assert [row.state for row in terminal_rows(session, NOW, LIMITS)] == [TerminalState.WORKING, TerminalState.SERIAL_TAKEN]
        assert open_alerts(session)[0].problem == "SAME answers at its address, which is the serial number of Gym."
    HandMade(info=replace(INFO, serial_number="OWN")).poller().poll(entrance.id)
    assert check(inside, 3)[1:] == [("terminal-alert-ended", "Main entrance has a serial number of its own again")]
    with pytest.raises(TerminalReplaced):
        simulated.poller().poll(entrance.id)
    assert check(inside, 4)[2:] == [("terminal-alert", "Main entrance has the serial number of another terminal")]


def test_pages_and_alerts_agree_on_the_problems_of_a_terminal() -> None:
    old, silent = NOW - timedelta(minutes=60), {Kind.SILENT}
    nearly_old = old + timedelta(seconds=1)

    def expects(already: set[str], kinds: set[Kind], state: TerminalState, values: dict[str, object], quarantined: int = 0) -> None:
        sound = {"id": 1, "enabled": True, "address": "10.0.0.1", "failures": 0, "created_at": NOW, "last_contact_at": NOW}
        row = Terminal(**{**sound, **values})
        problems = Problems(LIMITS, NOW, {1: already}, {1: quarantined}).of(row)
        assert set(problems) == kinds
        assert state_of(row, problems) is state

    new, failing, working = TerminalState.NEW, TerminalState.FAILING, TerminalState.WORKING
    full, drifting = TerminalState.NEARLY_FULL, TerminalState.DRIFTING
    check_all(
        [
            (set(), set(), working, {}),
            (set(), set(), new, {"last_contact_at": None}),
            (set(), set(), failing, {"last_contact_at": None, "failures": 1}),
            (set(), set(), failing, {"last_contact_at": nearly_old, "failures": 1}),
            (set(), silent, TerminalState.SILENT, {"last_contact_at": old, "failures": 1}),
            (set(), silent, TerminalState.SILENT, {"last_contact_at": None, "created_at": old, "failures": 1}),
            (set(), set(), working, {"last_contact_at": old}),  # a long interval: no poll has failed
            (set(), set(), working, {"last_contact_at": nearly_old, "address": None}),
            (set(), silent, TerminalState.SILENT, {"last_contact_at": old, "address": None}),
            (set(), silent, TerminalState.SILENT, {"last_contact_at": None, "created_at": old, "address": None}),
            (set(), set(), TerminalState.DISABLED, {"last_contact_at": old, "failures": 1, "enabled": False, "clock_drift": 9_999}),
            (set(), set(), working, {"capacity": 1_000, "record_count": 899}),
            (set(), {Kind.NEARLY_FULL}, full, {"capacity": 1_000, "record_count": 900}),
            ({"nearly_full"}, {Kind.NEARLY_FULL}, full, {"capacity": 1_000, "record_count": 850}),
            ({"nearly_full"}, set(), working, {"capacity": 1_000, "record_count": 849}),
            (set(), set(), working, {"capacity": 0, "record_count": 900}),
            (set(), {Kind.NEARLY_FULL, Kind.DRIFT}, full, {"capacity": 10, "record_count": 9, "clock_drift": 999}),
            (set(), set(), working, {"clock_drift": -120}),
            (set(), {Kind.DRIFT}, drifting, {"clock_drift": -121}),
            (set(), {Kind.DRIFT}, drifting, {"clock_drift": 121}),
            ({"drift"}, {Kind.DRIFT}, drifting, {"clock_drift": 61}),
            ({"drift"}, set(), working, {"clock_drift": 60}),
            (set(), {Kind.REPLACED}, TerminalState.REPLACED, {"reported_serial_number": "", "failures": 1}),
            (set(), {Kind.UNKNOWN_SIZE}, TerminalState.UNKNOWN_SIZE, {"last_error_code": "unknown_size"}),
            (set(), {Kind.INCOMPLETE}, TerminalState.INCOMPLETE, {"last_error_code": "count_changed"}),
            (set(), {Kind.INCOMPLETE}, TerminalState.INCOMPLETE, {"last_error_code": "unknown_users"}),
            (set(), {Kind.QUARANTINED}, TerminalState.QUARANTINED, {}, 1),
            (set(), {Kind.LEFT_DISABLED}, TerminalState.LEFT_DISABLED, {"last_error_code": "left_disabled"}),
            ({"left_disabled"}, {Kind.LEFT_DISABLED}, TerminalState.LEFT_DISABLED, {"last_error_code": "x", "failures": 1}),
            ({"left_disabled"}, set(), working, {}),
        ],
        expects,
    )


@pytest.mark.both_databases
def test_processes_that_check_at_the_same_time_send_one_message(inside: Flask) -> None:
    entrance, start = added(), Barrier(4)
    changed(entrance, clock_drift=999)

    def run(_number: int) -> None:
        with inside.app_context():
            start.wait(60)
            check(inside)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
        assert len(messages()) == 1
        changed(entrance, clock_drift=0)
        list(pool.map(run, range(4)))
    assert [event for event, _subject in messages()] == ["terminal-alert", "terminal-alert-ended"]


def test_what_the_messages_say() -> None:
    renderer = Renderer(address="https://rtutils.example.org", zone=ZoneInfo("UTC"))
    details = {
        "silent": {"minutes": 65, "error": "It did not answer."},
        "nearly_full": {"records": 900, "capacity": 1_000, "percent": 90},
        "drift": {"seconds": -300},
        "replaced": {"number": "OLD", "reported": "NEW"},
        "serial_taken": {"reported": "NEW", "other": "Gym"},
        "incomplete": {"error": "The terminal sent only a part of its log."},
        "quarantined": {"records": 3},
        "pending": {"address": "192.0.2.7"},
    }
    assert BEGAN.keys() == ENDED.keys() == set(Kind)
    for kind in Kind:
        terminal = None if kind is Kind.PENDING else Terminal(id=1_000_000, name="<b>" + "x" * (MAX_NAME - 3), enabled=True)
        serial = "S" * 64 if terminal is None else None
        for ended_at in (None, NOW):
            alert = TerminalAlert(kind=kind, serial_number=serial, detail=details.get(kind, {}), ended_at=ended_at)
            values = values_of(alert, terminal)
            message = renderer.render(ALERT_BEGAN, Channel.EMAIL, values, to="a@example.org")
            page = "https://rtutils.example.org/terminals/" + ("pending" if terminal is None else "1000000")
            assert message.subject == values["subject"]
            assert page in message.text
            assert message.html is not None
            assert page in message.html
            assert "%(" not in message.text
            assert "<b>" not in message.html
            assert septets(renderer.render(ALERT_BEGAN, Channel.SMS, values, to="+12025551234").text) <= LONGEST_SMS
    slow = values_of(TerminalAlert(kind="drift", detail=details["drift"]), Terminal(name="Gym", enabled=True))
    assert slow["problem"] == "It is 300 seconds slow."
    full = values_of(TerminalAlert(kind="nearly_full", detail=details["nearly_full"]), Terminal(name="Gym", enabled=True))
    assert full["problem"] == "It has 900 records of at most 1,000 (90%)."


def test_jobs_check_terminals_and_delete_old_history(inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    entrance, now = added(), utc_now()
    changed(entrance, clock_drift=999)
    assert (jobs.check_terminals(), jobs.check_terminals()) == (1, 0)
    old, young = now - history.CLOCK_READINGS_KEPT - timedelta(minutes=1), now - history.CLOCK_READINGS_KEPT + timedelta(minutes=1)
    ended = now - history.ALERTS_KEPT - timedelta(minutes=1)
    with transaction() as session:
        for at in (old, young):
            session.add(ClockReading(terminal_id=entrance.id, read_at=at, terminal_time=at.replace(tzinfo=None), drift=3))
        session.add(TerminalAlert(terminal_id=entrance.id, kind="silent", detail={}, began_at=ended, ended_at=ended, sent_at=ended))
    assert (jobs.delete_terminal_history(), jobs.delete_terminal_history()) == (2, 0)
    with reading() as session:
        assert session.scalars(select(ClockReading.read_at)).all() == [young]
        assert session.scalars(select(TerminalAlert.kind)).all() == ["drift"]
    monkeypatch.setattr(jobs, "utc_now", lambda: now + timedelta(days=3 * 366))  # for an hour, the clock has a wrong year
    assert jobs.delete_terminal_history() == 1
    changed(entrance, clock_drift=0)
    with transaction() as session:
        session.add(ClockReading(terminal_id=entrance.id, read_at=now, terminal_time=now.replace(tzinfo=None), drift=3))
    assert jobs.delete_terminal_history() == 0


def test_limits_and_the_interval_can_be_entered_on_a_page(inside: Flask) -> None:
    entrance, page = added(), registry_of(inside).page_settings
    changed(entrance, clock_drift=999, last_polled_at=utc_now() - timedelta(minutes=30), last_contact_at=utc_now())
    texts = {"terminal_drift_seconds": "1000", "polling_interval_minutes": "45"}
    with transaction() as session:
        page.store(session, texts, version=page.refresh().version, actor=of_command(), now=utc_now())
    page.refresh()
    assert (jobs.check_terminals(), jobs.poll_terminals()) == (0, 0)
