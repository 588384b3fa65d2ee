"""Pages of terminals without JavaScript: adding one with a tested connection, polling it, and what its page says."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from request_tracker_utils.attendance import jobs, leases
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.push import pending
from request_tracker_utils.attendance.push.contacts import Contact
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.tasks.jobs import run_tasks
from request_tracker_utils.tasks.models import TaskItem
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import csrf_token, signed_in
from tests.services.asking import Ask
from tests.services.attendance import NOW, added
from tests.services.attendance_logs import terminal_with
from tests.services.attendance_network import AttendanceNetwork
from tests.services.attendance_terminal import CONNECT
from tests.services.tables import check_all

PAGE = "/terminals"
FORM = {"name": "Entrance", "port": "4370", "timezone": "America/Chicago", "transport": "tcp", "layout": "auto"}


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An administrator, where terminals may be on loopback."""
    registry_of(app).settings = registry_of(app).settings.model_copy(update={"terminal_allow_loopback": True})
    return signed_in(app, "admin")


def send(client: FlaskClient, path: str, **form: str) -> str:
    """The text of the page after the form."""
    sent = {**form, "csrf_token": csrf_token(client, f"{PAGE}/new")}
    return client.post(f"{PAGE}/{path}", data=sent, follow_redirects=True).get_data(as_text=True)


def polled(app: Flask, client: FlaskClient, path: str) -> str:
    """What the task says that polls terminals, after it has run."""
    started = client.post(f"{PAGE}/{path}", data={"csrf_token": csrf_token(client, f"{PAGE}/new")})
    assert started.location.startswith("/tasks/"), started.text
    with app.app_context():
        run_tasks()
        with reading() as session:
            return session.scalars(select(TaskItem.note).order_by(TaskItem.id.desc())).first() or ""


def test_a_terminal_is_tested_then_saved_polled_replaced_and_kept(app: Flask, ada: FlaskClient, network: AttendanceNetwork) -> None:
    simulated = network.add(terminal_with(5, serial_number="PAGE1", comm_key=4711))
    form = {**FORM, "timezone": "UTC", "ip_address": simulated.address, "port": str(simulated.port)}
    assert "rejected the communication key" in send(ada, "new", do="test", **form)
    tested = send(ada, "new", do="test", comm_key="4711", **form)
    assert "Serial number: PAGE1, " in tested
    assert "4711" not in tested
    assert "No terminals yet" in ada.get(PAGE).text
    assert "The terminal Entrance was saved." in send(ada, "new", do="save", comm_key="4711", **form)
    assert "The terminal answers." in send(ada, "1/edit", do="test", **form)
    assert polled(app, ada, "1/poll") == "5 records, 5 new."
    assert "Working" in ada.get(PAGE).text
    assert "Punches of the terminal Entrance are stored" in send(ada, "1/delete")
    assert "The clock was set." in send(ada, "1/clock")
    assert "Enable terminal" in send(ada, "1/disable")
    assert "Disable terminal" in send(ada, "1/enable")
    simulated.serial_number = "PAGE2"
    assert "Accept the replacement first." in polled(app, ada, "1/poll")
    assert "Replaced" in ada.get(PAGE).text
    assert "The replacement was accepted." in send(ada, "1/accept-replacement")
    simulated.faults.close_at = CONNECT
    polled(app, ada, "1/poll")
    assert "Failing" in ada.get(PAGE).text


def test_a_form_that_cannot_be_saved_is_shown_again_with_its_error(ada: FlaskClient) -> None:
    cases = [
        ({"ip_address": "fe80::1"}, "No terminal can have the address fe80::1."),
        ({"port": "x"}, "Enter a whole number."),
        ({"timezone": "Chicago"}, "Enter a time zone such as"),
        ({"cutoff": "soon"}, "Enter a date and time such as"),
        ({"do": "test"}, "Enter the address first."),
    ]

    def check(changed: dict[str, str], message: str) -> None:
        page = send(ada, "new", **{"ip_address": "", **FORM, "notes": "By the door", **changed})
        assert message in page
        assert "By the door" in page

    check_all(cases, check)
    assert send(ada, "new", ip_address="10.0.0.50", **FORM)
    assert "Another terminal has this name" in send(ada, "new", ip_address="10.0.0.51", **FORM)


def test_staff_reads_and_polls_but_changes_nothing(app: Flask) -> None:
    with app.app_context():
        added()
    page = signed_in(app, "staff").get(f"{PAGE}/1").text
    assert ("Poll terminal" in page, "Edit terminal" in page, "Set clock" in page, "Delete terminal" in page) == (True, False, False, False)


