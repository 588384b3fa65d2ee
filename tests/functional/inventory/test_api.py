"""The stock over JSON: the contract's shapes, bad input, repetitions and who may do what."""

from typing import Any

import pytest
from flask import Flask

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.inventory.models import StockRequest
from request_tracker_utils.inventory.names import DELETE_REQUEST_KEYS
from request_tracker_utils.inventory.repeats import REMEMBERED
from tests.services.apps import run_job
from tests.services.asking import Ask
from tests.services.stocking import check_books, line, reserved
from tests.services.tables import check_all

CABLE = {"cable_type": "Cat6", "cable_length": "100 ft"}
ON_HAND, MOVEMENTS, RECEIVING = "/api/inventory/on-hand", "/api/inventory/movements", "/api/cable-receiving"
TAKE, RETURN, ADJUST = "/api/inventory/consumptions", "/api/inventory/returns", "/api/inventory/adjustments"
COUNTS, TYPES = "/api/inventory/counts", "/api/cable-types"


def receive(ask: Ask, **body: Any) -> Any:
    answer = ask("POST", RECEIVING, json={**CABLE, "quantity": 5, **body})
    assert answer.status_code == 201, answer.json
    return answer.json["receipt"]


def test_a_delivery_of_several_items_is_received(ask: Ask) -> None:
    items = [
        {"cable_type": "Cat6", "cable_length": "100ft", "quantity": 5},
        {"cable_type": "CAT6", "cable_length": "100'", "quantity": "2"},
    ]
    delivery = {"vendor": "Graybar", "po_number": "PO-1", "packing_slip": "PS-1", "notes": "Two boxes", "items": items}
    answer = ask("POST", RECEIVING, json=delivery)
    assert (answer.status_code, answer.json["message"]) == (201, "Delivery received")
    receipt = answer.json["receipt"]
    assert [(item["cable_type"], item["cable_length"], item["quantity"]) for item in receipt["items"]] == [
        ("Cat6", "100ft", 5),
        ("CAT6", "100'", 2),
    ]
    assert {name: receipt[name] for name in ("vendor", "po_number", "packing_slip", "notes")} == {
        k: v for k, v in delivery.items() if k != "items"
    }
    assert ask("GET", RECEIVING).json == [receipt]
    assert ask("GET", f"{RECEIVING}/{receipt['id']}").json == receipt
    assert ask("GET", f"{RECEIVING}?before={receipt['id']}").json == []
    (row,) = ask("GET", ON_HAND).json
    assert (row["cable_type"], row["cable_length"], row["on_hand"], row["reserved"], row["available"]) == ("Cat6", "100ft", 7, 0, 7)
    movements = ask("GET", f"{MOVEMENTS}?source_type=cable_receiving&source_id={receipt['id']}").json
    contract = {
        "movement_type",
        "source_type",
        "source_id",
        "actor_user_id",
        "cable_type",
        "cable_length",
        "quantity_delta",
        "notes",
        "created_at",
    }
    assert contract <= set(movements[0])
    assert [each["quantity_delta"] for each in movements] == [2, 5]


def test_the_shelf_equals_the_ledger_after_a_delivery_was_counted_and_taken_out(app: Flask, ask: Ask) -> None:
    receive(ask)
    (row,) = ask("GET", ON_HAND).json
    count = ask("POST", COUNTS, json={"title": "Closet B"}).json
    (to_count,) = ask("GET", f"{COUNTS}/{count['id']}").json["rows"]
    assert (to_count["counted"], to_count["movement_id"]) == (None, row["movement_id"])
    taken = ask("POST", TAKE, json={**CABLE, "quantity": 1})
    assert (taken.status_code, [each["balance"] for each in taken.json["movements"]]) == (201, [4])
    body = {"stock_id": row["stock_id"], "counted": 4, "movement_id": to_count["movement_id"]}
    refused = ask("POST", f"{COUNTS}/{count['id']}/rows", json=body)
    assert (refused.status_code, refused.json["field"], refused.json["expected"]) == (400, "reason", 5)
    counted = ask("POST", f"{COUNTS}/{count['id']}/rows", json={**body, "reason": "One was broken"})
    assert (counted.status_code, counted.json["row"]["expected"], counted.json["row"]["counted"]) == (201, 5, 4)
    again = ask("POST", f"{COUNTS}/{count['id']}/rows", json={**body, "reason": "One was broken"})
    assert (again.status_code, again.json["code"], again.json["counted"]) == (409, "row_counted", 4)
    assert ask("POST", f"{COUNTS}/{count['id']}/finish").json["finished_at"]
    assert ask("POST", f"{COUNTS}/{count['id']}/finish").json["code"] == "count_finished"
    assert [each["id"] for each in ask("GET", COUNTS).json] == [count["id"]]
    assert ask("POST", RETURN, json={**CABLE, "quantity": 2}).json["movement"]["balance"] == 5
    (row,) = ask("GET", ON_HAND).json
    assert row["on_hand"] == sum(each["quantity_delta"] for each in ask("GET", MOVEMENTS).json) == 5
    with app.app_context():
        check_books()


