"""Cable tickets over JSON: the contract's shapes, the steps, bad input and lists."""

import re
from datetime import timedelta
from typing import Any

from flask import Flask

from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.clock import utc_now
from tests.services.approving import changed
from tests.services.asking import Ask
from tests.services.tables import check_all

TICKETS = "/api/tickets"
CAT6 = {"cable_type": "Cat6", "cable_length": "100ft", "cable_gauge": "23AWG", "location": "Building A", "priority": "medium"}
LARGE = 2**63


def create(ask: Ask, *, role: str = "user", **fields: Any) -> dict[str, Any]:
    ask("GET", TICKETS, role="admin")  # somebody who is asked
    answer = ask("POST", TICKETS, role=role, json={**CAT6, **fields})
    assert answer.status_code == 201, answer.json
    assert answer.json["message"] == "Ticket created"
    ticket: dict[str, Any] = answer.json["ticket"]
    return ticket


def change(ask: Ask, ticket: dict[str, Any], *, role: str = "admin", **fields: Any) -> Any:
    return ask("PATCH", f"{TICKETS}/{ticket['id']}", role=role, json=fields)


def get(ask: Ask, ticket: dict[str, Any], *, role: str = "user") -> dict[str, Any]:
    answer = ask("GET", f"{TICKETS}/{ticket['id']}?include_deleted=true", role=role)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def account(ask: Ask, role: str) -> int:
    """The ID of the account that `ask` uses for the role."""
    return person(ask, role)[0]


def person(ask: Ask, role: str) -> tuple[int, str]:
    """ID and name of the account."""
    ticket = create(ask, role=role)
    return ticket["created_by_id"], ticket["created_by"]


def receive(ask: Ask, quantity: int = 5) -> None:
    body = {"cable_type": "Cat6", "cable_length": "100 ft", "quantity": quantity}
    assert ask("POST", "/api/cable-receiving", json=body).status_code == 201


def shelf(ask: Ask) -> tuple[int, int, int]:
    """On hand, reserved and back-ordered."""
    (row,) = ask("GET", "/api/inventory/on-hand?include_zero=true").json
    return row["on_hand"], row["reserved"], row["backordered"]


def test_a_ticket_goes_through_its_whole_life(ask: Ask) -> None:
    ticket = create(ask)
    assert (ticket["status"], ticket["open_steps"], ticket["assigned_to"]) == ("pending_approval", [], None)
    contract = {
        "id",
        "created_by_id",
        "assigned_to_id",
        "status",
        "location",
        "notes",
        "priority",
        "rejection_reason",
        "created_at",
        "updated_at",
    }
    assert contract | {"cable_type", "cable_length", "cable_gauge", "created_by", "assigned_to", "needed_by"} <= set(ticket)
    assert {name: ticket[name] for name in CAT6} == CAT6
    (item,) = ticket["items"]
    assert {name: value for name, value in item.items() if name != "id"} == {
        "cable_type": "Cat6",
        "cable_length": "100ft",
        "cable_gauge": "23AWG",
        "quantity": 1,
        "reserved": 0,
        "backordered": 0,
        "fulfilled": 0,
        "returned": 0,
    }
    receive(ask)
    seen = []
    for status in ("approved", "in_progress", "fulfilled", "closed"):
        answer = change(ask, ticket, status=status)
        assert (answer.status_code, answer.json["message"], answer.json["ticket"]["status"]) == (200, "Ticket updated", status), answer.json
        seen.append((answer.json["ticket"]["items"][0]["reserved"], answer.json["ticket"]["items"][0]["fulfilled"], shelf(ask)))
    assert seen == [(1, 0, (5, 1, 0)), (1, 0, (5, 1, 0)), (0, 1, (4, 0, 0)), (0, 1, (4, 0, 0))]
    events = ask("GET", f"{TICKETS}/{ticket['id']}/events", role="user").json
    assert [each["event"] for each in events] == ["closed", "fulfilled", "in_progress", "approved", "created"]
    assert [(each["status_from"], each["status_to"]) for each in events[::-1]][1:] == [
        ("pending_approval", "approved"),
        ("approved", "in_progress"),
        ("in_progress", "fulfilled"),
        ("fulfilled", "closed"),
    ]
    assert all(each["actor"].startswith("admin") and each["created_at"] for each in events[:4])


