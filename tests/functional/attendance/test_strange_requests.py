"""Addresses and bodies that somebody made up: pages and JSON answer them, and never with an internal error."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.datastructures import Headers

from tests.services.apps import signed_in, token
from tests.services.punching import people_with_punches, punched

HUGE = 10**20
STRANGE = (str(HUGE), "%00")
DAYS = ("0001-01-01", "9999-12-31", "2026-02-31", "x", "%00", "2026-W10-1")
PATHS = (
    *("/punches", "/punches/rows", "/punches/mine", "/punches/review", "/punches/quarantine", "/punches/completeness"),
    *("/punches/clock-repairs", "/punches/people", "/punches/people/conflicts", "/punches/people/changes", "/terminals"),
    *("/api/raw-attendance/", "/api/attendance-people/", "/api/attendance-people/changes/", "/api/attendance-people/conflicts/"),
    *("/api/terminals/1/polls/", "/api/terminals/1/events/"),
)


def requests() -> Iterator[str]:
    for path in PATHS:
        for name in ("page", "after", "before", "before_id", "cursor", "page_size", "limit", "terminal", "device", "person", "search"):
            yield from (f"{path}?{name}={each}" for each in STRANGE)
    for day in DAYS:
        for path in ("/punches", "/punches/punches.csv", "/punches/mine", "/punches/completeness"):
            yield f"{path}?from={day}&to={day}&terminal=1"
            yield f"{path}?from=&to={day}&person=1"
        yield f"/api/raw-attendance/?start_date={day}&end_date={day}&device=1&user_id=%00"
        yield f"/api/punch-completeness/?start_date={day}&end_date={day}"
    for number in (0, 2**31, HUGE):
        for path in ("/punches/people/", "/punches/quarantine/logs/", "/terminals/", "/api/attendance-people/", "/api/terminals/"):
            yield f"{path}{number}"
        yield from (f"/terminals/{number}/edit", f"/punches/people/imports/{number}", f"/api/terminals/{number}/polls/")


@pytest.mark.both_databases
def test_no_address_is_an_internal_error(app: Flask) -> None:
    with app.app_context():
        punched()
        people_with_punches()
    client = signed_in(app, "admin")
    assert {client.get(path).status_code for path in PATHS} == {200}
    failed = [each for each in requests() if client.get(each).status_code >= 500]
    assert failed == []


@pytest.mark.both_databases
def test_no_number_in_a_body_is_an_internal_error(app: Flask) -> None:
    with app.app_context():
        punched()
        person = people_with_punches()
    client, headers = app.test_client(), Headers(token(app, "admin"))
    people = "/api/attendance-people"
    failed = []
    for number in (-1, 0, 2**31, HUGE):
        for path, body in (
            (f"{people}/{person}/merge", {"people": [number]}),
            (f"{people}/{number}/merge", {"people": [person]}),
            (f"{people}/{number}/split", {"name": "Ada", "ids": []}),
            (f"{people}/changes/{number}/undo", {}),
            (f"{people}/conflicts/%00", {"choice": "same"}),
            (f"/api/terminals/{number}/poll/", {}),
            (f"/api/terminals/{number}/accept-replacement/", {}),
            ("/api/terminals/pending/%00/accept/", {"terminal_id": number}),
            ("/api/terminals/pending/X1/accept/", {"terminal_id": number}),
        ):
            answer = client.post(path, json=body, headers=headers)
            if answer.status_code not in {400, 404, 409, 422}:
                failed.append((path, body, answer.status_code))
    assert failed == []
