"""People over JSON."""

from flask import Flask

from request_tracker_utils.attendance.reading import TerminalUser
from request_tracker_utils.attendance.storing import store_users
from request_tracker_utils.core.db import transaction
from tests.services.apps import signed_in
from tests.services.asking import Ask
from tests.services.attendance import NOW, added

PATH = "/api/attendance-people/"


def test_a_person_is_added_changed_found_and_deleted(app: Flask, ask: Ask) -> None:
    signed_in(app, "teacher", "lovelace")
    ids = [{"user_id": "17", "site": "North High", "valid_from": "2026-03-02"}]
    answer = ask("POST", PATH, role="admin", json={"name": "Ada", "ids": ids})
    person = {"id": 1, "name": "Ada", "account": "", "notes": "", "ids": ids}
    assert (answer.status_code, answer.json) == (201, person)
    assert ask("POST", PATH, role="admin", json={"name": "Grace", "ids": ids}).json["code"] == "user_id_taken"
    assert ask("PATCH", f"{PATH}1", role="admin", json={"name": "Ada King", "account": "Lovelace"}).json["account"] == "lovelace"
    page = ask("GET", f"{PATH}?search=king").json
    assert (page["count"], page["results"]) == (1, [{**person, "name": "Ada King", "account": "lovelace"}])
    assert (ask("GET", f"{PATH}1").json["ids"], ask("GET", f"{PATH}?search=grace").json["count"]) == (ids, 0)
    for body in ({"name": " "}, {"account": "nobody"}, {"ids": [{"user_id": ""}]}, {"other": 1}):
        assert ask("PATCH", f"{PATH}1", role="admin", json=body).status_code == 400, body
    assert ask("DELETE", f"{PATH}1", role="admin").status_code == 200
    assert [ask(method, f"{PATH}1", role="admin", json={}).status_code for method in ("PATCH", "DELETE")] == [404, 404]
    assert [ask("GET", f"{PATH}{1 << bits}").json["code"] for bits in (31, 63, 70)] == ["person_not_found"] * 3


def test_people_are_merged_and_split_once(ask: Ask) -> None:
    ids = [{"user_id": user_id, "site": "North High", "valid_from": None} for user_id in ("17", "18")]
    for name, each in zip(("Ada", "Grace"), ids, strict=True):
        ask("POST", PATH, role="admin", json={"name": name, "ids": [each]})
    merged = ask("POST", f"{PATH}1/merge", role="admin", json={"people": [2]})
    assert (merged.status_code, merged.json["name"], merged.json["ids"]) == (200, "Ada", ids)
    again = ask("POST", f"{PATH}1/merge", role="admin", json={"people": [2]})
    assert (again.status_code, again.json["code"]) == (409, "people_merged")
    split = ask("POST", f"{PATH}1/split", role="admin", json={"name": "Grace", "ids": ids[1:]})
    assert (split.status_code, split.json["name"], split.json["ids"]) == (201, "Grace", ids[1:])
    again = ask("POST", f"{PATH}1/split", role="admin", json={"name": "Grace", "ids": ids[1:]})
    assert (again.status_code, again.json["code"]) == (409, "user_id_of_other")
    for action, body, status in (
        ("1/merge", {"people": [9]}, 404),
        ("1/merge", {"people": [1]}, 400),
        ("1/merge", {"people": []}, 400),
        ("9/merge", {"people": [1]}, 404),
        ("1/split", {"name": "Grace", "ids": ids[:1]}, 400),
        ("1/split", {"name": "Grace", "ids": [{"user_id": ""}]}, 400),
        ("9/split", {"name": "Grace", "ids": ids}, 404),
    ):
        assert ask("POST", f"{PATH}{action}", role="admin", json=body).status_code == status, (action, body)
    assert ask("GET", PATH).json["count"] == 2


def test_people_are_created_from_users_of_terminals_a_conflict_resolved_and_all_of_it_undone(app: Flask, ask: Ask) -> None:
    with app.app_context():
        for address, site, users in (
            ("10.0.0.50", "North High", (("17", "Ada Lovelace"), ("18", "Grace Hopper"))),
            ("10.0.0.51", "South High", (("17", "Alan Turing"), ("40", "Hopper, Grace"))),
        ):
            terminal = added(site, address, site=site)
            with transaction() as session:
                store_users(session, terminal.id, [TerminalUser(uid, *user) for uid, user in enumerate(users, start=1)], now=NOW)
    rows, page = [], ask("GET", f"{PATH}unassigned/?page_size=3").json
    while True:
        rows += [(each["site"], each["user_id"], each["name"], each["ready"]) for each in page["results"]]
        if page["next"] is None:
            break
        page = ask("GET", page["next"]).json
    assert (page["count"], rows) == (
        4,
        [
            ("North High", "17", "Ada Lovelace", True),
            ("North High", "18", "Grace Hopper", False),
            ("South High", "17", "Alan Turing", True),
            ("South High", "40", "Hopper, Grace", False),
        ],
    )
    one = {"users": [{"user_id": "17", "site": "south high"}, {"user_id": "18", "site": "North High"}, {"user_id": "99"}]}
    answers = [ask("POST", f"{PATH}unassigned/", role="admin", json=body).json for body in (one, one, {}, {})]
    assert answers == [{"created": 1}, {"created": 0}, {"created": 1}, {"created": 0}]
    conflict = ask("GET", f"{PATH}conflicts/").json["results"][0]
    assert (conflict["kind"], [each["name"] for each in conflict["names"]], conflict["people"], conflict["choices"]) == (
        *("same_name", ["Grace Hopper", "Hopper, Grace"], []),
        ["same", "different"],
    )
    path = f"{PATH}conflicts/{conflict['fingerprint']}"
    assert [ask("POST", path, role="admin", json=body).status_code for body in ({"choice": "rename"}, {"choice": "x"}, {})] == [400] * 3
    assert ask("POST", path, role="admin", json={"choice": "same"}).json == {**answered(conflict), "choice": "same"}
    again = ask("POST", path, role="admin", json={"choice": "same"})
    assert (again.status_code, again.json["code"]) == (409, "name_conflict_gone")
    assert [ask("GET", f"{PATH}{rows}/").json["count"] for rows in ("conflicts", "unassigned")] == [0, 0]
    changes = ask("GET", f"{PATH}changes/").json
    assert [(each["id"], each["kind"], each["subject"]) for each in changes["results"]] == [
        (3, "created", "Grace Hopper"),
        (2, "created", "Ada Lovelace"),
        (1, "created", "Alan Turing"),
    ]
    undone = ask("POST", f"{PATH}changes/3/undo", role="admin", json={})
    assert (undone.status_code, undone.json["undone_by"] is None) == (200, False)
    again = ask("POST", f"{PATH}changes/3/undo", role="admin", json={})
    assert (again.status_code, again.json["code"]) == (409, "people_changed_since")
    assert ask("POST", f"{PATH}changes/9/undo", role="admin", json={}).status_code == 404
    assert (ask("GET", PATH).json["count"], ask("GET", f"{PATH}conflicts/").json["count"]) == (2, 1)


def answered(conflict: dict[str, object]) -> dict[str, object]:
    return {name: conflict[name] for name in ("fingerprint", "kind")}
