"""Terminals that only push: how many records they say that they have, when an alert follows, and what cannot be proven."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.attendance import alerts
from request_tracker_utils.attendance.current import encrypt_push_key
from request_tracker_utils.attendance.models import PushStamp, Terminal
from request_tracker_utils.attendance.push import pending
from request_tracker_utils.attendance.push.counts import Counts, from_info, from_options
from request_tracker_utils.attendance.push.pending import Change
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.db import transaction
from tests.services.apps import signed_in
from tests.services.attendance import ADA, ZONE, terminal
from tests.services.attendance_push import PushingTerminal, by_client, lines
from tests.services.push_settings import allow_pushing
from tests.services.tables import check_all

SN = "PUSH00000001"
OPTIONS = b"~DeviceName=MB360/ID,MAC=00:17:61:10:79:9f,TransactionCount=128,~MaxAttLogCount=10,UserCount=143,FWVersion=Ver 6.60"


@pytest.fixture
def device(app: Flask) -> PushingTerminal:
    """An accepted terminal."""
    allow_pushing(app)
    with app.app_context():
        found = PushingTerminal(by_client(app.test_client()), SN)
        assert not found.introduce()
        with transaction() as session:
            change = Change(ADA, datetime.now(UTC), encrypt_push_key)
            pending.accept(session, SN, NewTerminal("Gym", ZONE), push_key="", change=change)
    return found


def counts(app: Flask) -> tuple[int | None, int | None, int | None]:
    with app.app_context():
        found = terminal(1)
    return found.record_count, found.capacity, found.user_count


def test_what_terminals_say_about_themselves() -> None:
    check_all(
        [
            (from_options(OPTIONS), Counts(128, 100_000, 143, "MB360/ID", "Ver 6.60")),
            (from_options(b"TransactionCount=5\r\n~MaxAttLogCount = 3\nUserCount=0\0"), Counts(5, 30_000, 0)),
            (from_options(b"~MaxAttLogCount=100000"), Counts(None, 100_000)),
            (from_options(b"~MaxAttLogCount=0,TransactionCount=-1,UserCount=1e3,~DeviceName=\xff"), Counts()),
            (from_options(b"\xff\xd8 rubbish\0=,=,TransactionCount"), Counts()),
            (from_options(b"TransactionCount=" + b"9" * 5_000), Counts()),
            (from_info("Ver 8.0.1.3-20151229,143,1,8128,192.168.1.201,10,7"), Counts(8128, None, 143, None, "Ver 8.0.1.3-20151229")),
            (from_info(""), Counts()),
            (from_info("1,2,3"), Counts()),
            (from_info("\0,x,,٣"), Counts()),
        ],
        lambda found, expected: _is(found, expected),
    )


@pytest.mark.both_databases
def test_counts_of_a_terminal_that_only_pushes_are_shown_and_reported(app: Flask, device: PushingTerminal) -> None:
    page = signed_in(app, "staff")
    assert device.introduce()
    assert device.options["PushOptionsFlag"] == "1"
    assert device.upload("options", [OPTIONS], stamp="")
    assert counts(app) == (128, 100_000, 143)
    assert device.get_request("Ver 6.60,144,1,90000,192.168.1.201") == "OK"
    assert counts(app) == (90_000, 100_000, 144)
    assert "MB360/ID, Ver 6.60" in page.get("/terminals/1").text
    text = page.get("/terminals").text
    assert ("90,000 of 100,000" in text, "Memory nearly full" in text) == (True, True)
    with app.app_context(), transaction() as session:
        assert alerts.check(session, alerts.Alerts(), actor=of_job("test"), now=datetime.now(UTC)) == 1
    assert "The memory of Gym is nearly full" in page.get("/terminals").text
    device.punch(*lines(3))
    assert device.push()
    for path in ("/punches/completeness", "/terminals/1"):
        assert "The terminal does not report counts per day" in page.get(path).text


def test_a_terminal_that_reports_counts_is_asked_again_after_a_day(app: Flask, device: PushingTerminal) -> None:
    assert device.introduce()
    assert device.upload("OPTIONS", [OPTIONS], stamp="")
    assert device.get_request() == "OK"
    with app.app_context(), transaction() as session:
        session.execute(update(PushStamp).where(PushStamp.content == "Counts").values(received_at=datetime.now(UTC) - timedelta(days=1)))
    assert device.get_request().endswith(":CHECK")
    assert device.get_request() == "OK"


def test_what_a_polled_terminal_pushes_about_itself_is_ignored(app: Flask, device: PushingTerminal) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Terminal).values(address="10.0.0.50", record_count=7))
    assert device.upload("options", [OPTIONS], stamp="")
    assert device.get_request("Ver 6.60,144,1,90000,192.168.1.201") == "OK"
    assert counts(app) == (7, None, None)


def test_another_terminal_in_its_place_has_counts_of_its_own(app: Flask, device: PushingTerminal) -> None:
    assert device.upload("options", [OPTIONS], stamp="")
    assert not PushingTerminal(by_client(app.test_client()), "OTHER1").introduce()
    with app.app_context(), transaction() as session:
        pending.join(session, "OTHER1", 1, push_key="", change=Change(ADA, datetime.now(UTC), encrypt_push_key))
    assert counts(app) == (None, None, None)


def _is(found: object, expected: object) -> None:
    assert found == expected
