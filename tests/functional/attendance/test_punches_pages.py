"""The pages of punches: live list, export, review, quarantine, completeness and repairs of clocks."""

from datetime import date, timedelta

import pytest
from flask import Flask

from request_tracker_utils.attendance.completeness import count_days
from request_tracker_utils.attendance.models import Source
from request_tracker_utils.attendance.reading import TerminalUser
from request_tracker_utils.attendance.storing import PUSHED, Receipt, keep_raw_log, quarantine, store_users
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from tests.services.apps import signed_in
from tests.services.asking import Ask
from tests.services.attendance import NOW, added, record, terminal
from tests.services.forms import page, send
from tests.services.punching import store

DAYS = "from=2026-03-02&to=2026-03-02"


@pytest.fixture(autouse=True)
def stored(app: Flask) -> None:
    """Two terminals: punches of a day, one that is missing, one from 2000, and what could not be decoded."""
    with app.app_context():
        entrance = added()
        added("Gym", "10.0.0.51")
        log = [record("17", "2026-03-02 08:00"), record("18", "2026-03-02 08:05"), record("17", "2000-01-01 00:00")]
        store(entrance, log)
        receipt = Receipt.of(entrance, Source.POLL, NOW)
        with transaction() as session:
            store_users(session, entrance.id, [TerminalUser(1, "17", "Ada <b>"), TerminalUser(2, "18", "Grace")], now=NOW)
            quarantine(session, receipt, [(b"\x01\xff", "invalid_time", 4)])
            keep_raw_log(session, receipt, b"raw log", records=3, problem="unknown_size")
            count_days(session, receipt, {date(2026, 3, 2): 3, date(2000, 1, 1): 1}, log, whole=True)


def test_the_list_shows_names_and_filters(app: Flask) -> None:
    client = signed_in(app, "staff")
    assert "No punches" in page(client, "/punches"), "nobody has punched today"
    shown = page(client, f"/punches?{DAYS}")
    assert ("Ada &lt;b&gt;" in shown, "Grace" in shown, "2026-03-02 08:05:00" in shown, "2000-01-01" in shown) == (True, True, True, False)
    assert "Clock was set back" in page(client, "/punches?from=&to=")
    for query in (f"{DAYS}&user_id=18", f"{DAYS}&user_id=18&terminal=1"):
        shown = page(client, f"/punches?{query}")
        assert ("Grace" in shown, "08:00:00" in shown) == (True, False)
    assert "No punches" in page(client, f"/punches?{DAYS}&terminal=2")
    assert "2000-01-01" in page(client, "/punches?from=x&to=x&terminal=y&page=z&after=-")


@pytest.mark.both_databases
def test_an_open_page_gets_what_came_since(app: Flask) -> None:
    client = signed_in(app, "staff")
    now = utc_now()
    local = now - timedelta(hours=6)
    shown = page(client, "/punches")
    after = shown.split('data-after="', 1)[1].split('"', 1)[0]
    assert after == "3"
    with app.app_context():
        store(terminal(1), [record("18", f"{local:%Y-%m-%d %H:%M:%S}")], follows=True, received_at=now)
    answer = client.get(f"/punches/rows?from={local:%Y-%m-%d}&to={local:%Y-%m-%d}&after={after}")
    assert (answer.headers["X-Settled"], 'id="punch-4"' in answer.text, "punch-2" in answer.text) == ("4", True, False)
    answer = client.get("/punches/rows?after=4")
    assert (answer.headers["X-Settled"], answer.text.strip()) == ("4", "")


def test_the_export_has_all_rows(app: Flask) -> None:
    lines = page(signed_in(app, "staff"), "/punches/punches.csv?from=&to=").removeprefix("\ufeff").splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("id,terminal,user_id,name,effective_at,effective_local_time")
    assert lines[1].startswith("2,Main entrance,18,Grace,2026-03-02T14:05:00+00:00,2026-03-02T08:05:00,2026-03-02T08:05:00,America/Chicago")


def test_an_implausible_punch_is_accepted_and_that_is_undone(app: Flask) -> None:
    client = signed_in(app, "admin")
    shown = page(client, "/punches/review")
    assert ("2000-01-01 00:00:00" in shown, "Accept" in shown) == (True, True)
    send(client, "/punches/review/3", decision="accepted", note="The battery was empty")
    assert "Nothing to review" in page(client, "/punches/review")
    shown = page(client, "/punches/review?show=all")
    assert ("Accepted" in shown, "The battery was empty" in shown) == (True, True)
    send(client, "/punches/review/3", decision="undo")
    assert "Ignore" in page(client, "/punches/review")
    send(client, "/punches/review/3", 400, decision="x")
    send(client, "/punches/review/1", 409, decision="ignored")
    send(client, "/punches/review/9", 404, decision="ignored")


