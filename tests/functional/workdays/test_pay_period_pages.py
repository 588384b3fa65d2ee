"""Pages of pay periods: created, closed with its warnings confirmed, printed, exported, and adjusted."""

from datetime import date, timedelta

import pytest
from flask import Flask

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.workdays import pay_periods
from request_tracker_utils.workdays.pay_adjustments import ChangedDay
from tests.services.apps import signed_in
from tests.services.attendance import added
from tests.services.forms import page, send, submit
from tests.services.reviewed_days import change_times, person, stored_day

LIST = "/workdays/pay-periods"
FORM = {"length": "weekly", "count": "2", "rounding_minutes": "15"}


@pytest.fixture
def first() -> date:
    """A week ago and more."""
    return utc_now().date() - timedelta(days=10)


@pytest.fixture(autouse=True)
def stored(app: Flask, first: date) -> None:
    with app.app_context():
        added()
        stored_day("17", first, clock_out="16:07", person_id=person("Ada <b>", "17"))
        stored_day("18", first + timedelta(days=1), clock_out=None)


def test_a_period_is_created_closed_and_adjusted(app: Flask, first: date) -> None:
    client = signed_in(app, "admin")
    assert "No pay periods yet" in page(client, LIST)
    for field, value, said in (
        ("count", "x", "Enter a number."),
        ("length", "x", "Choose a length."),
        ("first_day", "x", "Enter a day"),
        ("first_day", "", "Enter the first day of the first period."),
        ("rounding_minutes", "10", "Round to 1, 5, 6 or 15 minutes."),
    ):
        assert said in send(client, LIST, 400, **{**FORM, "first_day": str(first), field: value}), field
    send(client, LIST, first_day=str(first), **FORM)
    assert f"The next period begins on {first + timedelta(days=14)}" in page(client, LIST)
    shown = page(client, f"{LIST}/1")
    assert [
        each for each in ("Ada &lt;b&gt;", "8:00", "1 workday waits for a review", "1 workday is incomplete") if each not in shown
    ] == []
    assert "not in the CRM" not in shown, "no CRM is configured"
    assert "It can be closed when" in page(client, f"{LIST}/2")
    assert "An earlier period is open" in send(client, f"{LIST}/2/close", 409, accept_warnings="on")
    assert "need attention" in send(client, f"{LIST}/1/close", 409)
    assert "Delete the later periods first" in send(client, f"{LIST}/1/delete", 409)
    assert submit(client, f"{LIST}/1", "Close pay period", accept_warnings="on").status_code == 303
    shown = page(client, f"{LIST}/1")
    assert ("Closed by ada" in shown, "Adjustments" in shown, "Delete pay period" in shown) == (True, False, False)
    with app.app_context(), transaction() as session:
        row = change_times(session, 1, "08:00", "17:30")
        pay_periods.record_changes(session, [ChangedDay.of(row)], utc_now(), by="lee")
    shown = page(client, f"{LIST}/1")
    assert [each for each in ("Adjustments", "9:30", "1:30", "1:23", ", lee") if each not in shown] == []
    totals = page(client, f"{LIST}/1/totals.csv").removeprefix("\ufeff").splitlines()
    assert totals[1] == "Ada <b>,17,1,0,29220,480,34200,570,90"
    adjustments = page(client, f"{LIST}/1/adjustments.csv").removeprefix("\ufeff").splitlines()
    assert (len(adjustments), ",lee,Ada <b>,17," in adjustments[1], adjustments[1].endswith(",34200")) == (2, True, True)
    send(client, f"{LIST}/2/delete")
    assert page(client, f"{LIST}/9", 404)


def test_staff_read_periods_and_cannot_change_them(app: Flask, first: date) -> None:
    send(signed_in(app, "admin"), LIST, first_day=str(first), **FORM)
    client = signed_in(app, "staff", "bob")
    assert "Create pay periods" not in page(client, LIST)
    assert ("Ada" in page(client, f"{LIST}/1"), "Close pay period</button>" in page(client, f"{LIST}/1")) == (True, False)
