"""The OpenAPI document: it holds every JSON route, whole, and the routes do what it says."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from flask_openapi3 import APIBlueprint
from jsonschema_rs import Draft202012Validator
from pydantic import BaseModel
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.specs.openapi.definitions import OPENAPI_31

from request_tracker_utils import __version__
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.web import openapi, openapi_views
from request_tracker_utils.web.openapi import operations
from tests.services.apps import WEBHOOK_TOKEN, sign_in, token, user
from tests.services.installation import Installation

DOCUMENT = "/openapi/openapi.json"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def document(client: FlaskClient, admin_token: dict[str, str]) -> dict[str, Any]:
    answer = client.get(DOCUMENT, headers=admin_token)
    assert answer.status_code == 200
    return dict(answer.json)


def documented(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, method, operation in operations(document):
        yield f"{method} {path}", operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What goes in and out, with where it stands."""
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        yield f"body {media_type}", media
    for status, answer in operation["responses"].items():
        for media_type, media in answer["content"].items():
            yield f"{status} {media_type}", media


def as_documented(path: str) -> str:
    return path.replace("<int:", "{").replace("<", "{").replace(">", "}")


def test_every_route_of_an_api_blueprint_is_in_the_document(app: Flask, document: dict[str, Any]) -> None:
    missing = [
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if isinstance(app.blueprints.get(rule.endpoint.split(".")[0]), APIBlueprint)
        for method in (rule.methods or set()) & METHODS
        if method.lower() not in document["paths"].get(as_documented(rule.rule), {})
    ]
    assert missing == []


def test_every_other_route_that_answers_json_is_in_the_document(
    app: Flask, client: FlaskClient, admin_token: dict[str, str], document: dict[str, Any]
) -> None:
    missing = []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or as_documented(rule.rule) in document["paths"]:
            continue
        with client.get(rule.rule.replace("<int:", "<").replace("<asset_id>", "1"), headers=admin_token) as answer:
            if answer.is_json and answer.status_code not in (400, 401, 403, 404):
                missing.append(f"{rule.rule}: {answer.status_code}")
    assert missing == []


def test_every_operation_says_what_it_does_takes_and_answers(document: dict[str, Any]) -> None:
    lacks = []
    for name, operation in documented(document):
        if not operation["summary"] or operation["summary"].endswith("."):
            lacks.append(f"{name}: a summary")
        if not any(status < "300" and "application/json" in answer["content"] for status, answer in operation["responses"].items()):
            lacks.append(f"{name}: the schema of its answer")
        for where, media in contents(operation):
            if not ("example" in media or media.get("examples")):
                lacks.append(f"{name}: an example of its {where}")
        for parameter in operation.get("parameters", []):
            if not parameter.get("description") or "example" not in parameter:
                lacks.append(f"{name}: description and example of {parameter['name']}")
    assert lacks == []


