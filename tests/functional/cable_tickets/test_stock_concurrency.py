"""Tickets that are approved and fulfilled at the same moment through two server processes, one of which dies in between."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.services.apps import token
from tests.services.at_once import at_once
from tests.services.fulfilling import approved, handed_out, item_ids, pending, totals
from tests.services.installation import Installation
from tests.services.local_server import wait_until
from tests.services.stocking import check_books, delivered, on_hand

pytestmark = pytest.mark.both_databases
CLIENTS, PIECES = 50, 5
CAT6 = ("Cat6", "100 ft")
Call = Callable[[], requests.Response]


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    running = Installation(tmp_path, database_url, "W12-")
    yield running
    running.close()


@dataclass
class Room:
    """An administrator, who may do everything."""

    installation: Installation

    def __post_init__(self) -> None:
        self.headers = token(self.installation.app, "admin")

    def call(self, method: str, path: str, key: str = "", **body: object) -> Call:
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        return lambda: self.installation.call(method, path, json=body, headers=headers)

    def step(self, ticket: int, status: str) -> Call:
        return self.call("PATCH", f"/api/tickets/{ticket}", status=status, reason="Enough" if status == "closed" else "")

    def fulfill(self, ticket: int, **body: object) -> Call:
        return self.call("POST", f"/api/tickets/{ticket}/fulfill", f"ticket-{ticket}", **body)


def test_fifty_approvals_of_five_pieces_then_fifty_fulfillments_with_a_crash_in_the_middle(installation: Installation) -> None:
    with installation.app.app_context():
        delivered((*CAT6, PIECES))
        tickets = [pending((*CAT6, 1)) for _ in range(CLIENTS)]
    room = Room(installation)
    assert at_once([room.step(ticket, "approved") for ticket in tickets]) == {(200, ""): CLIENTS}
    with installation.app.app_context():
        assert totals() == (PIECES, CLIENTS - PIECES)
        check_books()
    fulfillments = [room.fulfill(ticket) for ticket in tickets]
    with ThreadPoolExecutor(1) as pool, installation.app.app_context():
        answers = pool.submit(at_once, fulfillments)
        wait_until(lambda: handed_out()[0] > 0)
        installation.server.kill()
        assert {status for status, _code in answers.result()} <= {0, 200, 409}
        has, gave, done = handed_out()
        assert 0 < has == gave == done <= PIECES
        check_books()
    installation.server.start()
    assert at_once(fulfillments) == {(200, ""): PIECES, (409, "not_enough"): CLIENTS - PIECES}
    with installation.app.app_context():
        assert (handed_out(), on_hand(), totals()) == ((PIECES,) * 3, {"Cat6 100 ft": 0}, (0, CLIENTS - PIECES))
        check_books()


def test_tickets_with_the_same_items_in_opposite_order_do_not_deadlock(installation: Installation) -> None:
    cables = [("Cat6", "100 ft", 1), ("Cat6", "1,000 ft", 1), ("Fiber", "10 m", 1), ("Coax", "5 m", 1)]
    with installation.app.app_context():
        delivered(*[(kind, length, 20) for kind, length, _ in cables])
        there, back = ([approved(*order) for _ in range(8)] for order in (cables, cables[::-1]))
        waiting = [pending(*order) for order in (cables, cables[::-1]) * 3]
        last = {ticket: item_ids(ticket)[-1] for ticket in back}
    receipt = [{"cable_type": kind, "cable_length": length, "quantity": 1} for kind, length, _ in cables]

    room = Room(installation)
    answers = at_once(
        [
            *[room.fulfill(ticket) for ticket in (*there[:6], *back[:4])],
            *[room.fulfill(ticket, items=[{"id": last[ticket], "cut": True}]) for ticket in back[4:6]],
            *[room.step(ticket, "closed") for ticket in (*there[6:], *back[6:])],
            *[room.step(ticket, "approved") for ticket in waiting],
            *[room.call("POST", "/api/cable-receiving", items=items) for items in (receipt, receipt[::-1])],
        ]
    )
    assert {status for status, _code in answers} == {200, 201}, answers
    with installation.app.app_context():
        has, gave, _done = handed_out()
        assert has == gave == 42
        check_books()
