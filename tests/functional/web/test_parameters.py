"""Query parameters that a route of the API does not have are rejected with those that it has; pages ignore them."""

import re

from flask import Flask
from flask.testing import FlaskClient
from flask_openapi3 import APIBlueprint

from tests.services.apps import sign_in, user
from tests.services.tables import check_all

STUDENTS = "page, page_size, after, search, grade, status, sort"


def test_an_unknown_parameter_of_a_list_is_rejected_with_the_known_ones(client: FlaskClient, admin_token: dict[str, str]) -> None:
    def check(path: str, field: str, hint: str) -> None:
        answer = client.get(path, headers=admin_token)
        assert (answer.status_code, answer.json["code"], answer.json["field"]) == (400, "invalid", field)
        assert answer.json["error"] == f"{field}: unknown parameter. {hint}"
        assert answer.json["details"][0] == {"field": field, "problem": "unknown parameter"}

    known = "The known parameters are {}."
    check_all(
        [
            ("/api/students?limit=5", "limit", known.format(STUDENTS)),
            ("/api/students?limit=", "limit", known.format(STUDENTS)),
            ("/api/students?page=1&Grade=9", "Grade", known.format(STUDENTS)),
            ("/api/students?grade=9&offset=2&limit=5", "offset", known.format(STUDENTS)),
            ("/api/devices?limit=5", "limit", known.format("page, page_size, after, search, status, sort")),
            ("/api/devices/W12-0001/history?limit=5", "limit", known.format("page, page_size")),
            ("/api/scan/recent?limit=5", "limit", known.format("after, student_id")),
            ("/api/jobs?limit=5", "limit", "This address takes no parameters."),
            ("/api/students/stats?limit=5", "limit", "This address takes no parameters."),
        ],
        check,
    )
    assert client.get("/api/students?grade=9&page=1&page_size=5&status=active&search=a&sort=name", headers=admin_token).status_code == 200
    assert client.get("/api/devices?status=available", headers=admin_token).status_code == 200


def test_every_route_of_the_api_that_reads_rejects_them(app: Flask, client: FlaskClient, admin_token: dict[str, str]) -> None:
    paths = [
        re.sub("<[^>]+>", "1", rule.rule)
        for rule in app.url_map.iter_rules()
        if isinstance(app.blueprints.get(rule.endpoint.split(".")[0]), APIBlueprint)
        and "GET" in (rule.methods or ())
        and rule.rule.startswith("/api/")
        and rule.rule != "/api/health"
        and not rule.rule.endswith("<token>")  # programs that scan mail add parameters to links
    ]
    assert len(paths) > 10

    def check(path: str) -> None:
        answer = client.get(f"{path}?nonsense=1", headers=admin_token)
        assert (answer.status_code, "nonsense: unknown parameter" in answer.get_data(as_text=True)) == (400, True)
        assert client.get(f"{path}?nonsense=1").status_code == 401
        assert client.head(f"{path}?nonsense=1", headers=admin_token).status_code == 400

    check_all([(path,) for path in paths], check)


def test_they_are_documented(client: FlaskClient, admin_token: dict[str, str]) -> None:
    document = client.get("/openapi/openapi.json", headers=admin_token).json
    assert "the error names the known parameters" in document["info"]["description"]
    lists = [path for path in document["paths"] if path.startswith("/api/") and "get" in document["paths"][path] and path != "/api/health"]
    assert [path for path in lists if "400" not in document["paths"][path]["get"]["responses"]] == []


def test_health_checks_pages_and_changes_ignore_them(app: Flask, client: FlaskClient, admin_token: dict[str, str]) -> None:
    assert client.get("/api/health?_=1").status_code == 200
    assert client.get("/next-asset-tag?_=1", headers=admin_token).status_code == 200
    student = {"student_id": "1", "first_name": "Ada", "last_name": "Lovelace"}
    assert client.post("/api/students?utm=1", json=student, headers=admin_token).status_code == 201
    user(app, "staff")
    sign_in(client, "staff")
    check_all([("/students",), ("/devices",), ("/assets",), ("/tags/pending",)], lambda path: assert_page(client, path))


def assert_page(client: FlaskClient, path: str) -> None:
    assert client.get(f"{path}?limit=5", headers={"Accept": "text/html"}).status_code == 200
