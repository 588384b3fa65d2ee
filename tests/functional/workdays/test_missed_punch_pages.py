"""Pages and JSON of missed punches: asked on one's own page, decided by somebody else."""

from datetime import date, timedelta

import pytest
from flask import Flask

from request_tracker_utils.core.clock import utc_now
from tests.services.apps import signed_in
from tests.services.asking import Ask
from tests.services.attendance import added
from tests.services.forms import page, send, submit
from tests.services.messages import stored_messages
from tests.services.people import Person
from tests.services.reviewed_days import person, stored_day

OWN, ALL, API = "/workdays/mine/requests", "/workdays/requests", "/api/missed-punch-requests"


@pytest.fixture
def when() -> date:
    return utc_now().date() - timedelta(days=3)


@pytest.fixture
def staff_day(app: Flask, staff: Person, when: date) -> int:
    """An incomplete day of bob, who is signed in."""
    with app.app_context():
        added()
        return stored_day("17", when, clock_out=None, person_id=person("Bob", "17", account="bob"))


def test_a_request_is_sent_approved_and_shown(app: Flask, staff: Person, staff_day: int, when: date) -> None:
    refused = send(staff, OWN, 400, date=str(when), clock_out="17:00", reason=" ")
    assert ("Enter a reason" in refused, 'value="17:00"' in refused) == (True, True)
    assert "Enter a day" in send(staff, OWN, 400, date="x", clock_out="17:00", reason="x")
    send(staff, OWN, date=str(when), clock_out="17:00", reason="Forgot <it>")
    shown = page(staff, OWN)
    assert ("Pending" in shown, "–17:00" in shown, "Forgot &lt;it&gt;" in shown) == (True, True, True)
    assert "You have asked for this day already" in send(staff, OWN, 409, date=str(when), clock_out="17:00", reason="x")
    admin = signed_in(app, "admin")
    shown = page(admin, ALL)
    assert ("Bob" in shown, "08:00–?" in shown, "Forgot &lt;it&gt;" in shown) == (True, True, True)
    assert "Enter a note" in send(admin, f"{ALL}/1", 400, do="reject")
    send(admin, f"{ALL}/1", 400, do="x")
    assert "has changed" in send(admin, f"{ALL}/1", 409, do="approve")
    assert submit(admin, ALL, "Approve Bob", note="Seen you").status_code == 303
    assert "No requests" in page(admin, ALL)
    assert "Approved" in page(admin, f"{ALL}?show=all")
    shown = page(staff, OWN)
    assert ("Approved" in shown, "Seen you" in shown) == (True, True)
    assert [each.event for each in stored_messages(app)] == ["missed-punch-decided"]
    send(admin, f"{ALL}/1", 409, do="reject", note="x")
    send(admin, f"{ALL}/9", 404, do="reject", note="x")


def test_a_request_is_withdrawn(staff: Person, staff_day: int, when: date) -> None:
    send(staff, OWN, date=str(when), clock_out="17:00", reason="x")
    assert submit(staff, OWN, "Withdraw").status_code == 303
    assert "Withdrawn" in page(staff, OWN)
    send(staff, f"{OWN}/1/withdraw", 409)
    send(staff, f"{OWN}/9/withdraw", 404)


def test_without_a_person_nothing_can_be_asked(app: Flask, when: date) -> None:
    client = signed_in(app, "teacher")
    assert "Your account is not linked to a person" in page(client, OWN)
    send(client, OWN, 404, date=str(when), clock_out="17:00", reason="x")


@pytest.mark.both_databases
def test_requests_over_json(app: Flask, ask: Ask, when: date) -> None:
    with app.app_context():
        added()
    assert ask("GET", f"{API}/mine/").json["code"] == "no_own_workdays"
    name = "ada"
    client = signed_in(app, "staff", name)
    with app.app_context():
        stored_day("17", when, clock_out=None, person_id=person("Ada", "17", account=name))
    send(client, OWN, date=str(when), clock_out="17:00", reason="Forgot")
    (row,) = ask("GET", f"{API}/?state=pending", role="admin").json["results"]
    assert (row["date"], row["clock_in"], row["clock_out"], row["state"], row["asked_by"]) == (str(when), None, "17:00", "pending", name)
    assert client.get(f"{API}/mine/").json["count"] == 1
    refused = ask("POST", f"{API}/1/approve/", role="admin", json={"first_at": None, "last_at": None})
    assert (refused.status_code, refused.json["code"], refused.json["last_at"]) == (409, "workday_changed", None)
    done = ask("POST", f"{API}/1/approve/", role="admin", json={"first_at": refused.json["first_at"], "last_at": None, "note": "Fine"})
    assert (done.status_code, done.json["state"], done.json["note"], done.json["workday_id"]) == (200, "approved", "Fine", 1)
    assert ask("POST", f"{API}/1/reject/", role="admin", json={"note": "x"}).json["code"] == "missed_punch_request_decided"
    assert ask("POST", f"{API}/1/withdraw/").json["code"] == "no_own_workdays"
    bad = {"date": str(when), "clock_in": "8", "reason": "x"}
    assert ask("POST", f"{API}/mine/", json=bad).json["code"] == "invalid"