def test_pieces_are_cut_and_reversed(ask: Ask) -> None:
    receive(ask, cable_length="1,000 ft", quantity=1)
    short = ask("POST", TAKE, json={**CABLE, "quantity": 1})
    assert (short.status_code, short.json["code"], short.json["available"]) == (409, "not_enough", 0)
    offer = ask("GET", "/api/inventory/cut-offers?cable_type=cat6&cable_length=100ft").json
    (cut,) = offer["cuts"]
    assert (offer["whole"], cut["cable_length"], cut["pieces"], cut["remnant"]) == (0, "1,000 ft", 1, "900 ft")
    box, remnant = ask("POST", TAKE, json={**CABLE, "quantity": 1, "cut_from": cut["stock_id"]}).json["movements"]
    assert (box["quantity_delta"], remnant["movement_type"], remnant["cut_from_id"]) == (-1, "return", box["id"])
    reverse = f"{MOVEMENTS}/{box['id']}/reverse"
    assert ask("POST", reverse, json={}).json["field"] == "reason"
    first = ask("POST", reverse, json={"reason": "Not needed"})
    assert (first.status_code, len(first.json["movements"])) == (201, 2)
    second = ask("POST", reverse, json={"reason": "Not needed"})
    assert (second.status_code, second.json["code"]) == (409, "movement_not_reversible")
    third = ask("POST", f"{MOVEMENTS}/{first.json['movements'][0]['id']}/reverse", json={"reason": "Back"})
    assert (third.status_code, third.json["code"]) == (409, "movement_not_reversible")
    assert [(each["cable_length"], each["on_hand"]) for each in ask("GET", ON_HAND).json] == [("1,000 ft", 1)]
    assert len(ask("GET", f"{ON_HAND}?include_zero=true").json) == 2


def test_a_reversal_of_a_delivery_that_is_gone_says_how_many_are_left(ask: Ask) -> None:
    receipt = receive(ask)
    ask("POST", TAKE, json={**CABLE, "quantity": 2})
    answer = ask("POST", f"{RECEIVING}/{receipt['id']}/reverse", json={"reason": "Wrong"})
    assert (answer.status_code, answer.json["code"], answer.json["available"]) == (409, "not_enough", 3)
    ask("POST", RETURN, json={**CABLE, "quantity": 2})
    assert ask("POST", f"{RECEIVING}/{receipt['id']}/reverse", json={"reason": "Wrong"}).status_code == 201
    assert ask("GET", f"{RECEIVING}/{receipt['id']}").json["reversed_at"]


