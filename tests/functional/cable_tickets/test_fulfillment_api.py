"""The stock room over JSON: the pick list, fulfilling, returns, and messages about stock that arrived."""

from typing import Any

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.core.db import reading
from request_tracker_utils.inventory.names import NOTIFY_ABOUT_ARRIVED_STOCK
from request_tracker_utils.notifications.models import Notification
from tests.services.apps import run_job
from tests.services.asking import Ask
from tests.services.fulfilling import approved, events, item_ids, pending, state_of
from tests.services.stocking import check_books, delivered, on_hand
from tests.services.tables import check_all

TICKETS = "/api/tickets"
CAT6 = ("Cat6", "100 ft")


def fulfill(ask: Ask, ticket: int | str, *items: dict[str, Any], role: str = "staff", key: str = "", **more: Any) -> Any:
    body = {**({"items": list(items)} if items else {}), **more}
    return ask("POST", f"{TICKETS}/{ticket}/fulfill", role=role, json=body, headers={"Idempotency-Key": key} if key else {})


def give_back(ask: Ask, ticket: int | str, *items: dict[str, Any], role: str = "staff", **more: Any) -> Any:
    return ask("POST", f"{TICKETS}/{ticket}/returns", role=role, json={**({"items": list(items)} if items else {}), **more})


def test_a_ticket_is_fulfilled_in_part_and_pieces_come_back(app: Flask, ask: Ask) -> None:
    with app.app_context():
        delivered((*CAT6, 3))
        ticket = approved((*CAT6, 3))
        (item,) = item_ids(ticket)
    first, again = (fulfill(ask, ticket, {"id": item, "quantity": 2}, key="first") for _ in range(2))
    assert (first.status_code, again.status_code, first.json["message"]) == (200, 200, "Ticket fulfilled")
    shown = again.json["ticket"]
    assert (shown["status"], shown["items"][0]["fulfilled"], shown["items"][0]["reserved"]) == ("in_progress", 2, 1)
    assert fulfill(ask, ticket).json["ticket"]["status"] == "fulfilled"
    back = give_back(ask, ticket, {"id": item, "quantity": "1"}, notes="Not needed")
    assert (back.status_code, back.json["ticket"]["items"][0]["returned"]) == (201, 1)
    assert give_back(ask, ticket).json["ticket"]["items"][0]["returned"] == 3
    ledger = ask("GET", f"/api/inventory/movements?source_type=ticket_fulfillment&source_id={ticket}").json
    assert [each["quantity_delta"] for each in ledger] == [2, 1, -1, -2]
    answer = ask("POST", f"/api/inventory/movements/{ledger[-1]['id']}/reverse", json={"reason": "Mistake"})
    assert (answer.status_code, answer.json["code"], answer.json["ticket_id"]) == (409, "movement_not_reversible", ticket)
    with app.app_context():
        assert on_hand() == {"Cat6 100 ft": 3}
        check_books()


def test_what_is_refused(app: Flask, ask: Ask) -> None:
    with app.app_context():
        delivered(("Cat6", "1,000 ft", 1))
        ticket, undecided = approved((*CAT6, 2)), pending((*CAT6, 1))
        (item,) = item_ids(ticket)
    missing = fulfill(ask, ticket)
    assert (missing.status_code, missing.json["code"]) == (409, "not_enough")
    assert {name: missing.json[name] for name in ("available", "item_id", "requested")} == {"available": 0, "item_id": item, "requested": 2}
    assert missing.json["cut_from"] == ask("GET", "/api/inventory/on-hand").json[0]["stock_id"]

    def refuses(path: str, body: object, status: int, code: str) -> None:
        answer = ask("POST", f"{TICKETS}/{path}", json=body)
        assert (answer.status_code, answer.json["code"]) == (status, code), answer.json

    check_all(
        [
            (f"{undecided}/fulfill", {}, 409, "step_not_open"),
            (f"{ticket}/fulfill", {"items": [{"id": item, "quantity": 3}]}, 409, "more_than_left"),
            *[
                (f"{ticket}/fulfill", {"items": [{"id": item, "quantity": wrong}]}, 400, "invalid_ticket_field")
                for wrong in (0, -1, "x", 1.5)
            ],
            (f"{ticket}/fulfill", {"items": [{"id": item}, {"id": item}]}, 400, "invalid_ticket_field"),
            (f"{ticket}/fulfill", {"items": [{"id": 10**30}]}, 400, "invalid_ticket_field"),
            *[
                (f"{ticket}/fulfill", {"items": wrong}, 400, "invalid")
                for wrong in ([{"id": "x"}], [{"id": True}], [{}], [], "x", [{"id": item}] * 51)
            ],
            (f"{ticket}/fulfill", {"everything": True}, 400, "invalid"),
            (f"{ticket}/fulfill", {"items": [{"id": item, "cut": "perhaps"}]}, 400, "invalid"),
            (f"{ticket}/returns", {}, 409, "more_than_left"),
            (f"{ticket}/returns", {"items": []}, 400, "invalid"),
            (f"{ticket}/returns", {"items": [{"id": item, "quantity": 1}]}, 409, "more_than_left"),
            (f"{ticket}/returns", {"notes": "x" * 1_001}, 400, "invalid"),
            *[(f"{wrong}/{do}", {}, 404, "ticket_not_found") for wrong in (999, 2**31 - 1, 10**20) for do in ("fulfill", "returns")],
            *[(f"{wrong}/{do}", {}, 404, "not_found") for wrong in ("x", "-1") for do in ("fulfill", "returns")],
        ],
        refuses,
    )
    assert ask("PATCH", f"{TICKETS}/{ticket}", json={"status": "in_progress"}).status_code == 200
    everything = ask("PATCH", f"{TICKETS}/{ticket}", json={"status": "fulfilled"})
    assert (everything.status_code, everything.json["code"], everything.json["item_id"]) == (409, "not_enough", item)
    for role in ("teacher", "user"):
        assert fulfill(ask, ticket, role=role).json["code"] == "not_your_step"
        assert give_back(ask, ticket, role=role).json["code"] == "not_your_step"
    assert fulfill(ask, ticket, role="student").status_code == 403
    assert fulfill(ask, ticket, cut=True).json["ticket"]["status"] == "fulfilled"
    with app.app_context():
        assert on_hand() == {"Cat6 100 ft": 0, "Cat6 1,000 ft": 0, "Cat6 800 ft": 1}
        check_books()