def test_all_terminals_are_polled_by_a_task(app: Flask, ada: FlaskClient, network: AttendanceNetwork) -> None:
    assert "All terminals are disabled, or only push." in send(ada, "poll")
    with app.app_context():
        pushes = added("Gym", None)
        for number in (1, 2):
            simulated = network.add(terminal_with(number, serial_number=f"ALL{number}"))
            added(f"Door {number}", simulated.address, port=simulated.port, timezone="UTC")
    assert "The terminal is disabled, or only pushes." in send(ada, f"{pushes.id}/poll")
    assert polled(app, ada, "poll") == "2 records, 2 new."
    assert ada.get(f"{PAGE}/rows").text.count("Working") == 2


def test_all_terminals_are_polled_over_json(app: Flask, ada: FlaskClient, ask: Ask, network: AttendanceNetwork) -> None:
    assert ask("POST", "/api/devices/poll_all/").json == {"total_devices": 0, "successful": 0, "failed": 0, "devices": []}
    with app.app_context():
        works, fails = (network.add(terminal_with(3, serial_number=f"JSON{number}")) for number in (1, 2))
        fails.faults.close_at = CONNECT
        added("Gym", fails.address, port=fails.port)
        added("Entrance", works.address, port=works.port)
        busy = added("Yard", "10.0.0.77")
        with transaction() as session:
            leases.claim(find_terminal(session, busy.id), timedelta(minutes=1), utc_now())
    answer = ask("POST", "/api/devices/poll_all/")
    assert answer.status_code == 200
    devices = answer.json["devices"]
    assert {name: answer.json[name] for name in ("total_devices", "successful", "failed")} == {
        "total_devices": 3,
        "successful": 1,
        "failed": 1,
    }
    assert [(each["device"], each["status"], each["total_fetched"], each["new_records"], bool(each["last_sync"])) for each in devices] == [
        ("Entrance", "success", 3, 3, True),
        ("Gym", "failed", 0, 0, False),
        ("Yard", "polling", 0, 0, False),
    ]


def test_the_list_names_pending_terminals_and_asks_once_however_many_there_are(app: Flask) -> None:
    staff, counted = signed_in(app, "staff"), []
    with app.app_context():
        added()
        with transaction() as session:
            pending.record(session, Contact.of("NEW1", "10.0.0.60", utc_now(), version="2.4.1"))
    assert "1 terminal wants to push" in staff.get(PAGE).text
    with app.app_context():
        engine = db.engine

        def count(*_arguments: object) -> None:
            counted[-1] += 1

        event.listen(engine, "before_cursor_execute", count)
        for more in range(2):
            for number in range(5 * more):
                added(f"Door {number}", f"10.0.1.{number}")
            counted.append(0)
            assert staff.get(f"{PAGE}/rows").text.count("<tr") == 1 + 5 * more
        event.remove(engine, "before_cursor_execute", count)
    # the first one checks the session too
    assert counted[1] <= counted[0]


def test_open_alerts_are_listed_with_links_to_their_terminals(app: Flask, ada: FlaskClient) -> None:
    assert "Open alerts" not in ada.get(PAGE).text
    with app.app_context():
        entrance = added("<b>Entrance")
        with transaction() as session:
            session.get_one(Terminal, entrance.id).clock_drift = -999
            pending.record(session, Contact.of("NEW1", "10.0.0.60", utc_now()))
        jobs.check_terminals()
    page = ada.get(PAGE).text
    assert "Open alerts" in page
    assert f'href="/terminals/{entrance.id}">The clock of &lt;b&gt;Entrance is wrong</a>' in page
    assert ('href="/terminals/pending">Pending terminals</a>' in page, "NEW1" in page) == (True, False), "named once"
    assert "It is 999 seconds slow." in page
    assert "is wrong</a>" in ada.get(f"{PAGE}/rows").text
    status = ada.get("/admin").text
    assert "The clock of &lt;b&gt;Entrance is wrong" in status
    assert 'href="/terminals/pending">The terminal NEW1 is pending</a>' in status


def test_a_serial_number_of_another_terminal_is_not_offered_as_a_replacement(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        added("Gym", "10.0.0.51")
        entrance = added("Entrance")
        with transaction() as session:
            session.get_one(Terminal, 1).serial_number = "SAME"
            row = session.get_one(Terminal, entrance.id)
            row.reported_serial_number, row.replaced_at = "SAME", NOW
    page = ada.get(f"{PAGE}/{entrance.id}").text
    assert ("which is the serial number of Gym" in page, "Accept replacement" in page) == (True, False)


def test_the_list_says_in_words_how_far_a_clock_is_off(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        entrance = added()

    def says(seconds: int, words: str) -> None:
        with app.app_context(), transaction() as session:
            session.get_one(Terminal, entrance.id).clock_drift = seconds
        assert f">{words}<" in ada.get(f"{PAGE}/rows").get_data(as_text=True)

    check_all(
        [
            (0, "Exact"),
            (119, "119 s ahead"),
            (-120, "2 min 0 s behind"),
            (7200, "2 h 0 min ahead"),
            (-172_800, "2 days behind"),
            (2_000_000_000, "23,148 days ahead"),
        ],
        says,
    )