def test_the_first_example_of_the_contract_works_as_it_stands(ask: Ask) -> None:
    """Flat, with the caller's own ID and an assignee."""
    (mine, name), (theirs, their_name) = person(ask, "user"), person(ask, "staff")
    body = {"created_by_id": mine, "assigned_to_id": theirs, "cable_type": "Cat6", "cable_length": "100ft", "cable_gauge": "23AWG"}
    ticket = create(ask, **body)
    assert (ticket["created_by_id"], ticket["assigned_to_id"]) == (mine, theirs)
    assert (ticket["created_by"], ticket["assigned_to"]) == (name, their_name)
    assert ticket["asked"] == [{"id": theirs, "name": their_name, "for_id": None}]
    assert get(ask, ticket, role="staff")["open_steps"] == ["approved", "rejected"]


def test_a_rejection_needs_its_reason_and_the_creator_asks_again(ask: Ask) -> None:
    number, name = person(ask, "teacher")
    ticket = create(ask, assigned_to_id=number)
    refused = change(ask, ticket, role="teacher", status="rejected")
    assert (refused.status_code, refused.json["code"], refused.json["field"]) == (400, "invalid_ticket_field", "reason")
    rejected = change(ask, ticket, role="teacher", status="rejected", rejection_reason="Use the old one.").json["ticket"]
    assert (rejected["rejection_reason"], rejected["decided_by"]) == ("Use the old one.", name)
    again = change(ask, ticket, role="user", status="pending_approval").json["ticket"]
    assert (again["rejection_reason"], again["decided_by"], again["decided_at"]) == (None, None, None)
    assert again["revision"] > rejected["revision"], "links of before are dead"
    assert change(ask, ticket, role="teacher", status="approved").status_code == 200


def test_a_step_that_is_not_open_names_those_that_are(ask: Ask) -> None:
    opened = {
        "pending_approval": ["approved", "rejected"],
        "approved": ["in_progress", "closed"],
        "rejected": ["closed", "pending_approval"],
        "in_progress": ["fulfilled", "closed"],
        "fulfilled": ["closed"],
        "closed": [],
    }
    ways = {
        "pending_approval": [],
        "approved": ["approved"],
        "rejected": ["rejected"],
        "in_progress": ["approved", "in_progress"],
        "fulfilled": ["approved", "in_progress", "fulfilled"],
        "closed": ["rejected", "closed"],
    }
    receive(ask, 50)

    def refuses(status: str) -> None:
        ticket = create(ask)
        for step in ways[status]:
            assert change(ask, ticket, status=step, reason="No.").status_code == 200
        assert get(ask, ticket)["status"] == status
        for to in map(str, TicketStatus):
            if to in opened[status]:
                continue
            answer = change(ask, ticket, status=to, reason="No.")
            assert (answer.status_code, answer.json["code"], answer.json["status_now"]) == (409, "step_not_open", status), to
            assert answer.json["open_steps"] == opened[status]
        assert get(ask, ticket)["status"] == status

    check_all(ways, refuses)


def test_two_statuses_in_a_row(ask: Ask) -> None:
    """Twice the same, two in one body, and a list."""
    ticket = create(ask)
    first, second = change(ask, ticket, status="approved"), change(ask, ticket, status="approved")
    assert (first.status_code, second.status_code, second.json["open_steps"]) == (200, 409, ["in_progress", "closed"])
    body = '{"status": "in_progress", "status": "fulfilled"}'
    twice = ask("PATCH", f"{TICKETS}/{ticket['id']}", role="admin", data=body, content_type="application/json")
    assert (twice.status_code, "same key twice" in twice.json["error"]) == (400, True)
    assert change(ask, ticket, status=["in_progress", "fulfilled"]).status_code == 400
    assert get(ask, ticket)["status"] == "approved"
    assert [each["event"] for each in ask("GET", f"{TICKETS}/{ticket['id']}/events", role="user").json] == ["approved", "created"]