def test_the_pick_list_is_by_location_and_shows_what_to_fetch(app: Flask, ask: Ask) -> None:
    with app.app_context():
        delivered((*CAT6, 3), ("Cat6", "1,000 ft", 1))
        west, pending_one, east = approved((*CAT6, 2), location="West"), pending((*CAT6, 1)), approved((*CAT6, 2), location="east")
        second_east, nowhere = approved(("Coax", "spool", 1), ("Cat6", "7 ft", 1), location="East"), approved((*CAT6, 1), location="")
    first = ask("GET", f"{TICKETS}/pick-list?limit=3")
    assert [each["ticket_id"] for each in first.json] == [nowhere, east, second_east]
    link = first.headers["Link"]
    assert link.endswith('>; rel="next"')
    following = ask("GET", link[1 : link.index(">")])
    assert ([each["ticket_id"] for each in following.json], "Link" in following.headers) == ([west], False)
    assert pending_one not in {each["ticket_id"] for each in first.json}
    (item,) = first.json[1]["items"]
    assert (item["left"], item["reserved"], item["backordered"], item["cut_from"]["cable_length"]) == (2, 1, 1, "1,000 ft")
    text, short = first.json[2]["items"]
    assert (text["cut_from"], short["cut_from"]["cable_length"], text["backordered"]) == (None, "1,000 ft", 1)
    fulfill(ask, west, {"id": following.json[0]["items"][0]["id"], "quantity": 1})
    (still,) = ask("GET", f"{TICKETS}/pick-list?after={link[1 : link.index('>')].rpartition('=')[2]}").json
    assert (still["status"], still["items"][0]["left"], still["items"][0]["reserved"]) == ("in_progress", 1, 1)
    fulfill(ask, west)
    assert west not in {each["ticket_id"] for each in ask("GET", f"{TICKETS}/pick-list").json}
    for wrong in ("after=x", "limit=0", "limit=1001", "limit=x", "location=west"):
        assert ask("GET", f"{TICKETS}/pick-list?{wrong}").status_code == 400, wrong


def test_stock_that_arrives_notifies_the_creator(app: Flask, ask: Ask) -> None:
    ask("GET", TICKETS, role="admin")
    created = ask("POST", TICKETS, role="user", json={"cable_type": "Cat6", "cable_length": "100ft", "quantity": 2}).json["ticket"]
    assert ask("PATCH", f"{TICKETS}/{created['id']}", role="admin", json={"status": "approved"}).status_code == 200
    assert ask("POST", "/api/cable-receiving", json={"cable_type": "Cat6", "cable_length": "100 ft", "quantity": 1}).status_code == 201
    assert (run_job(app, NOTIFY_ABOUT_ARRIVED_STOCK), run_job(app, NOTIFY_ABOUT_ARRIVED_STOCK)) == (1, 0)
    with app.app_context():
        assert events(created["id"])[-1] == "stock_arrived"
        with reading() as session:
            sent = session.scalars(select(Notification).where(Notification.ticket_id == created["id"])).all()
        assert state_of(created["id"])[0] == "approved"
        decider = session.get_one(Ticket, created["id"]).decided_by_id
    arrived = [each for each in sent if each.event == "ticket-stock"]
    assert {each.recipient_user_id for each in arrived} == {created["created_by_id"], decider}
    assert {(each.values["items"], each.values["arrived"], each.values["missing"]) for each in arrived} == {
        ("2 × Cat6 100ft", "1 × Cat6 100ft", 1)
    }