def test_pushed_lines_in_quarantine_are_shown_as_text_with_the_reason(app: Flask) -> None:
    reasons = {"invalid_text", "invalid_time", "invalid_user_id", "invalid_number", "invalid_work_code", "unknown_table"}
    with app.app_context(), transaction() as session:
        lines = [(f"17\t2026-02-31 <{reason}>".encode() + b"\xff" + b"x" * 200, reason, PUSHED) for reason in reasons]
        quarantine(session, Receipt.of(terminal(1), Source.PUSH, NOW), lines)
    shown = page(signed_in(app, "staff"), "/punches/quarantine")
    for reason in reasons:
        assert f"<code>17  2026-02-31 &lt;{reason}&gt;\\xffx" in shown, reason
        assert f">{reason}<" not in shown, reason
    assert ("The work code is too long" in shown, "x …</code>" in shown, "pushed" in shown) == (True, True, True)


def test_quarantined_records_are_shown_as_they_came(app: Flask) -> None:
    client = signed_in(app, "admin")
    shown = page(client, "/punches/quarantine")
    assert all(each in shown for each in ("01 ff", "The time is missing, or does not exist.", "record 5", "Mark as reviewed"))
    assert client.get("/punches/quarantine/logs/1").data == b"raw log"
    send(client, "/punches/quarantine/1", decision="reviewed")
    assert "Nothing in quarantine" in page(client, "/punches/quarantine")
    send(client, "/punches/quarantine/1", decision="undo")
    assert "01 ff" in page(client, "/punches/quarantine")
    send(client, "/punches/quarantine/9", 404)
    assert client.get("/punches/quarantine/logs/9").status_code == 404


@pytest.mark.both_databases
def test_days_with_a_difference_are_shown(app: Flask, ask: Ask) -> None:
    shown = page(signed_in(app, "staff"), f"/punches/completeness?{DAYS}")
    assert ("1 punch is missing" in shown, "1 missing" in shown, "Not counted" in shown) == (True, True, True)
    path = "/api/punch-completeness/"
    (day,) = ask("GET", f"{path}?start_date=2026-03-01&end_date=2026-03-03").json
    assert day == {
        "device": 1,
        "device_name": "Main entrance",
        "date": "2026-03-02",
        "records": 3,
        "stored": 2,
        "missing": 1,
        "state": "missing",
    }
    with app.app_context():
        store(terminal(1), [record("9", "2026-03-02 09:00"), record("9", "2026-03-02 09:01")], follows=True)
    query = "?start_date=2026-03-02&end_date=2026-03-02"
    assert ask("GET", path + query).json[0]["state"] == "more"
    assert ask("GET", f"{path}{query}&device=2").json == []
    assert [ask("GET", path + bad).status_code for bad in ("", "?start_date=2026-03-02&end_date=2026-03-01", f"{query}&device=x")] == [
        400
    ] * 3
    client = signed_in(app, "staff", "lee")
    for odd in (
        "from=0001-01-01&to=0001-01-01",
        "from=9999-01-01",
        "from=x&to=y&terminal=z",
        "from=1990-01-01",
        "to=0001-01-05",
        "to=9999-12-31",
    ):
        page(client, f"/punches/completeness?{odd}")


def test_a_repair_is_previewed_applied_and_reversed(app: Flask) -> None:
    client = signed_in(app, "admin")
    sent = {"terminal": "1", "first_punch": "#1", "last_punch": "2", "offset": "-0:15:00", "reason": "The clock was fast"}
    asked = "&".join(f"{name}={value.replace('#', '%23')}" for name, value in sent.items())
    shown = page(client, f"/punches/clock-repairs/preview?{asked}")
    assert all(each in shown for each in ("2 punches move by −0:15:00", "2026-03-02 07:45:00", "nothing proves", "Move 2 punches"))
    assert "07:45:00" not in page(client, f"/punches?{DAYS}")
    send(client, "/punches/clock-repairs", **sent)
    shown = page(client, f"/punches?{DAYS}")
    assert ("2026-03-02 07:45:00" in shown, "Clock repaired −0:15:00" in shown) == (True, True)
    assert "moves some of these punches" in send(client, "/punches/clock-repairs", 409, **sent)
    assert "Enter seconds, or hours" in send(client, "/punches/clock-repairs", 400, **{**sent, "offset": "x"})
    assert "Choose one." in page(client, "/punches/clock-repairs/preview?terminal=x", 400)
    send(client, "/punches/clock-repairs/1/reverse")
    assert "has already reversed this repair" in send(client, "/punches/clock-repairs/1/reverse", 409)
    send(client, "/punches/clock-repairs/9/reverse", 404)
    assert "07:45:00" not in page(client, f"/punches?{DAYS}")
    assert "reversed" in page(client, "/punches/clock-repairs")


def test_staff_see_the_lists_without_buttons(app: Flask) -> None:
    client = signed_in(app, "staff")
    shown = [page(client, f"/punches/{path}") for path in ("review", "quarantine", "clock-repairs")]
    assert [text in each for each, text in zip(shown, ("Accept<", "Mark as reviewed", "Preview repair"), strict=True)] == [False] * 3