def test_the_same_packing_slip_and_the_same_key(ask: Ask) -> None:
    slip = {**CABLE, "quantity": 5, "vendor": "Graybar", "packing_slip": "PS-1"}
    key = {"Idempotency-Key": "3f0c1d5e"}
    first, repeated = (ask("POST", RECEIVING, json=slip, headers=key) for _ in range(2))
    assert (first.status_code, repeated.status_code, repeated.json) == (201, 201, first.json)
    again = ask("POST", RECEIVING, json=slip)
    assert (again.status_code, again.json["code"], again.json["receipt_id"]) == (409, "packing_slip_received", first.json["receipt"]["id"])
    other = ask("POST", TAKE, json={**CABLE, "quantity": 1}, headers=key)
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")
    for path, body in [(TAKE, {"quantity": 1}), (RETURN, {"quantity": 1}), (ADJUST, {"quantity_delta": 1, "reason": "Found"})]:
        answers = [ask("POST", path, json={**CABLE, **body}, headers={"Idempotency-Key": path}) for _ in range(2)]
        assert answers[0].status_code == 201
        assert answers[0].json == answers[1].json
    reverse = [ask("POST", f"{MOVEMENTS}/1/reverse", json={"reason": "x"}, headers={"Idempotency-Key": "r"}) for _ in range(2)]
    assert (reverse[0].status_code, reverse[0].json) == (201, reverse[1].json)
    assert ask("POST", TAKE, json={**CABLE, "quantity": 1}, headers={"Idempotency-Key": "x" * 81}).status_code == 400
    assert ask("GET", ON_HAND).json[0]["on_hand"] == 1


def test_bad_numbers_and_lengths_are_refused_everywhere(ask: Ask) -> None:
    receive(ask)
    before = ask("GET", f"{MOVEMENTS}?limit=1000").json
    stock_id = ask("GET", ON_HAND).json[0]["stock_id"]
    count = ask("POST", COUNTS, json={}).json["id"]
    quantities: list[Any] = [0, -1, 1.5, 5.0, 10**30, 1_000_001, True, None, "", "0", "-1", "five", "NaN", "Infinity", "1e3", "1.5", [], {}]
    lengths: list[Any] = ["", "-100 ft", "0 ft", "NaN", "inf ft", "1e9 ft", "99999999 ft", "100 parsecs", "x" * 61, "\0", None, 100, []]
    posts = [(RECEIVING, "quantity"), (TAKE, "quantity"), (RETURN, "quantity"), (ADJUST, "quantity_delta")]
    rows: list[tuple[str, str, dict[str, Any]]] = []
    for path, field in posts:
        good = {**CABLE, field: 1, "reason": "Found"}
        rows += [("POST", path, {**good, field: bad}) for bad in quantities if path != ADJUST or bad not in (-1, "-1")]
        rows += [("POST", path, {**good, "cable_length": bad}) for bad in lengths]
        rows += [("POST", path, {**good, "cable_type": bad}) for bad in ("", " ", "x" * 61, None, 6)]
        rows += [
            ("POST", path, {name: value for name, value in good.items() if name != left_out})
            for left_out in ("cable_type", "cable_length", field)
        ]
    rows += [("POST", RECEIVING, {"items": [{**CABLE, "quantity": 1}, {**CABLE, "quantity": bad}]}) for bad in quantities]
    rows += [("POST", RECEIVING, body) for body in ({}, {"items": []}, {"items": [{}]}, {"items": "Cat6"}, {"vendor": "Graybar"})]
    rows += [("POST", ADJUST, {**CABLE, "quantity_delta": 1, "reason": bad}) for bad in ("", " ", None, "x" * 1_001)]
    rows += [
        ("POST", f"{COUNTS}/{count}/rows", {"stock_id": stock_id, "movement_id": before[0]["id"], "reason": "x", "counted": bad})
        for bad in quantities
        if bad not in (0, "0") or bad is False
    ]
    levels = [bad for bad in quantities if bad not in (0, "0", None)]
    rows += [("PUT", f"/api/inventory/stock/{stock_id}/levels", {"threshold": bad, "target": 1_000_000}) for bad in levels]
    rows += [("PUT", f"/api/inventory/stock/{stock_id}/levels", {"threshold": 5, "target": bad}) for bad in [*levels, 4, None]]

    def check(method: str, path: str, body: dict[str, Any]) -> None:
        answer = ask(method, path, json=body)
        assert (answer.status_code, bool(answer.json.get("error"))) == (400, True), f"{answer.status_code} {answer.json}"

    check_all(rows, check)
    nan = ask("POST", TAKE, data='{"cable_type": "Cat6", "cable_length": "100 ft", "quantity": NaN}', content_type="application/json")
    assert nan.status_code == 400
    queries = ["limit=0", "limit=1001", "limit=x", "before=0", "source_id=-1", "movement_type=theft", "stock_id=99999999999", "page=2"]
    check_all(queries, lambda query: _status(ask, "GET", f"{MOVEMENTS}?{query}", 400))
    unknown = ["/api/inventory/counts/99", f"{RECEIVING}/99"]
    check_all(unknown, lambda path: _status(ask, "GET", path, 404))
    check_all(["0", "-1", "x", "99999999999"], lambda each: _status(ask, "GET", f"{RECEIVING}/{each}", 400))
    assert ask("POST", f"{MOVEMENTS}/99/reverse", json={"reason": "x"}).json["code"] == "movement_not_found"
    assert ask("GET", f"{MOVEMENTS}?limit=1000").json == before


