"""A terminal is talked to by one at a time, and a round answers in time whatever its terminals do."""

from datetime import timedelta

import pytest
from flask import Flask

from request_tracker_utils.attendance import leases
from request_tracker_utils.attendance.api import terminals as terminals_api
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.reading import TerminalReader
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import signed_in, token
from tests.services.asking import Ask
from tests.services.attendance import added, punches, terminal
from tests.services.attendance_fleet import Fleet, released
from tests.services.tables import check_all

ALL, ONE = "/api/devices/poll_all/", "/api/terminals/1"


@pytest.fixture
def fleet(app: Flask) -> Fleet:
    """What answers instead of terminals."""
    fleet = Fleet()
    registry_of(app).provide(TerminalReader, fleet)  # type: ignore[type-abstract,arg-type]
    return fleet


@pytest.mark.both_databases
def test_while_a_terminal_is_polled_it_is_neither_asked_nor_changed_in_what_the_poll_uses(app: Flask, ask: Ask) -> None:
    with app.app_context():
        added()
        with transaction() as session:
            leases.claim(find_terminal(session, 1), timedelta(minutes=1), utc_now())

    def is_refused(method: str, path: str, **body: object) -> None:
        answer = ask(method, f"{ONE}{path}", role="admin", **({"json": body} if body else {}))
        assert (answer.status_code, answer.json["code"]) == (409, "terminal_busy"), answer.text

    requests = [("POST", "/poll/"), ("POST", "/test/"), ("GET", "/info/"), ("POST", "/clock/"), ("DELETE", "")]
    check_all(requests, is_refused)
    used = ({"ip_address": "10.0.0.9"}, {"port": 4371}, {"transport": "udp"}, {"layout": "40"}, {"timezone": "UTC"})
    check_all([{**each} for each in used], lambda body: is_refused("PATCH", "", **body))
    whole = {"name": "Gym", "ip_address": "10.0.0.50", "timezone": "America/Chicago", "port": 4371}
    is_refused("PUT", "", **whole)
    changed = ask("PATCH", ONE, role="admin", json={"name": "Main door", "notes": "By the office"})
    assert (changed.status_code, changed.json["name"], changed.json["port"]) == (200, "Main door", 4370)


@pytest.mark.both_databases
def test_a_round_answers_in_time_and_the_polls_that_take_longer_go_on(
    app: Flask, ask: Ask, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        gym, depot = added("Gym", "10.0.0.50"), added("Depot", "10.0.0.51")
        fleet.hanging, fleet.answers_late = {"10.0.0.50", "10.0.0.51"}, True
        with released(fleet):
            with monkeypatch.context() as patched:
                patched.setattr(terminals_api, "ANSWER_WITHIN", 0.0)
                answer = ask("POST", ALL)
            assert fleet.is_hanging.wait(30)
        row = {"status": "polling", "total_fetched": 0, "new_records": 0, "last_sync": None}
        assert (answer.status_code, answer.json) == (
            200,
            {"total_devices": 2, "successful": 0, "failed": 0, "devices": [{"device": name, **row} for name in ("Depot", "Gym")]},
        )
        assert terminals_api.ANSWER_WITHIN == 60
        for each in (gym, depot):
            assert (len(punches(each.id)), terminal(each.id).last_sync_at is None) == (2, False)


def test_sessions_and_both_schemes_of_tokens_are_accepted(app: Flask) -> None:
    with app.app_context():
        added()
    secret = token(app, "staff")["Authorization"].removeprefix("Bearer ")
    requests = [("GET", "/api/terminals"), ("GET", "/api/raw-attendance/"), ("POST", ALL)]
    registry_of(app).provide(TerminalReader, Fleet())  # type: ignore[type-abstract,arg-type]

    def check(method: str, path: str) -> None:
        def status(authorization: str | None) -> int:
            headers = {"Authorization": authorization} if authorization is not None else {}
            return app.test_client().open(path, method=method, headers=headers).status_code

        accepted = [f"Bearer {secret}", f"Token {secret}", f"token {secret}", f"BEARER  {secret}"]
        assert [status(each) for each in accepted] == [200] * 4
        refused = [None, "", "Bearer", f"Basic {secret}", secret, f"Token {secret}x", "Token "]
        assert [status(each) for each in refused] == [401] * 7

    check_all(requests, check)
    browser = signed_in(app, "staff")
    assert [browser.open(path, method=method).status_code for method, path in requests] == [200, 200, 403]
