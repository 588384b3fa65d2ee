"""Calling an asset otherwise."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core.db import reading
from request_tracker_utils.tags.models import TagEvent
from tests.services.apps import token


@pytest.fixture
def staff(app: Flask) -> dict[str, str]:
    return token(app, "staff")


def asset(app: Flask, name: str = "laptop") -> int:
    with app.app_context():
        return asset_store().create(NewAsset(name))


def name_of(app: Flask, asset_id: int) -> str:
    with app.app_context():
        return asset_store().get(asset_id).name


def update(client: FlaskClient, headers: dict[str, str], asset_id: object, name: object) -> TestResponse:
    return client.post("/update-asset-name", json={"asset_id": asset_id, "asset_name": name}, headers=headers)


def events(app: Flask, asset_id: int) -> list[tuple[str, str, str | None, str | None]]:
    with app.app_context(), reading() as session:
        rows = session.scalars(select(TagEvent).where(TagEvent.asset_id == asset_id).order_by(TagEvent.id))
        return [(row.action, row.tag, row.old_name, row.new_name) for row in rows]


def test_it_is_renamed_in_the_directory_and_that_is_on_the_trail(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    asset_id, name = asset(app), "Cart 4 of the library, in front of the window"
    answer = update(client, staff, asset_id, name)
    assert (answer.status_code, answer.json) == (
        200,
        {"message": f"Asset {asset_id} is called {name} now.", "asset_id": asset_id, "old_name": "laptop", "new_name": name},
    )
    assert name_of(app, asset_id) == name
    assert events(app, asset_id) == [("renamed", "Cart 4 of the library, in ", "laptop", name)]


def test_a_name_that_is_a_tag_becomes_the_assets_tag(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    asset_id, other = asset(app), asset(app, "tablet")
    assert update(client, staff, asset_id, "W12-0001").json["old_name"] == "laptop"
    assert client.get("/next-asset-tag", headers=staff).json == {"next_asset_tag": "W12-0002"}
    assert [event[0] for event in events(app, asset_id)] == ["reserved", "assigned"]
    again = update(client, staff, asset_id, "W12-0001")
    assert (again.status_code, again.json["old_name"]) == (200, "W12-0001")
    taken = update(client, staff, other, "W12-0001")
    assert (taken.status_code, taken.json["code"], taken.json["asset_id"]) == (409, "tag_taken", asset_id)
    assert name_of(app, other) == "tablet"


def test_an_asset_that_has_a_tag_is_not_called_otherwise(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    asset_id = asset(app)
    update(client, staff, asset_id, "W12-0001")
    for name in ("laptop", "W12-0002", "w12-0001"):
        answer = update(client, staff, asset_id, name)
        assert (answer.status_code, answer.json["code"], answer.json["asset_tag"]) == (409, "asset_has_tag", "W12-0001")
    assert name_of(app, asset_id) == "W12-0001"


def test_an_unknown_asset_is_404_and_nothing_is_written_down(app: Flask, client: FlaskClient, staff: dict[str, str]) -> None:
    for name in ("laptop", "W12-0001"):
        assert update(client, staff, 99, name).status_code == 404
    assert events(app, 99) == [("reserved", "W12-0001", None, "W12-0001"), ("released", "W12-0001", None, "W12-0001")]


@pytest.mark.parametrize(
    ("asset_id", "name", "field"),
    [
        (1, "", "asset_name"),
        (1, "   ", "asset_name"),
        (1, "x" * 256, "asset_name"),
        (1, "a\nb", "asset_name"),
        (1, "a\0b", "asset_name"),
        (1, None, "asset_name"),
        (1, 5, "asset_name"),
        (0, "laptop", "asset_id"),
        ("x", "laptop", "asset_id"),
    ],
)
def test_what_does_not_fit_is_said_with_its_field(
    client: FlaskClient, staff: dict[str, str], asset_id: object, name: object, field: str
) -> None:
    answer = update(client, staff, asset_id, name)
    assert (answer.status_code, answer.json["field"]) == (400, field)


@pytest.mark.parametrize("name", ["O'Neil's \"best\"", "<script>alert(1)</script>", "🎒🖥", "x" * 255, "=1+1"])
def test_odd_names_are_set_as_they_are(app: Flask, client: FlaskClient, staff: dict[str, str], name: str) -> None:
    asset_id = asset(app)
    assert update(client, staff, asset_id, name).json["new_name"] == name_of(app, asset_id) == name
