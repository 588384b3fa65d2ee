"""Terminals over JSON: from adding one to deleting it, and what a simulated terminal answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.web.registry import registry_of
from tests.services.asking import Ask
from tests.services.attendance import punches
from tests.services.attendance_logs import punches as recorded, terminal_with
from tests.services.attendance_network import AttendanceNetwork
from tests.services.attendance_terminal import CONNECT

PATH = "/api/terminals"


@pytest.fixture
def admin(ask: Ask) -> Callable[..., Any]:
    return lambda method, path="", **more: ask(method, f"{PATH}{path}", role="admin", **more)


def add(admin: Callable[..., Any], **values: object) -> dict[str, Any]:
    answer = admin("POST", json={"name": "Entrance", "ip_address": "10.0.0.50", "timezone": "America/Chicago", **values})
    assert answer.status_code == 201, answer.text
    return answer.json


@pytest.mark.both_databases
def test_a_terminal_is_added_changed_and_deleted_and_every_change_is_recorded(admin: Callable[..., Any]) -> None:
    added = add(admin, comm_key=4711, site="North")
    assert (added["id"], added["ip_address"], added["port"], added["has_comm_key"]) == (1, "10.0.0.50", 4370, True)
    assert "4711" not in str(added)
    assert admin("PATCH", "/1", json={"port": 4371, "cutoff": "2026-01-01T00:00:00"}).json["cutoff"] == "2026-01-01T00:00:00"
    assert admin("PATCH", "/1", json={"enabled": False, "comm_key": 12}).json["enabled"] is False
    replaced = admin("PUT", "/1", json={"name": "Gym", "ip_address": "FD00::5", "timezone": "America/Denver"}).json
    assert {name: replaced[name] for name in ("name", "ip_address", "port", "enabled", "site", "cutoff", "has_comm_key")} == {
        "name": "Gym",
        "ip_address": "fd00::5",
        "port": 4370,
        "enabled": True,
        "site": "",
        "cutoff": None,
        "has_comm_key": True,
    }
    assert admin("GET", "/1").json == replaced
    assert admin("GET").json == {"count": 1, "next": None, "previous": None, "results": [replaced]}
    assert admin("DELETE", "/1").json == {"message": "The terminal Gym was deleted."}
    assert admin("GET", "/1").status_code == 404
    events = admin("GET", "/1/events/").json
    assert [(each["event"], bool(each["actor"])) for each in events] == [
        (event, True) for event in ("deleted", "changed", "changed", "changed", "added")
    ]
    assert events[3]["detail"] == {"port": [4370, 4371], "cutoff": [None, "2026-01-01T00:00:00"]}
    assert events[2]["detail"] == {"enabled": [True, False], "comm_key": "changed"}


def test_the_state_is_that_of_the_pages(app: Flask, admin: Callable[..., Any]) -> None:
    created = add(admin)
    assert (created["state"], created["problems"]) == ("new", [])
    with app.app_context(), transaction() as session:
        row = session.get_one(Terminal, 1)
        row.last_contact_at, row.record_count, row.capacity, row.clock_drift = utc_now(), 90, 100, 61
    found = admin("GET", "/1").json
    assert (found["state"], found["problems"]) == ("nearly_full", ["drift", "nearly_full"])
    assert admin("GET").json["results"] == [found]


def test_what_cannot_be_stored_changes_nothing(admin: Callable[..., Any]) -> None:
    first = add(admin)
    add(admin, name="Gym", ip_address="10.0.0.51")
    addresses = ("127.0.0.1", "0.0.0.0", "169.254.1.1", "::ffff:10.0.0.5", "fe80::1%eth0", "10.0.0.050", "0x0a000001", "167772161", "host")
    refused: list[tuple[dict[str, object], int]] = [({"ip_address": each}, 400) for each in addresses]
    refused += [({"timezone": "Chicago"}, 400), ({"layout": "7"}, 400), ({"name": " "}, 400), ({"serial_number": "X"}, 400)]
    refused += [({"name": "GYM"}, 409), ({"ip_address": "10.0.0.51"}, 409)]
    assert [admin("PATCH", "/1", json=body).status_code for body, _status in refused] == [status for _body, status in refused]
    assert admin("GET", "/1").json == first


def test_a_terminal_is_tested_polled_corrected_and_kept(app: Flask, admin: Callable[..., Any], network: AttendanceNetwork) -> None:
    registry_of(app).settings = registry_of(app).settings.model_copy(update={"terminal_allow_loopback": True})
    simulated = network.add(terminal_with(5, serial_number="API1"))
    add(admin, ip_address=simulated.address, port=simulated.port)
    tested = admin("POST", "/1/test/").json
    assert (tested["serial_number"], tested["attendance_count"], tested["connected"]) == ("API1", 5, True)
    assert admin("GET", "/1").json["record_count"] is None
    assert admin("POST", "/1/poll/").json == {"status": "success", "total_fetched": 5, "new_records": 5, "device": "Entrance"}
    assert admin("PATCH", "/1", json={"timezone": "America/Denver", "layout": "40"}).status_code == 200
    simulated.punch(*recorded(1, first=5))
    assert admin("POST", "/1/poll/").json["new_records"] == 1
    assert admin("GET", "/1/info/").json["attendance_count"] == 6
    readings = admin("GET", "/1/clock-readings/").json
    for each, zone in zip(readings, ("America/Denver", "America/Chicago"), strict=True):
        shown = datetime.fromisoformat(each["terminal_time"]).replace(tzinfo=ZoneInfo(zone))
        assert abs((shown - datetime.fromisoformat(each["read_at"])).total_seconds() - each["clock_drift"]) <= 1
    assert admin("GET", "/1/clock-readings/?limit=1").json == readings[:1]
    assert admin("GET", "/1/clock-readings/?before_id=2").json == readings[1:]
    assert admin("GET", "/9/clock-readings/").status_code == 404
    assert admin("POST", "/1/clock/").json == {"message": "The clock of the terminal Entrance was set."}
    refused = admin("DELETE", "/1")
    assert (refused.status_code, refused.json["code"]) == (409, "terminal_has_punches")
    assert [each["new_punches"] for each in admin("GET", "/1/polls/").json] == [1, 5]
    simulated.serial_number = "API2"
    assert admin("POST", "/1/poll/").json["code"] == "terminal_replaced"
    assert admin("POST", "/1/clock/").json["code"] == "terminal_replaced"
    assert admin("POST", "/1/accept-replacement/").json["serial_number"] == "API2"
    assert admin("POST", "/1/accept-replacement/").json["code"] == "not_replaced"
    simulated.faults.close_at = CONNECT
    assert [admin(method, f"/1/{action}/").status_code for method, action in (("POST", "poll"), ("GET", "info"), ("POST", "test"))] == [
        503
    ] * 3
    with app.app_context():
        assert len(punches(1)) == 6
