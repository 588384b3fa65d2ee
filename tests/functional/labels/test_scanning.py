"""Scanning labels: what counts, what is told of everything else, and that the directory need not answer."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels import record
from request_tracker_utils.labels.models import LabelledAsset
from tests.functional.labels.conftest import Make
from tests.services.apps import csrf_token

JSON = {"Accept": "application/json"}
PAGE = {"Accept": "text/html"}


def scan(client: FlaskClient, text: str, headers: dict[str, str] = JSON) -> TestResponse:
    return client.post("/labels/scan", data={"csrf_token": csrf_token(client, "/labels/scan"), "text": text}, headers=headers)


def label(app: Flask, asset_id: int) -> LabelledAsset | None:
    with app.app_context(), reading() as session:
        return record.of_asset(session, asset_id)


@pytest.fixture
def here(app: Flask) -> str:
    """Where people reach the program."""
    with app.app_context():
        from request_tracker_utils.web.registry import settings

        return settings().public_address()


def test_a_printed_label_is_marked_by_its_tag_or_its_address(app: Flask, staff: FlaskClient, tagged: Make, here: str) -> None:
    ids = [tagged(serial=f"S-{number}") for number in range(2)]
    for asset_id in ids:
        staff.get(f"/labels/print?asset_id={asset_id}")
    first, second = scan(staff, " w12-0001\r\n"), scan(staff, f"{here}/assets/{ids[1]}")
    assert (first.status_code, first.json["name"], second.json["name"]) == (200, "W12-0001", "W12-0002")
    for asset_id in ids:
        marked = label(app, asset_id)
        assert marked is not None
        assert (marked.scanned_by, marked.printed_by, marked.scanned_at is not None) == ("staff", "staff", True)
    facts = staff.get(first.json["details"]).json
    assert (facts["serial"], facts["model"], facts["scanned_by"]) == ("S-0", "iPad", "staff")


def test_a_label_that_was_not_printed_here_counts_too(app: Flask, staff: FlaskClient, tagged: Make, untagged: Make, here: str) -> None:
    with_tag, without = tagged(), untagged("Cart 4, front")
    assert scan(staff, "W12-0001").status_code == 200
    assert scan(staff, f"{here}/assets/{without}").json["name"] == "Cart 4, front"
    for asset_id, name in ((with_tag, "W12-0001"), (without, "Cart 4, front")):
        marked = label(app, asset_id)
        assert marked is not None
        assert (marked.name, marked.printed_by, marked.scanned_by, marked.printed_at) == (name, "", "staff", marked.scanned_at)


def test_an_address_may_have_changed_from_http_to_https(staff: FlaskClient, tagged: Make, here: str) -> None:
    asset_id = tagged()
    host = here.split("://", 1)[1]
    answer = scan(staff, f"HTTP://{host.upper()}/assets/{asset_id}")
    assert (answer.status_code, answer.json["name"]) == (200, "W12-0001")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Nothing was read"),
        (" \x00\x07\r\n", "Nothing was read"),
        ("https://evil.example/assets/1", "an address of evil.example, not a label of ours"),
        ("https://evil.example/Asset/Display.html?id=1", "an address of evil.example, not a label of ours"),
        ("{here}.evil.example/assets/1", ".evil.example, not a label of ours"),
        ("http://[broken/assets/1", "not a label of ours"),
        ("http://localhost:99999999/assets/1", "not a label of ours"),
        ("javascript://x/assets/1", "not a label of ours"),
        ("{here}/assets/", "but not that of an asset"),
        ("{here}/assets/4711", "asset #4711, and there is no such asset"),
        ("{here}/assets/" + "9" * 30, "but not that of an asset"),
        ("{here}/admin?id=1", "but not that of an asset"),
        ("W12-0777", "W12-0777 looks like a tag of ours, but no asset has it"),
        ("5CD2198XKL", "“5CD2198XKL” is no tag of ours. If it is the maker’s bar code"),
        ("'; DROP TABLE labelled_assets; --", "is no tag of ours"),
        ("1", "“1” is no tag of ours"),
        ("x" * 10_240, "10,240 characters"),
        ("<script>alert(1)</script>", "is no tag of ours"),
    ],
)
def test_anything_else_is_told_what_it_is_and_marks_nothing(
    app: Flask, staff: FlaskClient, tagged: Make, here: str, text: str, words: str
) -> None:
    asset_id, text = tagged(), text.replace("{here}", here)
    answer = scan(staff, text)
    assert (answer.status_code, answer.json["code"]) == (400, "not_a_label")
    assert words in answer.json["error"], answer.json["error"]
    page = scan(staff, text, PAGE)
    assert (page.status_code, "Not scanned" in page.get_data(as_text=True)) == (400, True)
    assert "<script>alert" not in page.get_data(as_text=True)
    assert label(app, asset_id) is None


def test_a_known_label_is_marked_although_the_directory_does_not_answer(
    app: Flask, staff: FlaskClient, tagged: Make, untagged: Make, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = tagged(), untagged()

    def silent(*_: object) -> object:
        raise AssetStoreUnreachable("The directory does not answer.")

    monkeypatch.setattr(EmbeddedAssetStore, "get", silent)
    page = scan(staff, "W12-0001", PAGE)
    assert (page.status_code, "the directory does not say now" in page.get_data(as_text=True)) == (200, True)
    answer = scan(staff, "W12-0001")
    assert (answer.status_code, staff.get(answer.json["details"], headers=JSON).status_code) == (200, 503)
    marked = label(app, known)
    assert marked is not None
    assert marked.scanned_by == "staff"
    # Nobody knows whether this one exists.
    assert (scan(staff, f"{here}/assets/{unknown}").status_code, label(app, unknown)) == (503, None)


def test_without_javascript_the_page_shows_the_asset_and_the_last_ten(app: Flask, staff: FlaskClient, tagged: Make) -> None:
    ids = [tagged(serial=f"S-{number}") for number in range(12)]
    with app.app_context(), transaction() as session:
        for minutes, asset_id in enumerate(ids):
            record.scan_unprinted(
                session, asset_id, f"W12-{asset_id:04}", actor=Actor("staff"), now=utc_now() - timedelta(minutes=60 - minutes)
            )
        record.scan(session, ids[11], actor=Actor("somebody else"), now=utc_now())
    page = scan(staff, "W12-0001", PAGE).get_data(as_text=True)
    assert "S/N S-0" in page
    listed = page.split('id="last"')[1]
    assert [f"W12-{number:04}" in listed for number in (1, 11, 3, 2, 12)] == [True, True, True, False, False]
