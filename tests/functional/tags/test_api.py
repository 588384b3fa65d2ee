"""Tags over JSON."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from tests.services.apps import csrf_token, sign_in, token, user


@pytest.fixture
def staff(app: Flask) -> dict[str, str]:
    return token(app, "staff")


def asset(app: Flask, name: str = "laptop") -> int:
    with app.app_context():
        return asset_store().create(NewAsset(name))


def confirm(client: FlaskClient, headers: dict[str, str], tag: object, asset_id: object) -> TestResponse:
    return client.post("/confirm-asset-tag", json={"asset_tag": tag, "request_tracker_id": asset_id}, headers=headers)


def test_the_next_tag_is_shown_and_not_spent(client: FlaskClient, staff: dict[str, str]) -> None:
    answers = [client.get("/next-asset-tag", headers=staff).json for _ in range(2)]
    assert answers == [{"next_asset_tag": "W12-0001"}] * 2


def test_a_confirmed_tag_is_answered_as_documented_and_names_the_asset(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    asset_id = asset(app)
    answer = confirm(client, staff, "W12-0001", asset_id)
    assert (answer.status_code, answer.json) == (
        200,
        {
            "message": "Asset tag confirmation logged successfully. Asset name updated in RT.",
            "asset_tag": "W12-0001",
            "rt_asset_id": asset_id,
        },
    )
    with app.app_context():
        assert asset_store().get(asset_id).name == "W12-0001"
    assert client.get("/next-asset-tag", headers=staff).json == {"next_asset_tag": "W12-0002"}


def test_a_tag_that_is_not_free_is_409_with_its_holder(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    first = asset(app)
    confirm(client, staff, "W12-0001", first)
    answer = confirm(client, staff, "W12-0001", asset(app))
    assert (answer.status_code, answer.json["asset_id"], answer.json["code"]) == (409, first, "tag_taken")


def test_an_unknown_asset_is_404_and_spends_nothing(client: FlaskClient, staff: dict[str, str]) -> None:
    assert confirm(client, staff, "W12-0001", 99).status_code == 404
    assert client.get("/next-asset-tag", headers=staff).json == {"next_asset_tag": "W12-0001"}


@pytest.mark.parametrize(
    ("tag", "asset_id", "field"),
    [
        ("laptop", 1, "asset_tag"),
        ("", 1, "asset_tag"),
        (None, 1, "asset_tag"),
        ("W12-0001", "x", "request_tracker_id"),
        ("W12-0001", -1, "request_tracker_id"),
        ("W12-0001", 10**20, "request_tracker_id"),
    ],
)
def test_what_does_not_fit_is_said_with_its_field(
    client: FlaskClient, staff: dict[str, str], tag: object, asset_id: object, field: str
) -> None:
    answer = confirm(client, staff, tag, asset_id)
    assert (answer.status_code, answer.json["field"]) == (400, field)


def test_a_teacher_may_not_give_tags(app: Flask, client: FlaskClient) -> None:
    assert confirm(client, token(app, "teacher"), "W12-0001", 1).status_code == 403


def test_without_signing_in_there_is_no_tag(client: FlaskClient) -> None:
    answer = client.get("/next-asset-tag")
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_needs_its_csrf_token_to_change_something(app: Flask, client: FlaskClient) -> None:
    user(app, "staff")
    sign_in(client, "staff")
    body = {"asset_tag": "W12-0001", "request_tracker_id": asset(app)}
    assert client.post("/confirm-asset-tag", json=body).status_code == 403
    headers = {"X-CSRFToken": csrf_token(client, "/")}
    assert client.post("/confirm-asset-tag", json=body, headers=headers).status_code == 200
