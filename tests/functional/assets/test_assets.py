"""Assets on pages, and their labels, with the embedded asset store."""

import re
from functools import partial
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.db import reading
from request_tracker_utils.tags.models import Tag
from tests.functional.assets.conftest import Existing
from tests.services.apps import WEBHOOK_TOKEN, csrf_token, sign_in, token, user
from tests.services.at_once import answers_at_once
from tests.services.tables import check_all

PAGE = {"Accept": "text/html"}


def add(client: FlaskClient, **form: str) -> TestResponse:
    form = {"serial_number": "ABC-9", "model": "Chromebook 3100", "manufacturer": "Dell", "catalog": "Chromebooks", **form}
    return client.post("/assets/new", data={"csrf_token": csrf_token(client, "/assets/create"), **form}, headers=PAGE)


def test_an_asset_that_is_created_by_form_gets_the_next_tag_and_its_serial_number_is_unique(staff: FlaskClient) -> None:
    answer = add(staff, serial_number="ABC-1")
    assert (answer.status_code, answer.location) == (303, "/assets/1")
    page = staff.get("/assets/1", headers=PAGE).get_data(as_text=True)
    assert "W12-0001" in page
    assert "ABC-1" in page
    repeated = add(staff, serial_number="abc-1")
    assert repeated.status_code == 409
    assert "already exists (Asset #1)" in repeated.get_data(as_text=True)


@pytest.mark.both_databases
def test_of_eight_concurrent_creations_of_one_serial_number_one_succeeds(app: Flask) -> None:
    user(app, "staff")
    clients = [app.test_client() for _ in range(8)]
    for client in clients:
        sign_in(client, "staff")
    answers = answers_at_once([partial(add, client, serial_number="SAME-1") for client in clients])
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 7
    with app.app_context(), reading() as session:
        states = list(session.scalars(select(Tag.state)))
    assert sorted(states) == ["assigned"] + ["released"] * (len(states) - 1)


def test_an_invalid_asset_uses_no_tag(staff: FlaskClient) -> None:
    for model in ("", "\x07", "x" * 300):
        assert add(staff, model=model).status_code == 400
    assert staff.get("/next-asset-tag").json == {"next_asset_tag": "W12-0001"}


def test_an_invalid_character_is_named_on_the_page(staff: FlaskClient) -> None:
    def check(serial: str, named: str) -> None:
        answer = add(staff, serial_number=serial, manufacturer="Dell", model="3100")
        assert answer.status_code == 400
        assert f"Serial number contains invalid characters: {named}" in unescape(answer.get_data(as_text=True))

    check_all([("5CD\a21", "U+0007 (BELL)"), ("5CDé21", "“é” (U+00E9)"), ("5CD 21", "a space"), ("5CD_21", "“_” (U+005F)")], check)


