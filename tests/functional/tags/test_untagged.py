"""The pages on which assets without a tag are found, chosen and tagged."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core import jobs
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import csrf_token, sign_in, user

PAGE = {"Accept": "text/html"}
SWEEP = "/admin/asset-tags/sweep"


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> FlaskClient:
    user(app, "admin")
    sign_in(client, "admin")
    return client


def asset(app: Flask, name: str, catalog: str = "Chromebooks", serial: str = "") -> int:
    with app.app_context():
        return asset_store().create(NewAsset(name, catalog, serial))


def name_of(app: Flask, asset_id: int) -> str:
    with app.app_context():
        return asset_store().get(asset_id).name


def run(app: Flask, job: str) -> int:
    with app.app_context():
        return jobs.run(registry_of(app).jobs.named(job))


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path, headers=PAGE)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def press(client: FlaskClient, path: str, status: int = 303, **fields: object) -> str:
    """Sends a form. Returns where it leads, or the page that it shows."""
    answer = client.post(path, data={"csrf_token": csrf_token(client, "/me"), **fields}, headers=PAGE)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.headers["Location"] if status == 303 else answer.get_data(as_text=True)


def test_chosen_assets_are_tagged_by_a_task_that_leads_to_their_labels(app: Flask, admin: FlaskClient) -> None:
    ids = [asset(app, f"laptop {number}") for number in range(4)]
    listed = page(admin, "/tags/untagged?catalog=Chromebooks")
    assert all(f"laptop {number}" in listed for number in range(4))
    task = press(admin, "/tags/untagged", asset_ids=ids[1:])
    assert name_of(app, ids[1]) == "laptop 1", "it is a task and not the request that tags"
    run(app, "run-tasks")
    assert name_of(app, ids[0]) == "laptop 0"
    assert {name_of(app, each) for each in ids[1:]} == {"W12-0001", "W12-0002", "W12-0003"}, "several are tagged at once, in no order"
    shown = page(admin, task)
    assert "3 assets have their tags." in shown
    assert re.search(r'href="/labels/batch\?task=\d+"', shown)
    assert "laptop 0" in (left := page(admin, "/tags/untagged?catalog=Chromebooks"))
    assert "laptop 1" not in left


def test_a_search_narrows_what_may_be_chosen(app: Flask, admin: FlaskClient) -> None:
    asset(app, "laptop", serial="ABC1")
    asset(app, "projector", serial="XYZ2")
    found = page(admin, "/tags/untagged?catalog=Chromebooks&q=abc")
    assert "laptop" in found
    assert "projector" not in found
    assert "Nothing found" in page(admin, "/tags/untagged?catalog=Chromebooks&q=nothing+like+it")


@pytest.mark.parametrize("ids", [[], ["x"], ["-1"], ["0"], ["9" * 30], [str(number) for number in range(1, 502)]])
def test_nothing_and_too_much_are_refused(admin: FlaskClient, ids: list[str]) -> None:
    assert "at most 500" in press(admin, "/tags/untagged", 400, asset_ids=ids)


def test_what_has_its_tag_by_now_is_left_out(app: Flask, admin: FlaskClient) -> None:
    one, two = asset(app, "one"), asset(app, "two")
    press(admin, f"/assets/{one}/tag")
    press(admin, "/tags/untagged", asset_ids=[one, two])
    run(app, "run-tasks")
    assert (name_of(app, one), name_of(app, two)) == ("W12-0001", "W12-0002")
    assert "has its tag already" in press(admin, "/tags/untagged", 400, asset_ids=[one])


def test_the_sweep_is_tried_dry_switched_on_and_tags_by_itself(app: Flask, admin: FlaskClient) -> None:
    laptop, other = asset(app, "laptop"), asset(app, "projector", "General assets")
    assert "Switch it on" not in page(admin, SWEEP)
    press(admin, f"{SWEEP}/switch", 409, on="1")
    press(admin, f"{SWEEP}/run", 409)
    assert "at least one catalog" in press(admin, f"{SWEEP}/try", 400)
    task = press(admin, f"{SWEEP}/try", catalogs=["Chromebooks"])
    run(app, "run-tasks")
    tried = page(admin, task)
    assert "1 asset has no tag. Nothing was changed." in tried
    assert "laptop" in tried
    assert name_of(app, laptop) == "laptop"
    assert "Switch it on" in page(admin, SWEEP)
    assert run(app, "sweep-untagged") == 0, "it is still off"
    press(admin, f"{SWEEP}/switch", on="1")
    assert run(app, "sweep-untagged") == 1
    run(app, "run-tasks")
    assert (name_of(app, laptop), name_of(app, other)) == ("W12-0001", "projector")
    assert "Switch it off" in page(admin, SWEEP)
    press(admin, f"{SWEEP}/switch", on="0")
    asset(app, "another")
    assert run(app, "sweep-untagged") == 0


def test_what_was_tried_can_be_tagged_once_without_switching_the_sweep_on(app: Flask, admin: FlaskClient) -> None:
    ids = [asset(app, f"laptop {number}") for number in range(3)]
    press(admin, f"{SWEEP}/try", catalogs=["Chromebooks"])
    run(app, "run-tasks")
    assert "Tag these 3 now, once" in page(admin, SWEEP)
    press(admin, f"{SWEEP}/run")
    run(app, "run-tasks")
    assert {name_of(app, each) for each in ids} == {"W12-0001", "W12-0002", "W12-0003"}
    assert run(app, "sweep-untagged") == 0


def test_a_catalog_that_vanished_is_said(app: Flask, admin: FlaskClient) -> None:
    task = press(admin, f"{SWEEP}/try", catalogs=["Gone", "Chromebooks"])
    run(app, "run-tasks")
    assert "no catalog Gone" in page(admin, task)
    assert "no catalog Gone any more" in page(admin, SWEEP)
