"""People over JSON."""

from flask import Flask

from tests.services.apps import signed_in
from tests.services.asking import Ask

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