def test_only_those_who_may_take_a_step_do(ask: Ask) -> None:
    receive(ask)
    mine = create(ask, role="staff")
    other = create(ask, role="user")

    def refused(ticket: dict[str, Any], role: str, status: int, method: str, path: str, body: dict[str, Any] | None) -> None:
        answer = ask(method, f"{TICKETS}/{ticket['id']}{path}", role=role, json=body)
        assert (answer.status_code, answer.json["code"]) == (status, "not_your_step" if role != "student" else "forbidden"), answer.json

    check_all(
        [
            (mine, "staff", 403, "PATCH", "", {"status": "approved"}),
            (mine, "staff", 403, "PATCH", "", {"status": "rejected", "reason": "No."}),
            (other, "staff", 403, "PATCH", "", {"status": "approved"}),
            (other, "teacher", 403, "PATCH", "", {"notes": "Mine"}),
            (other, "staff", 403, "PATCH", "", {"notes": "Mine"}),
            (other, "teacher", 403, "PATCH", "", {"assigned_to_id": account(ask, "teacher")}),
            (other, "teacher", 403, "DELETE", "", None),
            (other, "teacher", 403, "POST", "/restore", {}),
            (other, "student", 403, "PATCH", "", {"status": "approved"}),
            (other, "student", 403, "DELETE", "", None),
            (other, "student", 403, "POST", "/comments", {"body": "Hello"}),
        ],
        refused,
    )
    assert [get(ask, each)["status"] for each in (mine, other)] == ["pending_approval"] * 2
    assert change(ask, other, status="approved").status_code == 200
    assert change(ask, other, role="user", status="in_progress").status_code == 403
    assert change(ask, other, role="staff", status="in_progress").status_code == 200, "staff work"


def test_nobody_creates_in_the_name_of_others_but_administrators(app: Flask, ask: Ask) -> None:
    teacher, name = person(ask, "teacher")
    refused = ask("POST", TICKETS, role="user", json={**CAT6, "created_by_id": teacher})
    assert (refused.status_code, refused.json["code"], refused.json["field"]) == (403, "not_your_step", "created_by_id")
    ticket = create(ask, role="admin", created_by_id=teacher)
    assert (ticket["created_by_id"], ticket["created_by"]) == (teacher, name)
    (created,) = ask("GET", f"{TICKETS}/{ticket['id']}/events", role="admin").json
    assert created["actor"].startswith("admin"), "who did it"
    with app.app_context():
        changed(name, active=False)
    gone = ask("POST", TICKETS, role="admin", json={**CAT6, "created_by_id": teacher})
    assert (gone.status_code, gone.json["field"]) == (400, "created_by_id")


def test_a_creator_does_not_assign_to_themselves(ask: Ask) -> None:
    mine = account(ask, "staff")
    refused = ask("POST", TICKETS, role="staff", json={**CAT6, "assigned_to_id": mine})
    assert (refused.status_code, refused.json["field"]) == (400, "assigned_to_id")
    assert "people cannot approve their own request" in refused.json["error"]
    ticket = create(ask, role="staff")
    assert change(ask, ticket, role="staff", assigned_to_id=mine).json["field"] == "assigned_to_id"
    administrator = account(ask, "admin")
    own = create(ask, role="admin", assigned_to_id=administrator)
    assert change(ask, own, status="approved").status_code == 200, "administrators are excepted"


def test_ids_that_no_ticket_has(ask: Ask) -> None:
    """Texts, negative numbers and huge ones, in every route."""
    account(ask, "admin")
    routes = [
        ("GET", "", None),
        ("PATCH", "", {"notes": "x"}),
        ("DELETE", "", None),
        ("POST", "/restore", {}),
        ("DELETE", "/purge", None),
        ("POST", "/comments", {"body": "x"}),
        ("GET", "/events", None),
    ]

    def is_not_found(number: object) -> None:
        for method, path, body in routes:
            answer = ask(method, f"{TICKETS}/{number}{path}", role="admin", json=body)
            assert (answer.status_code, answer.is_json) == (404, True), (method, path)

    check_all([0, 999, -1, 2**31, LARGE, 10**40, "seven", "1.5", "1e3", "%00", "٣", "'", "1%20OR%201"], is_not_found)