def test_an_unknown_outcome_leaves_the_tag_reserved(staff: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> object:
        raise AssetStoreUnreachable("The asset store does not answer.")

    monkeypatch.setattr("request_tracker_utils.asset_store.embedded.EmbeddedAssetStore.create", fail)
    assert add(staff).status_code == 503
    assert staff.get("/next-asset-tag").json == {"next_asset_tag": "W12-0002"}


def test_an_asset_without_a_tag_gets_one(app: Flask, staff: FlaskClient, existing: Existing) -> None:
    asset_id = existing("laptop from the attic")
    form = {"csrf_token": csrf_token(staff, f"/assets/{asset_id}")}
    for _ in range(2):
        assert staff.post(f"/assets/{asset_id}/tag", data=form, headers=PAGE).status_code == 303
    with app.app_context():
        assert asset_store().get(asset_id).name == "W12-0001"
    assert staff.get("/next-asset-tag").json == {"next_asset_tag": "W12-0002"}


def test_former_addresses_redirect(staff: FlaskClient) -> None:
    def check(former: str, present: str) -> None:
        answer = staff.get(former)
        assert (answer.status_code, answer.location) == (308, present)

    check_all(
        [
            ("/assets/new", "/assets/create"),
            ("/assets/intake?again=3", "/assets/import?again=3"),
            ("/assets/intake/7?page=2", "/assets/import/7?page=2"),
        ],
        check,
    )


class TestLabels:
    def test_a_label_is_printed_by_id_and_by_name_and_that_is_recorded(self, staff: FlaskClient) -> None:
        add(staff, serial_number="ABC123456")
        assert "No label printed yet" in staff.get("/assets/1", headers=PAGE).get_data(as_text=True)

        def check(query: str) -> None:
            page = staff.get(f"/labels/print?{query}").get_data(as_text=True)
            assert 'class="label"' in page
            assert re.search(r'class="[^"]*asset-tag[^"]*">W12-0001<', page)
            assert re.search(r'class="[^"]*serial[^"]*">ABC123456<', page)
            assert re.search(r'class="[^"]*model[^"]*">Dell Chromebook 3100<', page)
            assert 'alt="QR Code"' in page
            assert 'alt="Barcode"' in page

        check_all(["asset_id=1", "assetId=1", "assetName=W12-0001", "asset_id=1&size=small", "asset_id=1&size=large&autoprint=1"], check)
        assert "No label printed yet" not in staff.get("/assets/1", headers=PAGE).get_data(as_text=True)

    def test_an_unknown_asset_is_404_as_documented(self, app: Flask, client: FlaskClient) -> None:
        headers = token(app, "staff")
        answer = client.get("/labels/print?asset_id=99", headers=headers)
        assert (answer.status_code, answer.json["error"]) == (404, "Asset not found")
        assert client.post("/labels/batch", json={"asset_ids": [5, 6]}, headers=headers).status_code == 404

    def test_invalid_assets_and_sizes_are_400(self, app: Flask, client: FlaskClient, existing: Existing) -> None:
        existing("W12-0001")
        headers = token(app, "staff")

        def check_one(query: str) -> None:
            answer = client.get(f"/labels/print?{query}", headers=headers)
            assert (answer.status_code, answer.is_json) == (400, True)

        def check_batch(body: object) -> None:
            answer = client.post("/labels/batch", json=body, headers=headers)
            assert (answer.status_code, answer.is_json) == (400, True)

        check_all(["", "asset_id=abc", "asset_id=-1", "asset_id=99999999999999", "assetName=", "asset_id=1&size=huge"], check_one)
        empty = [{}, [], {"asset_ids": []}, {"asset_ids": "x"}, {"asset_ids": [0]}, {"asset_ids": ["x"]}, {"query": " "}]
        check_all([*empty, {"asset_ids": [1] * 5001}], check_batch)

    def test_a_batch_prints_existing_assets_in_order_and_names_missing_ones(
        self, app: Flask, client: FlaskClient, existing: Existing
    ) -> None:
        ids = [existing(f"W12-{number:04d}", model="iPad" if number == 2 else "ProBook") for number in range(1, 4)]
        headers = token(app, "staff")
        page = client.post("/labels/batch", json={"asset_ids": [ids[2], 999, ids[0]]}, headers=headers).get_data(as_text=True)
        assert re.findall(r'asset-tag[^"]*">(W12-\d+)<', page) == ["W12-0003", "W12-0001"]
        assert "999" in page
        assert page.count('class="label"') == 2
        by_query = client.post("/labels/batch", json={"query": "ipad", "size": "small"}, headers=headers).get_data(as_text=True)
        assert re.findall(r'asset-tag[^"]*">(W12-\d+)<', by_query) == ["W12-0002"]

    def test_a_tag_too_long_for_its_barcode_is_an_error_for_one_and_a_notice_among_many(
        self, app: Flask, client: FlaskClient, existing: Existing
    ) -> None:
        long, good = existing("W12-" + "9" * 60), existing("W12-0001")
        headers = token(app, "staff")
        assert client.get(f"/labels/print?asset_id={long}&size=small", headers=headers).json["code"] == "tag_too_long"
        page = client.post("/labels/batch", json={"asset_ids": [long, good], "size": "small"}, headers=headers).get_data(as_text=True)
        assert page.count('class="label"') == 1
        assert "too long" in page

    def test_a_loopback_address_in_qr_codes_is_warned_about(self, app: Flask, client: FlaskClient, existing: Existing) -> None:
        existing("W12-0001")
        assert "only this computer can reach" in client.get("/labels/print?asset_id=1", headers=token(app, "staff")).get_data(as_text=True)

    def test_a_query_with_too_many_results_is_refused_with_advice(
        self, app: Flask, client: FlaskClient, existing: Existing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("request_tracker_utils.labels.service.MAX_LABELS", 3)
        for number in range(5):
            existing(f"W12-{number + 1:04d}", model="iPad")
        answer = client.post("/labels/batch", json={"query": "ipad"}, headers=token(app, "staff"))
        assert (answer.status_code, answer.json["error"]) == (
            400,
            "You selected 5 assets, and at most 3 labels can be printed at once. Print them in several batches.",
        )

    def test_a_locked_database_is_an_error_and_not_an_incomplete_page(
        self, app: Flask, client: FlaskClient, existing: Existing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        existing("W12-0001")
        headers = token(app, "staff")

        def locked(*_: object, **__: object) -> object:
            raise OperationalError("UPDATE", {}, Exception("database is locked"))

        monkeypatch.setattr("request_tracker_utils.tags.service.mark_printed", locked)
        assert client.post("/labels/batch", json={"asset_ids": [1]}, headers=headers).status_code == 503

    def test_a_label_with_an_old_name_has_a_notice(self, app: Flask, client: FlaskClient, existing: Existing) -> None:
        asset_id = existing("laptop 3")
        client.post("/webhook/asset-created", json={"asset_id": asset_id}, headers={"Authorization": f"Bearer {WEBHOOK_TOKEN}"})
        page = client.get(f"/labels/print?asset_id={asset_id}", headers=token(app, "staff")).get_data(as_text=True)
        assert "still has the name “laptop 3” and will be renamed to W12-0001 soon" in page
