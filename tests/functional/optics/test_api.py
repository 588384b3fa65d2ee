"""Optics requests over JSON: the contract's shapes, bad input, steps, repetitions, and who sees what."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory.models import MAX_QUANTITY
from request_tracker_utils.optics.models import OpticsRequest
from tests.services.asking import Ask
from tests.services.tables import check_all

PARTS, REQUESTS = "/api/optics-parts", "/api/optics-requests"
LISTED = ["SFP-10G-SR", "SFP-10G-LR", "QSFP-40G-SR4", "Other"]
BODY = {"selected_part": "SFP-10G-SR", "other_part": "", "quantity": 2, "requester_name": "Grace Hopper"}


@pytest.fixture(autouse=True)
def parts(ask: Ask) -> None:
    assert ask("PUT", PARTS, role="admin", json={"parts": LISTED}).json == LISTED


def submitted(ask: Ask, *, role: str = "staff", **body: Any) -> dict[str, Any]:
    answer = ask("POST", REQUESTS, role=role, json={**BODY, **body})
    assert answer.status_code == 201, answer.json
    request: dict[str, Any] = answer.json["request"]
    return request


def changed(ask: Ask, request_id: object, action: object, *, role: str = "admin", **body: Any) -> Any:
    return ask("PATCH", f"{REQUESTS}/{request_id}/status", role=role, json={"action": action, **body})


def count(app: Flask) -> int:
    with app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(OpticsRequest)) or 0


def test_a_request_is_submitted_approved_and_archived(ask: Ask) -> None:
    answer = ask("POST", REQUESTS, json=BODY)
    assert (answer.status_code, set(answer.json), answer.json["message"]) == (201, {"message", "request"}, "Optics request submitted")
    request = answer.json["request"]
    assert {name: request[name] for name in BODY} == BODY
    assert (request["status"], request["decision"], request["open_steps"]) == ("pending", None, ["approve", "deny"])
    approved = changed(ask, request["id"], "approve", admin_note="Arrives on Monday.")
    assert (approved.status_code, set(approved.json), approved.json["message"]) == (200, {"message", "request"}, "Optics request approved")
    after = approved.json["request"]
    assert (after["status"], after["decision"], after["admin_note"]) == ("approved", "approved", "Arrives on Monday.")
    assert after["decided_by"]
    assert after["decided_at"]
    archived = changed(ask, request["id"], "archive", admin_note="Picked up.")
    assert archived.json["message"] == "Optics request archived"
    last = archived.json["request"]
    assert (last["status"], last["decision"], last["admin_note"]) == ("archived", "approved", "Arrives on Monday.\nPicked up.")
    assert ask("GET", REQUESTS).json == [last]


def test_a_step_that_is_not_open_is_refused_with_those_that_are(ask: Ask) -> None:
    reached = {"pending": [], "approved": ["approve"], "denied": ["deny"], "archived": ["deny", "archive"]}
    opened = {"pending": ["approve", "deny"], "approved": ["archive"], "denied": ["archive"], "archived": []}

    def check(status: str, action: str) -> None:
        request = submitted(ask)
        for step in reached[status]:
            assert changed(ask, request["id"], step).status_code == 200
        before = next(each for each in ask("GET", REQUESTS).json if each["id"] == request["id"])
        answer = changed(ask, request["id"], action, admin_note="x")
        if action in opened[status]:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json["code"], answer.json["open_steps"]) == (409, "step_not_open", opened[status])
            assert before in ask("GET", REQUESTS).json, "nothing has changed"

    check_all([(status, action) for status in opened for action in ("approve", "deny", "archive")], check)


def test_bad_requests_are_refused_and_name_the_field(app: Flask, ask: Ask) -> None:
    def refuses(field: str, value: object, *rest: object) -> None:
        body = {**BODY, **(rest[0] if rest else {}), field: value}  # type: ignore[dict-item]
        answer = ask("POST", REQUESTS, json=body)
        assert (answer.status_code, answer.json.get("field")) == (400, field), answer.json

    other = {"selected_part": "Other"}
    rows: list[tuple[object, ...]] = [
        *[("selected_part", value) for value in ("", " ", "SFP-10G-XX", "\u200b", "x" * 101, None, 7, [], {}, True, "SFP-10G-SR\x07")],
        *[("other_part", value, other) for value in ("", "  ", "\u200b\u2060", "x" * 201, None, 7, [], "a\x07b")],
        ("other_part", "QSFP-100G"),
        *[
            ("quantity", value)
            for value in (0, -1, MAX_QUANTITY + 1, 2**31, 10**30, 1.5, "1.5", "two", "", None, True, [], {}, "1e3", "٣x")
        ],
        *[("requester_name", value) for value in ("x" * 101, None, 7, [], "a\x07b", "a\u2028b\x1b")],
    ]
    check_all(rows, refuses)
    assert count(app) == 0


def test_malformed_bodies_are_refused(app: Flask, ask: Ask) -> None:
    def refuses(data: str, kind: str = "application/json") -> None:
        answer = ask("POST", REQUESTS, data=data, headers={"Content-Type": kind})
        assert answer.status_code in {400, 415}, answer.text

    check_all(["", "[]", "null", "7", '"x"', "{", '{"quantity": NaN}', '{"quantity": 1, "quantity": 2}', "{}"], refuses)
    refuses("selected_part=SFP-10G-SR&quantity=1", "application/x-www-form-urlencoded")
    assert count(app) == 0


def test_an_unknown_part_is_refused_with_the_list(ask: Ask) -> None:
    answer = ask("POST", REQUESTS, json={**BODY, "selected_part": "SFP-10G-XX", "quantity": 0})
    assert (answer.status_code, answer.json["code"], answer.json["parts"]) == (400, "invalid_optics_field", LISTED)
    assert answer.json["error"] == "The list has no part SFP-10G-XX. Choose one of: SFP-10G-SR, SFP-10G-LR, QSFP-40G-SR4, Other."
    assert set(answer.json["errors"]) == {"selected_part", "quantity"}


def test_accepted_spellings(ask: Ask) -> None:
    def accepts(sent: dict[str, object], *expected: object) -> None:
        request = submitted(ask, **sent)
        assert tuple(request[name] for name in ("selected_part", "other_part", "quantity")) == expected

    rows = [
        ({"selected_part": " sfp-10g-sr "}, "SFP-10G-SR", "", 2),
        ({"selected_part": "SFP‑10G‑SR"}, "SFP-10G-SR", "", 2),
        ({"selected_part": "other", "other_part": " QSFP  100G\u200b "}, "Other", "QSFP 100G", 2),
        ({"selected_part": "Other", "other_part": "<b>x</b> 🔌 " + "y" * 180}, "Other", "<b>x</b> 🔌 " + "y" * 180, 2),
        ({"other_part": " \u200b"}, "SFP-10G-SR", "", 2),
        ({"quantity": "1,200"}, "SFP-10G-SR", "", 1200),
        ({"quantity": MAX_QUANTITY}, "SFP-10G-SR", "", MAX_QUANTITY),
        ({"status": "approved", "created_by_id": 1, "admin_note": "x"}, "SFP-10G-SR", "", 2),
    ]
    check_all(rows, accepts)
    assert {each["status"] for each in ask("GET", REQUESTS).json} == {"pending"}
    request = submitted(ask, requester_name=" ")
    assert request["requester_name"] == request["created_by"]


def test_bad_decisions_change_nothing(ask: Ask) -> None:
    request = submitted(ask)

    def refuses(body: object) -> None:
        answer = ask("PATCH", f"{REQUESTS}/{request['id']}/status", role="admin", json=body)
        assert answer.status_code == 400, answer.json

    actions = [{"action": value} for value in ("", "Approve", "approved", "pending", None, 7, True, [], ["approve"], {})]
    notes = [{"action": "approve", "admin_note": value} for value in ("x" * 1_001, "x" * 10_000, None, 7, [], {})]
    unknown = {"action": "approve", "note": "Ordered"}
    check_all([*actions, *notes, unknown, {}, [], None, "approve", {"status": "approved"}], refuses)

    def not_found(request_id: object) -> None:
        assert changed(ask, request_id, "approve").status_code == 404

    check_all([request["id"] + 1, 2**31 - 1, 0, -1, 2**31, 10**30, "x", "1e1"], not_found)
    assert ask("GET", REQUESTS).json == [request]
    note = "<script>alert(1)</script> 🔌\nSecond line" + "\u202e"
    assert changed(ask, request["id"], "deny", admin_note=note).json["request"]["admin_note"].startswith("<script>")


def test_a_repeated_request_is_stored_once(app: Flask, ask: Ask) -> None:
    key = {"Idempotency-Key": "3f0c1d5e"}
    first, again = (ask("POST", REQUESTS, json=BODY, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code, first.json) == (201, 201, again.json)
    assert count(app) == 1
    different = ask("POST", REQUESTS, json={**BODY, "quantity": 3}, headers=key)
    assert (different.status_code, different.json["code"]) == (409, "idempotency_key_reused")
    assert ask("POST", REQUESTS, role="teacher", json=BODY, headers=key).json["request"]["id"] != first.json["request"]["id"]
    assert ask("POST", REQUESTS, json=BODY, headers={"Idempotency-Key": "x" * 81}).status_code == 400
    assert count(app) == 2


def test_administrators_list_all_requests_others_their_own_and_students_none(ask: Ask) -> None:
    made = {role: submitted(ask, role=role)["id"] for role in ("staff", "teacher", "user", "admin")}
    for role in ("staff", "teacher", "user"):
        assert [each["id"] for each in ask("GET", REQUESTS, role=role).json] == [made[role]]
        assert changed(ask, made[role], "approve", role=role).status_code == 403
        assert ask("PUT", PARTS, role=role, json={"parts": []}).status_code == 403
        assert ask("GET", PARTS, role=role).json == LISTED
    assert [each["id"] for each in ask("GET", REQUESTS, role="admin").json] == sorted(made.values(), reverse=True)
    calls = [("GET", PARTS), ("GET", REQUESTS), ("POST", REQUESTS), ("PATCH", f"{REQUESTS}/1/status"), ("PUT", PARTS)]
    check_all(calls, lambda method, path: _is(403, ask(method, path, role="student", **({} if method == "GET" else {"json": BODY}))))


def test_lists_are_filtered_and_paged(ask: Ask) -> None:
    ids = [submitted(ask)["id"] for _ in range(5)]
    changed(ask, ids[1], "deny")
    assert [each["id"] for each in ask("GET", f"{REQUESTS}?status=denied").json] == [ids[1]]
    seen, path = [], f"{REQUESTS}?status=pending&limit=2"
    while path:
        answer = ask("GET", path)
        seen += [each["id"] for each in answer.json]
        link = answer.headers.get("Link", "")
        assert not link or link.endswith('>; rel="next"')
        path = link.partition(">")[0].partition("/api")[2] and "/api" + link.partition(">")[0].partition("/api")[2]
    assert seen == [ids[4], ids[3], ids[2], ids[0]]
    bad = ["status=open", "limit=0", "limit=1001", "limit=x", "before_id=0", "before_id=-1", "before_id=x", f"before_id={10**30}", "mine=1"]
    check_all(bad, lambda query: _is(400, ask("GET", f"{REQUESTS}?{query}")))


def test_the_list_of_parts_is_replaced_as_a_whole(ask: Ask) -> None:
    def replaces(sent: list[str], *expected: str) -> None:
        assert ask("PUT", PARTS, role="admin", json={"parts": sent}).json == [*expected, "Other"]
        assert ask("GET", PARTS).json == [*expected, "Other"]

    check_all([(["Other", "B", "A"], "B", "A"), (["a", " C "], "a", "C"), ([],), (["OTHER"],), (["ß" * 100], "ß" * 100)], replaces)
    before = ask("GET", PARTS).json

    def refuses(sent: object, status: int = 400) -> None:
        assert ask("PUT", PARTS, role="admin", json={"parts": sent}).status_code == status

    rows: list[tuple[object, ...]] = [(["A", "a"], 409), (["A", "A\u200d"], 409), ([""],), ([" \u200b"],), (["x" * 101],), (["a\x07"],)]
    check_all([*rows, (["x"] * 300,), ([f"p{n}" for n in range(201)],), (None,), ("A",), ([7],), ([None],), ({"a": 1},)], refuses)
    assert ask("GET", PARTS).json == before
    assert ask("PUT", PARTS, role="admin", json={}).status_code == 400


def test_the_database_refuses_what_the_service_would(app: Flask, ask: Ask) -> None:
    request = submitted(ask)

    def refuses(change: str) -> None:
        with app.app_context(), pytest.raises(Exception, match=r"(?i)constraint|null"), transaction() as session:
            session.execute(text(f"UPDATE optics_requests SET {change} WHERE id = {request['id']}"))

    rows = ["status = 'open'", "status = 'approved'", "status = 'archived'", "quantity = 0", "other_part = 'x'", "selected_part = 'Other'"]
    check_all(rows, refuses)


def _is(status: int, answer: Any) -> None:
    assert answer.status_code == status, answer.json