BAD_FIELDS = [
    ({"cable_type": ""}, "cable_type"),
    ({"cable_length": "-5 ft"}, "cable_length"),
    ({"cable_length": ""}, "cable_length"),
    ({"cable_length": "100 fet"}, "cable_length"),
    ({"cable_gauge": "x" * 31}, "cable_gauge"),
    ({"cable_type": "x" * 61}, "cable_type"),
    ({"quantity": 0}, "quantity"),
    ({"quantity": -1}, "quantity"),
    ({"quantity": 1.5}, "quantity"),
    ({"quantity": "many"}, "quantity"),
    ({"quantity": 10_001}, "quantity"),
    ({"quantity": LARGE}, "quantity"),
    ({"priority": "urgent"}, "priority"),
    ({"priority": None}, "priority"),
    ({"location": "x" * 201}, "location"),
    ({"location": ["x"]}, "location"),
    ({"notes": "x" * 10_001}, "notes"),
    ({"notes": 5}, "notes"),
    ({"needed_by": "tomorrow"}, "needed_by"),
    ({"needed_by": "2020-01-01"}, "needed_by"),
    ({"needed_by": "9999-12-31"}, "needed_by"),
    ({"assigned_to_id": "grace"}, "assigned_to_id"),
    ({"assigned_to_id": True}, "assigned_to_id"),
    ({"assigned_to_id": "1"}, "assigned_to_id"),
    ({"assigned_to_id": -1}, "assigned_to_id"),
    ({"assigned_to_id": 0}, "assigned_to_id"),
    ({"assigned_to_id": 999_999}, "assigned_to_id"),
    ({"assigned_to_id": LARGE}, "assigned_to_id"),
    ({"created_by_id": "ada"}, "created_by_id"),
    ({"items": [], "cable_type": "", "cable_length": ""}, "cable_type"),
    ({"items": [{"cable_type": "Cat6"}]}, "cable_length"),
    ({"items": [{"cable_type": "Cat6", "cable_length": "1 ft"}] * 51}, "items"),
    ({"items": "Cat6"}, "items"),
    ({"approval_token": "x"}, "approval_token"),
    ({"status": "approved"}, "status"),
]


def test_bad_fields_are_named_and_nothing_is_created(ask: Ask) -> None:
    ask("GET", TICKETS, role="admin")

    def is_refused(body: dict[str, Any], field: str) -> None:
        answer = ask("POST", TICKETS, role="user", json={**CAT6, **body})
        assert (answer.status_code, str(answer.json.get("field", "")).rpartition(".")[2]) == (400, field), answer.json

    check_all(BAD_FIELDS, is_refused)
    nothing = ask("POST", TICKETS, role="user", json={"location": "Here"})
    assert (nothing.status_code, nothing.json["field"]) == (400, "items")
    assert ask("GET", TICKETS, role="user").json == []


def test_bad_changes_are_named_and_nothing_is_changed(ask: Ask) -> None:
    ticket = create(ask)

    def is_refused(body: dict[str, Any], field: str) -> None:
        answer = change(ask, ticket, role="user", **body)
        assert (answer.status_code, str(answer.json.get("field", "")).rpartition(".")[2]) == (400, field), answer.json

    unlike = [row for row in BAD_FIELDS if not {"created_by_id", "status", "priority"} & set(row[0]) and len(row[0]) == 1]
    more = [
        ({"color": "blue"}, "color"),
        ({"created_by_id": 5}, "created_by_id"),
        ({"id": 5}, "id"),
        ({"fulfilled": 5}, "fulfilled"),
        ({"status": "done"}, "status"),
        ({"status": ""}, "status"),
        ({"priority": "urgent"}, "priority"),
        ({}, "status"),
        ({"reason": "Not needed"}, "status"),
        ({"items": [{"id": 999, "cable_type": "Cat6", "cable_length": "1 ft"}]}, "id"),
        ({"items": [{"id": ticket["items"][0]["id"], "cable_type": "Cat6", "cable_length": "1 ft"}] * 2}, "items"),
        ({"items": [{"cable_type": "Cat6", "cable_length": "1 ft", "fulfilled": 1}]}, "fulfilled"),
        ({"items": [{"cable_type": "Cat6", "cable_length": "1 ft"}], "quantity": 2}, "items"),
        ({"notes": "Good", "cable_length": "5 fet"}, "cable_length"),
    ]
    null = [({name: None}, name) for name in ("status", "reason", "items", "cable_type", "quantity", "location", "notes", "priority")]
    check_all([*unlike, *more, *null], is_refused)
    assert {**get(ask, ticket), "comments": None} == {**ticket, "comments": None}


def test_html_emoji_and_ten_thousand_characters_are_notes(ask: Ask) -> None:
    def is_stored(written: str, stored: str) -> None:
        ticket = create(ask, notes=written)
        assert (ticket["notes"], get(ask, ticket)["notes"]) == (stored, stored)

    html = "<script>alert(1)</script>\n<b>Behind the stage</b> & “more”"
    emoji = "👩🏽‍🔧🏴󠁧󠁢󠁥󠁮󠁧󠁿🎉"
    rows = [
        (html, html),
        (emoji, emoji),
        ("x" * 10_000, "x" * 10_000),
        ("🎉" * 10_000, "🎉" * 10_000),
        ("a\r\nb\0", "a\nb\ufffd"),
        (" \u200b ", ""),
    ]
    check_all(rows, is_stored)


