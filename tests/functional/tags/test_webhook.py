"""The webhook as Request Tracker calls it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.services.apps import WEBHOOK_TOKEN, token

SECRET = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}


def call(client: FlaskClient, **body: object) -> TestResponse:
    return client.post("/webhook/asset-created", json=body, headers=SECRET)


def test_a_new_asset_is_answered_with_its_tag(client: FlaskClient) -> None:
    answer = call(client, asset_id=12345, asset_name="Laptop Model X", created_by="admin_user")
    assert answer.status_code == 200
    assert answer.json == {
        "message": "Asset tag W12-0001 assigned to asset 12345",
        "asset_id": 12345,
        "asset_tag": "W12-0001",
        "previous_name": "Laptop Model X",
    }


def test_the_bare_scrips_call_is_enough(client: FlaskClient) -> None:
    answer = call(client, asset_id=7, event="create", timestamp=1760000000)
    assert (answer.json["asset_tag"], answer.json["previous_name"]) == ("W12-0001", None)


def test_an_id_as_text_is_the_same_asset(client: FlaskClient) -> None:
    assert call(client, asset_id="7").json["asset_tag"] == call(client, asset_id=7).json["asset_tag"] == "W12-0001"


def test_called_in_parallel_for_one_asset_it_gives_one_tag(app: Flask, client: FlaskClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        tags = {answer.json["asset_tag"] for answer in pool.map(lambda _: call(app.test_client(), asset_id=7), range(24))}
    assert tags == {"W12-0001"}
    assert call(client, asset_id=8).json["asset_tag"] == "W12-0002"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": WEBHOOK_TOKEN}, {"Authorization": f"Basic {WEBHOOK_TOKEN}"}]
)
def test_without_its_secret_nothing_is_given(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post("/webhook/asset-created", json={"asset_id": 7}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert call(client, asset_id=8).json["asset_tag"] == "W12-0001"


def test_a_users_token_is_not_its_secret(app: Flask, client: FlaskClient) -> None:
    assert client.post("/webhook/asset-created", json={"asset_id": 7}, headers=token(app, "admin")).status_code == 401


@pytest.mark.parametrize("number", [b"12", b"12.0", b"1.2e1", b'"12"', b'" 12 "'])
def test_one_number_is_one_asset_however_it_is_written(client: FlaskClient, number: bytes) -> None:
    answer = client.post("/webhook/asset-created", data=b'{"asset_id": %s}' % number, content_type="application/json", headers=SECRET)
    assert (answer.status_code, answer.json["asset_id"]) == (200, 12)


@pytest.mark.parametrize("asset_id", [0, -1, 2**31, 10**30, "abc", "-5", "", " ", "٣", 1.5, True, None, [1], {"a": 1}])
def test_what_is_no_assets_number_is_refused_by_name(client: FlaskClient, asset_id: object) -> None:
    answer = call(client, asset_id=asset_id)
    assert (answer.status_code, answer.json["field"]) == (400, "asset_id")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"3", b"{", b"{}", b"\xff\xfe", b'"text"'])
def test_a_body_that_is_no_call_is_refused(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/webhook/asset-created", data=body, content_type="application/json", headers=SECRET)
    assert (answer.status_code, answer.is_json) == (400, True)


def test_a_body_nested_past_all_sense_is_refused(client: FlaskClient) -> None:
    for body in (b"[" * 200_000, b'{"asset_id":' * 50_000):
        assert client.post("/webhook/asset-created", data=body, content_type="application/json", headers=SECRET).status_code == 400


def test_a_name_that_no_database_stores_keeps_no_asset_from_its_tag(client: FlaskClient) -> None:
    assert call(client, asset_id=3, asset_name="lap\0top").json["previous_name"] == "laptop"


@pytest.mark.parametrize("catalog", ["Chrome\0books", "", "x" * 1000, "'; --", "🎒", None])
def test_an_odd_catalog_keeps_no_asset_from_its_tag(client: FlaskClient, catalog: str | None) -> None:
    assert call(client, asset_id=3, catalog=catalog).json["asset_tag"] == "W12-0001"


def test_no_body_at_all_is_refused(client: FlaskClient) -> None:
    assert client.post("/webhook/asset-created", headers=SECRET).status_code == 400


def test_ten_megabytes_are_refused(client: FlaskClient) -> None:
    answer = client.post("/webhook/asset-created", json={"asset_id": 1, "asset_name": "x" * 10_000_000}, headers=SECRET)
    assert (answer.status_code, answer.is_json) == (413, True)


@pytest.mark.parametrize("name", ["O'Neil's \"best\"", "<script>alert(1)</script>", "🎒🖥", "x" * 300, "", "\u202eevil"])
def test_odd_names_are_told_back_as_they_were(client: FlaskClient, name: str) -> None:
    assert call(client, asset_id=3, asset_name=name).json["previous_name"] == (name or None)