def test_cable_types(ask: Ask) -> None:
    added = ask("POST", TYPES, json={"name": "Cat6", "gauges": ["23AWG", "23awg", ""], "lengths": ["100 ft", "1,000 ft"]})
    assert (added.status_code, added.json["gauges"], added.json["lengths"]) == (201, ["23awg"], ["100 ft", "1,000 ft"])
    same = ask("POST", TYPES, json={"name": "CAT6"})
    assert (same.status_code, same.json["code"]) == (409, "cable_type_exists")
    fiber = ask("POST", TYPES, json={"name": "Fiber"}).json
    path = f"{TYPES}/{fiber['id']}"
    assert ask("PUT", path, json={"name": "cat6"}).status_code == 409
    assert ask("PUT", path, json={"name": "FIBER", "active": False}).json["name"] == "FIBER"
    assert [each["name"] for each in ask("GET", TYPES).json] == ["Cat6"]
    assert [each["name"] for each in ask("GET", f"{TYPES}?include_inactive=true").json] == ["Cat6", "FIBER"]
    assert ask("PUT", f"{TYPES}/99", json={}).status_code == 404
    bad = [
        {"name": ""},
        {"name": "x" * 61},
        {"name": "a\x07"},
        {"lengths": ["-5 ft"]},
        {"lengths": ["100 fet"]},
        {"gauges": ["x" * 61]},
        {"gauges": ["a"] * 51},
    ]
    check_all(bad, lambda body: _status(ask, "POST", TYPES, 400, json={"name": "New", **body}))
    check_all(bad, lambda body: _status(ask, "PUT", path, 400, json=body))


def test_what_to_order(app: Flask, ask: Ask) -> None:
    receive(ask)
    (row,) = ask("GET", ON_HAND).json
    assert ask("PUT", f"/api/inventory/stock/{row['stock_id']}/levels", json={"threshold": 5, "target": 20}).json["target"] == 20
    with app.app_context():
        reserved(1, line("100 ft", 7))
    (suggestion,) = ask("GET", "/api/inventory/reorder").json
    assert (suggestion["suggested"], suggestion["backordered"], suggestion["available"]) == (22, 2, 0)
    assert ask("PUT", "/api/inventory/stock/99/levels", json={}).status_code == 404


@pytest.mark.parametrize("role", ["teacher", "user"])
def test_those_who_order_see_the_stock_and_change_nothing(ask: Ask, role: str) -> None:
    receive(ask)
    for path in (ON_HAND, MOVEMENTS, TYPES, "/api/inventory/reorder"):
        assert ask("GET", path, role=role).status_code == 200
    for method, path in [("GET", RECEIVING), ("POST", RECEIVING), ("POST", TAKE), ("POST", ADJUST), ("GET", COUNTS)]:
        assert ask(method, path, role=role, json={} if method == "POST" else None).status_code == 403
    assert ask("GET", ON_HAND, role="student").status_code == 403


def test_a_job_deletes_old_request_keys(app: Flask, ask: Ask) -> None:
    with app.app_context(), transaction() as session:
        session.add(StockRequest(actor="ada", key="old", fingerprint="x", created_at=utc_now() - 2 * REMEMBERED))
        session.add(StockRequest(actor="ada", key="new", fingerprint="x", created_at=utc_now()))
    with app.app_context():
        assert run_job(app, DELETE_REQUEST_KEYS) == 1


def _status(ask: Ask, method: str, path: str, status: int, **more: Any) -> None:
    answer = ask(method, path, **more)
    assert answer.status_code == status, f"{answer.status_code} {answer.json}"