def test_a_request_that_is_sent_twice_creates_one_ticket(ask: Ask) -> None:
    ask("GET", TICKETS, role="admin")
    key = {"Idempotency-Key": "form-1"}
    first, again = (ask("POST", TICKETS, role="user", json=CAT6, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["ticket"]["id"] == again.json["ticket"]["id"]
    other = ask("POST", TICKETS, role="user", json={**CAT6, "quantity": 2}, headers=key)
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")
    assert len(ask("GET", TICKETS, role="user").json) == 1
    assert ask("DELETE", f"{TICKETS}/{first.json['ticket']['id']}", role="user").status_code == 200
    assert ask("POST", TICKETS, role="user", json=CAT6, headers=key).status_code == 410


def test_a_ticket_is_archived_restored_and_purged(ask: Ask) -> None:
    receive(ask)
    ticket = create(ask)
    change(ask, ticket, status="approved")
    assert shelf(ask) == (5, 1, 0)
    gone = ask("DELETE", f"{TICKETS}/{ticket['id']}", role="user")
    assert (gone.status_code, gone.json["message"], gone.json["status"]) == (200, "Ticket archived", "deleted")
    archived = gone.json["ticket"]
    assert (archived["status_before"], archived["deleted_by_id"]) == ("approved", ticket["created_by_id"])
    assert (archived["deleted_at"] is None, archived["open_steps"]) == (False, [])
    assert shelf(ask) == (5, 0, 0), "what it had reserved is free"
    path = f"{TICKETS}/{ticket['id']}"
    calls = [
        ("GET", "", None),
        ("PATCH", "", {"status": "closed"}),
        ("DELETE", "", None),
        ("POST", "/comments", {"body": "x"}),
        ("GET", "/events", None),
    ]

    def is_gone(method: str, more: str, body: dict[str, Any] | None) -> None:
        answer = ask(method, path + more, role="admin", json=body)
        assert (answer.status_code, answer.json["code"]) == (410, "ticket_archived")

    check_all(calls, is_gone)
    assert ask("GET", f"{path}/events?include_deleted=true", role="user").json[0]["event"] == "archived"
    assert ask("GET", TICKETS, role="user").json == []
    assert [each["id"] for each in ask("GET", f"{TICKETS}?include_deleted=true", role="user").json] == [ticket["id"]]
    assert [each["id"] for each in ask("GET", f"{TICKETS}?status=deleted", role="user").json] == [ticket["id"]]
    restored = ask("POST", f"{path}/restore", role="user")
    assert (restored.status_code, restored.json["ticket"]["status"], restored.json["ticket"]["deleted_at"]) == (200, "approved", None)
    assert shelf(ask) == (5, 1, 0), "and it reserves again"
    again, early = ask("POST", f"{path}/restore", role="user"), ask("DELETE", f"{path}/purge", role="admin")
    assert (again.status_code, early.status_code, early.json["open_steps"]) == (409, 409, ["deleted"])
    change(ask, ticket, status="in_progress")
    change(ask, ticket, status="fulfilled")
    ask("DELETE", path, role="user")
    assert ask("DELETE", f"{path}/purge", role="user").status_code == 403
    purged = ask("DELETE", f"{path}/purge", role="admin")
    assert (purged.status_code, purged.json) == (200, {"message": "Ticket purged", "id": ticket["id"]})
    assert ask("GET", f"{path}?include_deleted=true", role="admin").status_code == 404
    assert ask("POST", f"{path}/restore", role="admin").status_code == 404
    ledger = ask("GET", f"/api/inventory/movements?source_type=ticket_fulfillment&source_id={ticket['id']}").json
    assert [each["quantity_delta"] for each in ledger] == [-1], "the ledger survives"
    assert [each["event"] for each in ask("GET", f"{path}/events", role="admin").json][:2] == ["purged", "archived"], "and the history"
    assert ask("GET", f"{path}/events", role="user").status_code == 404
    assert create(ask)["id"] > ticket["id"], "its number is not used again"


def test_comments(ask: Ask) -> None:
    ticket = create(ask)
    added = ask("POST", f"{TICKETS}/{ticket['id']}/comments", role="teacher", json={"body": "Which color?\n<b>Blue</b>"})
    assert (added.status_code, added.json["message"], added.json["comment"]["body"]) == (201, "Comment added", "Which color?\n<b>Blue</b>")
    assert get(ask, ticket)["comments"] == [added.json["comment"]]
    assert get(ask, ticket)["revision"] == ticket["revision"], "links stay valid"

    def is_refused(body: Any) -> None:
        answer = ask("POST", f"{TICKETS}/{ticket['id']}/comments", role="teacher", json=body)
        assert (answer.status_code, str(answer.json["field"])) == (400, "body" if "color" not in body else "color"), answer.json

    check_all(
        [{}, {"body": ""}, {"body": " \n"}, {"body": "\u200b"}, {"body": 5}, {"body": "x" * 10_001}, {"body": "x", "color": 1}], is_refused
    )


def test_lists_have_filters_limits_and_a_link_to_the_next_page(ask: Ask) -> None:
    tickets = [create(ask, role=role, priority=priority) for role, priority in (("user", "low"), ("teacher", "high"), ("user", "high"))]
    one, two, three = (ticket["id"] for ticket in tickets)
    change(ask, tickets[1], status="approved")
    change(ask, tickets[2], assigned_to_id=account(ask, "teacher"))
    ask("DELETE", f"{TICKETS}/{create(ask)['id']}", role="user")
    fourth = three + 1  # the one with which the account was looked up

    def lists(query: str, role: str, *expected: int) -> None:
        assert [each["id"] for each in ask("GET", f"{TICKETS}?{query}", role=role).json] == list(expected)

    check_all(
        [
            ("", "user", fourth, three, two, one),
            ("mine=created", "user", three, one),
            ("mine=created", "teacher", fourth, two),
            ("mine=assigned", "teacher", three),
            ("mine=assigned", "admin", fourth, two, one),
            ("status=approved", "user", two),
            ("priority=high", "user", three, two),
            ("priority=high&status=pending_approval&mine=created", "user", three),
            ("q=cat6&priority=low", "user", one),
            ("q=building+nowhere", "user"),
            ("limit=2", "user", fourth, three),
            (f"before_id={three}", "user", two, one),
        ],
        lists,
    )
    assert "Link" not in ask("GET", f"{TICKETS}?limit=4", role="user").headers
    walked, address = list[int](), f"{TICKETS}?limit=1&q=cat6"
    while address:
        page = ask("GET", address, role="user")
        walked += [each["id"] for each in page.json]
        link = re.fullmatch(r"<https?://[^/]+(/[^>]+)>; rel=\"next\"", page.headers.get("Link", ""))
        address = link[1] if link else ""
    assert walked == [fourth, three, two, one]

    def is_refused(query: str, field: str) -> None:
        answer = ask("GET", f"{TICKETS}?{query}", role="user")
        assert (answer.status_code, answer.json["field"]) == (400, field)

    check_all(
        [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("before_id=0", "before_id"),
            ("before_id=-1", "before_id"),
            (f"before_id={LARGE}", "before_id"),
            ("mine=all", "mine"),
            ("status=open", "status"),
            ("priority=urgent", "priority"),
            ("page=2", "page"),
            (f"q={'x' * 201}", "q"),
        ],
        is_refused,
    )


def test_a_day_by_which_it_is_needed(ask: Ask) -> None:
    day = (utc_now().date() + timedelta(days=7)).isoformat()
    ticket = create(ask, needed_by=day)
    assert ticket["needed_by"] == day
    assert change(ask, ticket, role="user", needed_by=None).json["ticket"]["needed_by"] is None


def test_the_address_of_tickets_in_request_tracker_stays(ask: Ask) -> None:
    answer = ask("POST", f"{TICKETS}/create", json={"subject": "", "body": ""})
    assert (answer.status_code, answer.json.get("success")) == (400, False)
    assert ask("GET", f"{TICKETS}/create", role="user").status_code in (404, 405)


def test_a_person_who_is_deactivated_is_not_asked(app: Flask, ask: Ask) -> None:
    ticket = create(ask, assigned_to_id=account(ask, "teacher"))
    with app.app_context():
        changed(str(ticket["assigned_to"]), active=False)
    assert change(ask, ticket, role="teacher", status="approved").status_code == 401
    other = ask("POST", TICKETS, role="user", json={**CAT6, "assigned_to_id": ticket["assigned_to_id"]})
    assert (other.status_code, other.json["field"]) == (400, "assigned_to_id")
    moved = change(ask, ticket, role="user", assigned_to_id=None).json["ticket"]
    assert (moved["assigned_to_id"], [each["name"][:5] for each in moved["asked"]]) == (None, ["admin"])
