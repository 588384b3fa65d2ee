"""Staff groups, their hours and members over JSON."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask

from tests.services.asking import Ask
from tests.services.workdays import person

GROUPS = "/api/staff-groups/"
KITCHEN = f"{GROUPS}1"
WEEK = [{"weekday": weekday, "starts_at": "06:00", "ends_at": "14:00"} for weekday in range(5)]
TODAY, TOMORROW, LATER = "2026-11-16", "2026-11-17", "2026-11-23"


@pytest.fixture(autouse=True)
def monday(app: Flask) -> Iterator[None]:
    """Noon of TODAY, with a group and two people."""
    with time_machine.travel(datetime(2026, 11, 16, 12, tzinfo=UTC), tick=True):
        with app.app_context():
            for name, user_id in (("Ada", "17"), ("Grace", "18")):
                person(name, user_id)
        yield


def test_a_group_is_added_changed_listed_and_deleted(ask: Ask) -> None:
    answer = ask("POST", GROUPS, role="admin", json={"name": "Kitchen"})
    kitchen = {"id": 1, "name": "Kitchen", "notes": "", "members": 0, "current": None}
    assert (answer.status_code, answer.json) == (201, kitchen)
    assert ask("GET", GROUPS).json["results"] == [kitchen]
    assert ask("PATCH", KITCHEN, role="admin", json={"notes": "North"}).json == {**kitchen, "notes": "North"}
    ask("POST", GROUPS, role="admin", json={"name": "Garage"})
    for body, status, code in (
        ({"name": "GARAGE"}, 409, "staff_group_exists"),
        ({"name": " "}, 400, "invalid_group_field"),
        ({"other": 1}, 400, "invalid"),
    ):
        answer = ask("PATCH", KITCHEN, role="admin", json=body)
        assert (answer.status_code, answer.json["code"]) == (status, code), body
    assert ask("POST", GROUPS, json={"name": "Bus"}).status_code == 403
    assert ask("DELETE", KITCHEN, role="admin").json == {"message": "The staff group Kitchen was deleted."}
    assert [ask(method, KITCHEN, role="admin", json={}).json["code"] for method in ("GET", "PATCH", "DELETE")] == [
        "staff_group_not_found"
    ] * 3


def test_hours_are_dated(ask: Ask) -> None:
    ask("POST", GROUPS, role="admin", json={"name": "Kitchen"})
    versions = f"{KITCHEN}/versions/"
    answer = ask("POST", versions, role="admin", json={"valid_from": TODAY, "hours": WEEK, "grace_minutes": 5})
    first = {"id": 1, "valid_from": TODAY, "valid_until": None, "ends": None, "grace_minutes": 5, "hours": WEEK}
    assert (answer.status_code, {name: answer.json[name] for name in first}) == (201, first)
    assert ask("GET", KITCHEN).json["current"]["id"] == 1
    night = [{"weekday": 0, "starts_at": "22:00", "ends_at": "06:00"}]
    later = ask("POST", versions, role="admin", json={"valid_from": LATER, "hours": night, "valid_until": "2026-12-31"}).json
    assert (later["valid_until"], later["ends"], later["hours"]) == ("2026-12-31", "2026-12-31", night)
    assert [(each["id"], each["ends"]) for each in ask("GET", versions).json] == [(2, "2026-12-31"), (1, "2026-11-22")]
    for body, status in (
        ({"valid_from": TODAY, "hours": WEEK}, 400),
        ({"valid_from": LATER, "hours": WEEK}, 409),
        ({"valid_from": TOMORROW, "hours": [*night, *night]}, 400),
        ({"valid_from": TOMORROW, "hours": [{**night[0], "starts_at": "24:00"}]}, 400),
        ({"valid_from": TOMORROW, "hours": [{**night[0], "starts_at": "8:00"}]}, 400),
        ({"valid_from": TOMORROW, "hours": [{**night[0], "weekday": 7}]}, 400),
        ({"valid_from": TOMORROW}, 400),
    ):
        assert ask("POST", versions, role="admin", json=body).status_code == status, body
    assert ask("PUT", f"{versions}2", role="admin", json={"valid_from": TOMORROW, "hours": []}).json["hours"] == []
    for method in ("PUT", "DELETE"):
        body = {"valid_from": LATER, "hours": WEEK}
        assert ask(method, f"{versions}1", role="admin", json=body).json["code"] == "already_begun"
        assert ask(method, f"{versions}9", role="admin", json=body).json["code"] == "schedule_version_not_found"
    assert ask("DELETE", f"{versions}2", role="admin").json == {"message": "The hours from 2026-11-17 on were deleted."}


def test_members_join_and_leave(ask: Ask) -> None:
    ask("POST", GROUPS, role="admin", json={"name": "Kitchen"})
    members, upcoming = f"{KITCHEN}/members/", f"{KITCHEN}/upcoming/"
    assert ask("POST", members, role="admin", json={"people": [1, 2]}).json == {"changed": 2}
    assert ask("GET", members).json["count"] == 0
    tomorrow = ask("GET", f"{members}?date={TOMORROW}&page_size=1").json
    assert (tomorrow["count"], tomorrow["results"]) == (2, [{"id": 1, "name": "Ada"}])
    assert ask("GET", f"{members}?date={TOMORROW}&search=GRA").json["results"] == [{"id": 2, "name": "Grace"}]
    assert ask("GET", upcoming).json[0] == {"id": 1, "person": 1, "name": "Ada", "valid_from": TOMORROW, "group": 1}
    assert ask("DELETE", f"{members}2?valid_from={LATER}", role="admin").json == {"changed": 1}
    assert ask("GET", f"{members}?date={LATER}").json["count"] == 1
    assert ask("DELETE", f"{upcoming}1", role="admin").json == {"message": "The change was canceled."}
    assert ask("GET", f"{members}?date={LATER}").json["count"] == 0
    for method, path, body, status in (
        ("POST", members, {"people": [1], "valid_from": TODAY}, 400),
        ("POST", members, {"people": [99]}, 400),
        ("POST", members, {"people": ["1"]}, 400),
        ("POST", f"{GROUPS}9/members/", {"people": [1]}, 404),
        ("DELETE", f"{members}1", {}, 404),
        ("DELETE", f"{upcoming}1", {}, 404),
        ("GET", f"{GROUPS}9/members/", {}, 404),
        ("GET", f"{GROUPS}9/upcoming/", {}, 404),
        ("GET", f"{GROUPS}9/versions/", {}, 404),
    ):
        assert ask(method, path, role="admin", json=body).status_code == status, (method, path, body)