def test_every_schema_has_an_example_that_it_allows(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        assert schema["examples"], name
        for example in schema["examples"]:
            assert Draft202012Validator(whole).is_valid(example), name


def test_each_schema_is_of_one_class(document: dict[str, Any]) -> None:
    """The document has one schema for a name, so that a second class of that name would be documented as the first."""
    classes = Counter(each.__name__ for each in _models(BaseModel) if each.__module__.startswith("request_tracker_utils."))
    assert [name for name in document["components"]["schemas"] if classes[name] > 1] == []


def _models(base: type[BaseModel]) -> set[type[BaseModel]]:
    return {each for direct in base.__subclasses__() for each in (direct, *_models(direct))}


def test_every_example_response_matches_its_schema(document: dict[str, Any]) -> None:
    for name, operation in documented(document):
        for where, media in contents(operation):
            validator = Draft202012Validator({**media["schema"], "components": document["components"]})
            shown = [media["example"]] if "example" in media else [one["value"] for one in media["examples"].values()]
            for example in shown:
                assert validator.is_valid(example), f"{name}: {where}"


def test_every_tag_is_described_and_every_operation_has_one(document: dict[str, Any]) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert described == {tag for _, operation in documented(document) for tag in operation["tags"]}


def test_it_names_this_program_and_this_installation(document: dict[str, Any]) -> None:
    assert (document["openapi"], document["info"]["version"]) == ("3.1.0", __version__)
    assert [server["url"] for server in document["servers"]] == ["http://127.0.0.1:8080"]


def test_it_says_who_may_call_what_and_how(document: dict[str, Any]) -> None:
    read, assign = ["tags:tag:read"], ["tags:tag:assign"]
    paths = document["paths"]
    assert paths["/next-asset-tag"]["get"]["security"] == [
        {"personalToken": read},
        {"personalTokenAsToken": read},
        {"requestTrackerToken": read},
        {"session": read},
    ]
    assert paths["/confirm-asset-tag"]["post"]["security"][-1] == {"session": assign, "csrfToken": []}
    assert "Roles: admin, staff." in paths["/confirm-asset-tag"]["post"]["description"]
    assert paths["/webhook/asset-created"]["post"]["security"] == [{"webhookSecret": []}]


def test_it_says_that_a_printed_label_is_a_rendered_one(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["CreatedAssetResponse"]["properties"]
    assert "rendered" in fields["label_printed"]["description"]
    assert "does not mean that paper came out" in fields["label_printed"]["description"]
    assert "`label_printed` is false" in fields["retry_print_url"]["description"]


def test_each_way_in_that_it_names_is_described(document: dict[str, Any]) -> None:
    named = {scheme for _, operation in documented(document) for way in operation["security"] for scheme in way}
    assert named == set(document["components"]["securitySchemes"])


def test_errors_are_documented_by_status(document: dict[str, Any]) -> None:
    responses = document["paths"]["/confirm-asset-tag"]["post"]["responses"]
    assert list(responses) == ["200", "400", "401", "403", "404", "409", "413", "429", "502", "503"]
    assert set(responses["409"]["content"]["application/json"]["examples"]) == {"asset_has_tag", "directory_conflict", "tag_taken"}


def test_the_document_and_its_page_require_authentication(client: FlaskClient) -> None:
    assert client.get(DOCUMENT).status_code == 401
    assert client.get("/openapi/").status_code == 401


@pytest.mark.parametrize("role", ["student", "user", "teacher"])
def test_whoever_is_signed_in_reads_both_and_finds_the_page(app: Flask, client: FlaskClient, role: str) -> None:
    user(app, role)
    sign_in(client, role)
    assert client.get(DOCUMENT).status_code == 200
    assert client.get("/openapi/", headers={"Accept": "text/html"}).status_code == 200
    assert 'href="/openapi/"' in client.get("/", headers={"Accept": "text/html"}).get_data(as_text=True)


def test_they_are_built_once(own_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building them takes half a second of a processor, and everybody with an account may ask for them."""
    built: list[int] = []
    monkeypatch.setattr(openapi_views, "document", lambda: built.append(1) or openapi.document())
    for headers in (token(own_app, "student"), token(own_app, "admin")):
        for path in (DOCUMENT, "/openapi/"):
            assert own_app.test_client().get(path, headers=headers).status_code == 200
    assert len(built) == 1


def test_the_page_shows_every_operation_with_a_call_to_copy(
    client: FlaskClient, admin_token: dict[str, str], document: dict[str, Any]
) -> None:
    page = client.get("/openapi/", headers=admin_token).get_data(as_text=True)
    for path, _, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in page
        assert f"curl http://127.0.0.1:8080{path}" in page.replace("&#39;", "")


# What only holds where callers see objects of their own, or where something can be deleted, is left out: neither is here.
LEFT_OUT = ("object_level_authorization", "use_after_free", "ensure_resource_availability")
EXAMPLES = 8
"""Calls of each operation beside those at the edges of its schema."""


def config(headers: dict[str, str]) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": 20260101,
            "headers": headers,
            "continue-on-failure": True,
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none", "with-security-parameters": False},
            "phases": {"stateful": {"enabled": False}},
            "checks": {check: {"enabled": False} for check in LEFT_OUT},
            "operations": [
                {"include-path": "/webhook/asset-created", "headers": {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}},
                # Which texts are tags, the installation decides and no schema: what fits the schema may be refused all the same.
                {"include-path": "/confirm-asset-tag", "checks": {"positive_data_acceptance": {"enabled": False}}},
                # The same goes for the names of label formats; and of three ways to name the asset one must be taken.
                {"include-path": "/labels/debug", "checks": {"positive_data_acceptance": {"enabled": False}}},
                # Few texts are the name and the password of an account, and after many others the address has to wait.
                {"include-path-regex": "^/api/(login|register)$", "checks": {"positive_data_acceptance": {"enabled": False}}},
                # A serial number is taken once, and a text may hold characters that no schema can tell from others. At the same address
                # stands the page for people, which is no part of this document.
                {
                    "include-path": "/assets/create",
                    "checks": {
                        name: {"enabled": False} for name in ("positive_data_acceptance", "unsupported_method", "allow_header_conformance")
                    },
                },
                # Which letters a number, a tag or a name may hold, and which grades there are, no schema says.
                {
                    "include-path-regex": "^/api/(students|devices)(?!/stats$|/batch-checkin$)",
                    "checks": {"positive_data_acceptance": {"enabled": False}},
                },
                # At these addresses other methods mean the student, or the device, that is called so: there is none.
                {
                    "include-path-regex": "^/api/(students/stats|devices/batch-checkin|devices/poll_all/)$",
                    "checks": {
                        name: {"enabled": False}
                        for name in (
                            "unsupported_method",
                            "allow_header_conformance",
                            "status_code_conformance",
                            "positive_data_acceptance",
                        )
                    },
                },
                # Which texts are lengths, which numbers are pieces, and which parts are listed, no schema says.
                {
                    "include-path-regex": "^/api/(cable-|inventory/|optics-|tickets)",
                    "checks": {"positive_data_acceptance": {"enabled": False}},
                },
                # What is a zone, an address or a cursor, no schema says.
                {
                    "include-path-regex": "^/api/(terminals|(raw|processed)-attendance|missed-p|(punch|workday)-comp|attendance-people)",
                    "checks": {"positive_data_acceptance": {"enabled": False}},
                },
                # Which days a holiday or change may have, and which characters a name, no schema says.
                {
                    "include-path-regex": "^/api/(calendars|holidays|staff-groups)",
                    "checks": {"positive_data_acceptance": {"enabled": False}},
                },
                # Nothing listens where the terminals of these calls should be: 503 says so.
                {
                    "include-path-regex": "^/api/terminals/.*/(clock|info|poll|test)/$",
                    "checks": {name: {"enabled": False} for name in ("positive_data_acceptance", "not_a_server_error")},
                },
                # The contract answers a missing serial number with its own words, so that it must be let in.
                {"include-path": "/assets/validate-serial", "checks": {"positive_data_acceptance": {"enabled": False}}},
            ],
        }
    )


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    running = Installation(tmp_path, database_url, "W12-")
    yield running
    running.close()


def test_schemathesis_finds_nothing_that_is_not_as_documented(installation: Installation) -> None:
    admin = token(installation.app, "admin")
    with installation.app.app_context():
        for name in ("laptop", "projector", "cart"):
            asset_store().create(NewAsset(name))
    schema = schemathesis.openapi.from_url(installation.server.url + DOCUMENT, config=config(admin), headers=dict(admin))
    problems, tried = dict[tuple[str, str], str](), Counter[str]()
    for event in from_schema(schema).execute():
        assert not isinstance(event, FatalError), event
        if isinstance(event, NonFatalError):
            problems[event.label, "error"] = str(event.value)
        if not isinstance(event, ScenarioFinished):
            continue
        for case_id, checks in event.recorder.checks.items():
            tried[event.recorder.cases[case_id].value.operation.label] += 1
            for check in checks:
                if check.failure_info is not None:
                    problems[event.label or "", check.name] = f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
    assert not problems, "\n\n".join(f"{label}, {name}: {problem}" for (label, name), problem in problems.items())
    assert all(tried[operation.ok().label] >= 2 for operation in schema.get_all_operations()), tried


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert [error.message for error in Draft202012Validator(OPENAPI_31).iter_errors(document)] == []
