"""Cable tickets over JSON: the contract's shapes, the steps, bad input and lists."""

from typing import Any

from tests.services.asking import Ask

TICKETS = "/api/tickets"
CAT6 = {"cable_type": "Cat6", "cable_length": "100ft", "cable_gauge": "23AWG", "location": "Building A", "priority": "medium"}


def create(ask: Ask, *, role: str = "user", **fields: Any) -> dict[str, Any]:
    ask("GET", TICKETS, role="admin")  # somebody whom it asks
    answer = ask("POST", TICKETS, role=role, json={**CAT6, **fields})
    assert answer.status_code == 201, answer.json
    ticket: dict[str, Any] = answer.json["ticket"]
    return ticket


def change(ask: Ask, ticket: dict[str, Any], *, role: str = "admin", **fields: Any) -> Any:
    return ask("PATCH", f"{TICKETS}/{ticket['id']}", role=role, json=fields)


def test_a_ticket_goes_through_its_whole_life(ask: Ask) -> None:
    ticket = create(ask)
    assert (ticket["status"], ticket["cable_type"], ticket["items"][0]["quantity"], ticket["open_steps"]) == (
        "pending_approval",
        "Cat6",
        1,
        [],
    )
    assert ask("POST", "/api/cable-receiving", json={"cable_type": "Cat6", "cable_length": "100 ft", "quantity": 5}).status_code == 201
    for status in ("approved", "in_progress", "fulfilled", "closed"):
        answer = change(ask, ticket, status=status)
        assert (answer.status_code, answer.json["ticket"]["status"]) == (200, status), answer.json
    events = ask("GET", f"{TICKETS}/{ticket['id']}/events", role="user").json
    assert [each["event"] for each in events] == ["closed", "fulfilled", "in_progress", "approved", "created"]
    (row,) = ask("GET", "/api/inventory/on-hand").json
    assert (row["on_hand"], row["reserved"]) == (4, 0)
