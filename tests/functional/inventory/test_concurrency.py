"""Changes of one shelf at the same moment, through two server processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.services.at_once import at_once
from tests.services.installation import Installation
from tests.services.stocking import check_books, delivered, on_hand, row_of

pytestmark = pytest.mark.both_databases
CLIENTS = 50
CABLE = {"cable_type": "Cat6", "cable_length": "100 ft"}


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    running = Installation(tmp_path, database_url, "W12-")
    with running.app.app_context():
        delivered(("Cat6", "100 ft", 5))
    yield running
    running.close()


def post(installation: Installation, path: str, key: str = "", **body: object) -> requests.Response:
    return installation.call("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})


def test_of_fifty_who_take_from_a_shelf_of_five_five_succeed(installation: Installation) -> None:
    answers = at_once([lambda: post(installation, "/api/inventory/consumptions", quantity=1, **CABLE)] * CLIENTS)
    assert answers == {(201, ""): 5, (409, "not_enough"): CLIENTS - 5}
    with installation.app.app_context():
        assert on_hand() == {"Cat6 100 ft": 0}
        check_books()


def test_a_request_that_fifty_send_again_is_done_once(installation: Installation) -> None:
    answers = at_once([lambda: post(installation, "/api/inventory/consumptions", "key", quantity=2, **CABLE)] * CLIENTS)
    assert answers == {(201, ""): CLIENTS}
    slip = {"vendor": "Graybar", "packing_slip": "PS-1", "quantity": 3, **CABLE}
    answers = at_once([lambda: post(installation, "/api/cable-receiving", **slip)] * 20)
    assert answers == {(201, ""): 1, (409, "packing_slip_received"): 19}
    movement = installation.call("GET", "/api/inventory/movements?movement_type=consumption").json()[0]["id"]
    answers = at_once([lambda: post(installation, f"/api/inventory/movements/{movement}/reverse", reason="Twice")] * 20)
    assert answers == {(201, ""): 1, (409, "movement_not_reversible"): 19}
    with installation.app.app_context():
        assert on_hand() == {"Cat6 100 ft": 8}
        check_books()


def test_ledger_and_balance_agree_after_all_kinds_of_changes_at_once(installation: Installation) -> None:
    """Also in opposite orders: cuts and deliveries of several rows lock many."""
    with installation.app.app_context():
        delivered(("Cat6", "1,000 ft", 3), ("Cat6", "50 ft", 5), ("Fiber", "10 m", 5))
        seen, row_id = row_of("Cat6", "100 ft").movement_id, row_of("Cat6", "100 ft").id
        long = row_of("Cat6", "1,000 ft").id
    counts = [post(installation, "/api/inventory/counts").json()["id"] for _ in range(4)]
    cables = [("Cat6", "100 ft"), ("Cat6", "1,000 ft"), ("Fiber", "10 m"), ("Cat6", "50 ft"), ("Coax", "5 m")]
    items = [{"cable_type": cable_type, "cable_length": length, "quantity": 1} for cable_type, length in cables]

    def take(quantity: int, **more: object) -> Callable[[], requests.Response]:
        return lambda: post(installation, "/api/inventory/consumptions", quantity=quantity, **CABLE, **more)

    def count(number: int) -> Callable[[], requests.Response]:
        body = {"stock_id": row_id, "counted": 4, "movement_id": seen, "reason": "Counted"}
        return lambda: post(installation, f"/api/inventory/counts/{number}/rows", **body)

    calls = [
        *[take(1)] * 10,
        *[take(2, cut=True)] * 6,
        *[take(1, cut_from=long)] * 4,
        *[lambda: post(installation, "/api/inventory/adjustments", quantity_delta=-1, reason="Lost", **CABLE)] * 6,
        *[lambda: post(installation, "/api/inventory/returns", quantity=1, **CABLE)] * 4,
        *[lambda: post(installation, "/api/cable-receiving", items=items)] * 4,
        *[lambda: post(installation, "/api/cable-receiving", items=items[::-1])] * 4,
        *[count(number) for number in counts],
    ]
    answers = at_once(calls)
    assert sum(answers.values()) == len(calls)
    assert {status for status, _code in answers} <= {201, 409}, answers
    assert {code for _status, code in answers} <= {"", "not_enough", "row_corrected"}, answers
    with installation.app.app_context():
        check_books()


def test_counts_of_one_difference_at_once_correct_it_once(installation: Installation) -> None:
    with installation.app.app_context():
        row = row_of("Cat6", "100 ft")
    counts = [post(installation, "/api/inventory/counts").json()["id"] for _ in range(10)]
    body = {"stock_id": row.id, "counted": 4, "movement_id": row.movement_id, "reason": "Counted"}
    calls = [lambda number=number: post(installation, f"/api/inventory/counts/{number}/rows", **body) for number in counts]
    assert at_once(calls) == {(201, ""): 1, (409, "row_corrected"): 9}
    with installation.app.app_context():
        assert on_hand() == {"Cat6 100 ft": 4}
        check_books()
