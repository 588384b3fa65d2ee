"""Scanning labels: codes of labels, messages for other codes, and scans while the asset store does not answer."""

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
from request_tracker_utils.labels import print_history
from request_tracker_utils.labels.models import LabelledAsset
from request_tracker_utils.web.registry import registry_of
from tests.functional.labels.conftest import CreateAsset
from tests.services.apps import csrf_token
from tests.services.tables import check_all

JSON = {"Accept": "application/json"}
PAGE = {"Accept": "text/html"}


def scan(client: FlaskClient, text: str, headers: dict[str, str] = JSON) -> TestResponse:
    return client.post("/labels/scan", data={"csrf_token": csrf_token(client, "/labels/scan"), "text": text}, headers=headers)


def label_of(app: Flask, asset_id: int) -> LabelledAsset | None:
    with app.app_context(), reading() as session:
        return print_history.label_of_asset(session, asset_id)


@pytest.fixture
def here(app: Flask) -> str:
    """The public URL of the program."""
    return registry_of(app).settings.public_address()


def test_a_printed_label_is_marked_by_its_tag_or_its_url(app: Flask, staff: FlaskClient, tagged: CreateAsset, here: str) -> None:
    ids = [tagged(serial=f"S-{number}") for number in range(2)]
    for asset_id in ids:
        staff.get(f"/labels/print?asset_id={asset_id}")
    first, second = scan(staff, " w12-0001\r\n"), scan(staff, f"{here}/assets/{ids[1]}")
    assert (first.status_code, first.json["name"], second.json["name"]) == (200, "W12-0001", "W12-0002")
    for asset_id in ids:
        label = label_of(app, asset_id)
        assert label is not None
        assert (label.scanned_by, label.printed_by, label.scanned_at is not None) == ("staff", "staff", True)
    details = staff.get(first.json["details"]).json
    assert (details["serial"], details["model"], details["scanned_by"]) == ("S-0", "iPad", "staff")


def test_codes_are_read_as_the_scanner_meant_them(staff: FlaskClient, tagged: CreateAsset, here: str) -> None:
    asset_id = tagged()

    def check(text: str) -> None:
        answer = scan(staff, text)
        assert (answer.status_code, answer.json.get("name")) == (200, "W12-0001"), answer.json

    dashed = [(f"W12{dash}0001",) for dash in "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"]
    check_all([*dashed, ("]C1W12-0001",), ("]C0w12-0001",), (f"]Q1{here}/assets/{asset_id}",)], check)


def test_a_label_that_was_not_printed_here_is_recorded_too(
    app: Flask, staff: FlaskClient, tagged: CreateAsset, untagged: CreateAsset, here: str
) -> None:
    with_tag, without = tagged(), untagged("Cart 4, front")
    assert scan(staff, "W12-0001").status_code == 200
    assert scan(staff, f"{here}/assets/{without}").json["name"] == "Cart 4, front"
    for asset_id, name in ((with_tag, "W12-0001"), (without, "Cart 4, front")):
        label = label_of(app, asset_id)
        assert label is not None
        assert (label.name, label.printed_by, label.scanned_by, label.printed_at) == (name, "", "staff", label.scanned_at)


def test_a_url_may_have_changed_from_http_to_https(staff: FlaskClient, tagged: CreateAsset, here: str) -> None:
    asset_id = tagged()
    host = here.split("://", 1)[1]
    answer = scan(staff, f"HTTP://{host.upper()}/assets/{asset_id}")
    assert (answer.status_code, answer.json["name"]) == (200, "W12-0001")


def test_other_codes_are_explained_and_mark_nothing(app: Flask, staff: FlaskClient, tagged: CreateAsset, here: str) -> None:
    asset_id = tagged()

    def check(text: str, words: str) -> None:
        answer = scan(staff, text)
        assert (answer.status_code, answer.json["code"]) == (400, "not_a_label")
        assert words in answer.json["error"], answer.json["error"]
        page = scan(staff, text, PAGE)
        assert (page.status_code, "Not scanned" in page.get_data(as_text=True)) == (400, True)
        assert "<script>alert" not in page.get_data(as_text=True)
        assert label_of(app, asset_id) is None

    check_all(
        [
            ("", "The scan is empty."),
            (" \x00\x07\r\n", "The scan is empty."),
            ("https://evil.example/assets/1", "an address on evil.example, not one of our labels"),
            ("https://evil.example/Asset/Display.html?id=1", "an address on evil.example, not one of our labels"),
            (f"{here}.evil.example/assets/1", ".evil.example, not one of our labels"),
            ("http://[broken/assets/1", "an address, but not that of an asset"),
            ("http://localhost:99999999/assets/1", "not one of our labels"),
            ("javascript://x/assets/1", "not one of our labels"),
            (f"{here}/assets/", "but not that of an asset"),
            (f"{here}/assets/4711", "asset #4711, which does not exist"),
            (f"{here}/assets/" + "9" * 30, "but not that of an asset"),
            (f"{here}/admin?id=1", "but not that of an asset"),
            ("W12-0777", "No asset has the tag W12-0777."),
            ("5CD2198XKL", "“5CD2198XKL” is not a tag. If you scanned the manufacturer’s barcode"),
            ("'; DROP TABLE labelled_assets; --", "is not a tag"),
            ("1", "“1” is not a tag"),
            ("W12ß0001", "keyboard language differs from this computer’s: “W12ß0001” is probably W12-0001."),
            ("Z&é)ààà&", "keyboard language differs from this computer’s: “Z&é)ààà&” is probably W12-0001."),
            ("]C1W12-0777", "No asset has the tag W12-0777."),
            ("x" * 10_240, "10,240 characters"),
            ("<script>alert(1)</script>", "is not a tag"),
        ],
        check,
    )


def test_a_known_label_is_marked_while_the_asset_store_does_not_answer(
    app: Flask, staff: FlaskClient, tagged: CreateAsset, untagged: CreateAsset, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = tagged(), untagged()

    def unreachable(*_: object) -> object:
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    monkeypatch.setattr(EmbeddedAssetStore, "get", unreachable)
    page = scan(staff, "W12-0001", PAGE)
    assert (page.status_code, "details are not available: Request Tracker does" in page.get_data(as_text=True)) == (200, True)
    answer = scan(staff, "W12-0001")
    assert (answer.status_code, staff.get(answer.json["details"], headers=JSON).status_code) == (200, 503)
    label = label_of(app, known)
    assert label is not None
    assert label.scanned_by == "staff"
    # Whether this asset exists cannot be known.
    assert (scan(staff, f"{here}/assets/{unknown}").status_code, label_of(app, unknown)) == (503, None)


def test_without_javascript_the_page_shows_the_asset_and_recent_scans(app: Flask, staff: FlaskClient, tagged: CreateAsset) -> None:
    ids = [tagged(serial=f"S-{number}") for number in range(12)]
    with app.app_context(), transaction() as session:
        for minutes, asset_id in enumerate(ids):
            scanned_at = utc_now() - timedelta(minutes=60 - minutes)
            print_history.add_scanned_label(session, asset_id, f"W12-{asset_id:04}", actor=Actor("staff"), now=scanned_at)
        print_history.mark_scanned(session, ids[11], actor=Actor("somebody else"), now=utc_now())
    page = scan(staff, "W12-0001", PAGE).get_data(as_text=True)
    assert "S/N S-0" in page
    recent = page.split('id="last"')[1]
    assert [f"W12-{number:04}" in recent for number in (1, 11, 3, 2, 12)] == [True, True, True, False, False]
