"""Decisions at the same moment, through two server processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.services.apps import token
from tests.services.at_once import at_once
from tests.services.installation import Installation
from tests.services.stocking import check_books, delivered, row_of

pytestmark = pytest.mark.both_databases
CABLE = {"cable_type": "Cat6", "cable_length": "100 ft"}


Call = Callable[..., requests.Response]


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    running = Installation(tmp_path, database_url, "W12-")
    with running.app.app_context():
        delivered(("Cat6", "100 ft", 5))
    yield running
    running.close()


@pytest.fixture
def call(installation: Installation) -> Call:
    """Calls as an administrator, who may decide."""
    administrator = token(installation.app, "admin")

    def call(method: str, path: str, *, headers: dict[str, str] | None = None, json: object = None) -> requests.Response:
        return installation.call(method, path, headers={**administrator, **(headers or {})}, json=json)

    return call


def test_of_eight_decisions_at_once_one_counts(installation: Installation, call: Call) -> None:
    ticket = call("POST", "/api/tickets", json=CABLE).json()["ticket"]
    path = f"/api/tickets/{ticket['id']}"
    bodies = [{"status": "approved"}, {"status": "rejected", "reason": "No."}] * 4
    answers = at_once([lambda body=body: call("PATCH", path, json=body) for body in bodies])  # type: ignore[misc]
    assert answers == {(200, ""): 1, (409, "step_not_open"): 7}
    events = [each["event"] for each in call("GET", f"{path}/events").json()]
    found = call("GET", path).json()
    assert events == [found["status"], "created"]
    with installation.app.app_context():
        assert row_of("Cat6", "100 ft").reserved == (1 if found["status"] == "approved" else 0)
        check_books()


def test_a_form_that_eight_send_creates_one_ticket_and_is_archived_once(call: Call) -> None:
    key = {"Idempotency-Key": "form"}
    assert at_once([lambda: call("POST", "/api/tickets", json=CABLE, headers=key)] * 8) == {(201, ""): 8}
    (ticket,) = call("GET", "/api/tickets").json()
    path = f"/api/tickets/{ticket['id']}"
    assert at_once([lambda: call("DELETE", path)] * 8) == {(200, ""): 1, (410, "ticket_archived"): 7}
    assert at_once([lambda: call("POST", f"{path}/restore", json={})] * 8) == {(200, ""): 1, (409, "step_not_open"): 7}
