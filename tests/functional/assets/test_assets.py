"""Assets on pages and their labels, with the embedded directory."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import AssetStoreUnreachable, NewAsset
from request_tracker_utils.core.db import reading
from request_tracker_utils.tags.models import Tag
from tests.services.apps import WEBHOOK_TOKEN, csrf_token, sign_in, token, user

PAGE = {"Accept": "text/html"}


@pytest.fixture
def staff(app: Flask, client: FlaskClient) -> FlaskClient:
    user(app, "staff")
    sign_in(client, "staff")
    return client


def add(client: FlaskClient, **form: str) -> TestResponse:
    form = {"serial_number": "ABC-9", "model": "Chromebook 3100", "manufacturer": "Dell", "catalog": "Chromebooks", **form}
    return client.post("/assets/new", data={"csrf_token": csrf_token(client, "/assets/create"), **form}, headers=PAGE)


def existing(app: Flask, name: str, **fields: str) -> int:
    with app.app_context():
        return asset_store().create(NewAsset(name, **fields))


def test_an_asset_that_is_added_gets_the_next_tag(staff: FlaskClient) -> None:
    answer = add(staff, serial_number="ABC-1")
    assert (answer.status_code, answer.location) == (303, "/assets/1")
    page = staff.get("/assets/1", headers=PAGE).get_data(as_text=True)
    assert "W12-0001" in page
    assert "ABC-1" in page


def test_a_serial_number_is_taken_once_whatever_its_case(staff: FlaskClient) -> None:
    add(staff, serial_number="ABC-1")
    answer = add(staff, serial_number="abc-1")
    assert answer.status_code == 409
    assert "already exists (Asset #1)" in answer.get_data(as_text=True)


def test_of_eight_who_add_one_serial_number_at_once_one_succeeds(app: Flask) -> None:
    user(app, "staff")
    clients = [app.test_client() for _ in range(8)]
    for client in clients:
        sign_in(client, "staff")
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda client: add(client, serial_number="SAME-1").status_code, clients)) == [303] + [409] * 7
    with app.app_context(), reading() as session:
        states = list(session.scalars(select(Tag.state)))
    assert sorted(states) == ["assigned"] + ["released"] * (len(states) - 1)


def test_a_refused_asset_spends_no_tag(app: Flask, staff: FlaskClient) -> None:
    assert add(staff, model="").status_code == 400
    assert add(staff, model="\x07").status_code == 400
    assert add(staff, model="x" * 300).status_code == 400
    assert staff.get("/next-asset-tag").json == {"next_asset_tag": "W12-0001"}


def test_a_directory_that_falls_silent_leaves_the_tag_reserved(app: Flask, staff: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> object:
        raise AssetStoreUnreachable("The directory does not answer.")

    monkeypatch.setattr("request_tracker_utils.asset_store.embedded.EmbeddedAssetStore.create", silent)
    assert add(staff).status_code == 503
    assert staff.get("/next-asset-tag").json == {"next_asset_tag": "W12-0002"}


def test_an_asset_without_a_tag_is_given_one(app: Flask, staff: FlaskClient) -> None:
    asset_id = existing(app, "laptop from the attic")
    form = {"csrf_token": csrf_token(staff, f"/assets/{asset_id}")}
    assert staff.post(f"/assets/{asset_id}/tag", data=form, headers=PAGE).status_code == 303
    assert staff.post(f"/assets/{asset_id}/tag", data=form, headers=PAGE).status_code == 303
    with app.app_context():
        assert asset_store().get(asset_id).name == "W12-0001"
    assert staff.get("/next-asset-tag").json == {"next_asset_tag": "W12-0002"}


@pytest.mark.parametrize("name", ['O\'Neil "best"', "<script>alert(1)</script>", "🎒" * 120, "x" * 255, "100% _done_"])
def test_odd_names_are_found_shown_and_printed_without_harm(app: Flask, staff: FlaskClient, name: str) -> None:
    asset_id = existing(app, name, model="<b>model</b>", serial="'; DROP TABLE users; --")
    found = staff.get("/assets", query_string={"q": name[:50]}, headers=PAGE).get_data(as_text=True)
    assert f"/assets/{asset_id}" in found
    page = staff.get(f"/assets/{asset_id}", headers=PAGE).get_data(as_text=True)
    assert "<script>alert(1)" not in found + page
    assert "<b>model</b>" not in found + page


def test_search_finds_by_name_serial_and_model_and_says_when_it_finds_nothing(app: Flask, staff: FlaskClient) -> None:
    existing(app, "W12-0007", serial="SER-9", model="ProBook")
    for text in ("w12-0007", "ser-9", "probook", "ProBook SER"):
        assert "W12-0007" in staff.get("/assets", query_string={"q": text}).get_data(as_text=True)
    assert "W12-0007" not in staff.get("/assets", query_string={"q": "%"}).get_data(as_text=True)


def test_pages_of_a_long_list(app: Flask, staff: FlaskClient) -> None:
    for number in range(55):
        existing(app, f"asset {number:03d}")
    first, second = (staff.get(f"/assets?page={page}", headers=PAGE).get_data(as_text=True) for page in (1, 2))
    assert ("asset 054" in first, "asset 004" in first, "asset 004" in second) == (True, False, True)
    assert staff.get("/assets?page=-3").status_code == 200
    assert staff.get("/assets?page=abc").status_code == 200


class TestLabels:
    def test_a_label_is_printed_by_id_and_by_name(self, app: Flask, staff: FlaskClient) -> None:
        add(staff, serial_number="ABC123456")
        for query in ("asset_id=1", "assetId=1", "assetName=W12-0001", "asset_id=1&size=small", "asset_id=1&size=large&autoprint=1"):
            page = staff.get(f"/labels/print?{query}").get_data(as_text=True)
            assert 'class="label"' in page
            assert re.search(r'class="[^"]*asset-tag[^"]*">W12-0001<', page)
            assert re.search(r'class="[^"]*serial[^"]*">ABC123456<', page)
            assert re.search(r'class="[^"]*model[^"]*">Dell Chromebook 3100<', page)
            assert 'alt="QR Code"' in page
            assert 'alt="Barcode"' in page

    def test_an_unknown_asset_is_404_as_documented(self, app: Flask, client: FlaskClient) -> None:
        answer = client.get("/labels/print?asset_id=99", headers=token(app, "staff"))
        assert (answer.status_code, answer.json["error"]) == (404, "Asset not found")

    @pytest.mark.parametrize("query", ["", "asset_id=abc", "asset_id=-1", "asset_id=99999999999999", "assetName=", "asset_id=1&size=huge"])
    def test_what_names_no_asset_or_size_is_400(self, app: Flask, client: FlaskClient, query: str) -> None:
        existing(app, "W12-0001")
        answer = client.get(f"/labels/print?{query}", headers=token(app, "staff"))
        assert (answer.status_code, answer.is_json) == (400, True)

    def test_a_batch_prints_what_is_there_in_order_and_names_what_is_not(self, app: Flask, client: FlaskClient) -> None:
        ids = [existing(app, f"W12-{number:04d}") for number in range(1, 4)]
        headers = token(app, "staff")
        page = client.post("/labels/batch", json={"asset_ids": [ids[2], 999, ids[0]]}, headers=headers).get_data(as_text=True)
        assert re.findall(r'asset-tag[^"]*">(W12-\d+)<', page) == ["W12-0003", "W12-0001"]
        assert "999" in page
        assert page.count('class="label"') == 2

    def test_a_batch_by_query(self, app: Flask, client: FlaskClient) -> None:
        existing(app, "W12-0001", model="ProBook")
        existing(app, "W12-0002", model="iPad")
        page = client.post("/labels/batch", json={"query": "ipad", "size": "small"}, headers=token(app, "staff")).get_data(as_text=True)
        assert re.findall(r'asset-tag[^"]*">(W12-\d+)<', page) == ["W12-0002"]

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            {"asset_ids": []},
            {"asset_ids": "x"},
            {"asset_ids": [0]},
            {"asset_ids": ["x"]},
            {"query": " "},
            {"asset_ids": [1] * 5001},
        ],
    )
    def test_a_batch_of_nothing_is_refused(self, app: Flask, client: FlaskClient, body: object) -> None:
        answer = client.post("/labels/batch", json=body, headers=token(app, "staff"))
        assert (answer.status_code, answer.is_json) == (400, True)

    def test_a_batch_of_which_nothing_exists_is_404(self, app: Flask, client: FlaskClient) -> None:
        assert client.post("/labels/batch", json={"asset_ids": [5, 6]}, headers=token(app, "staff")).status_code == 404

    def test_a_tag_too_long_for_its_bar_code_is_an_error_for_one_and_a_notice_among_many(self, app: Flask, client: FlaskClient) -> None:
        long, good = existing(app, "W12-" + "9" * 60), existing(app, "W12-0001")
        headers = token(app, "staff")
        assert client.get(f"/labels/print?asset_id={long}&size=small", headers=headers).json["code"] == "tag_too_long"
        page = client.post("/labels/batch", json={"asset_ids": [long, good], "size": "small"}, headers=headers).get_data(as_text=True)
        assert page.count('class="label"') == 1
        assert "too long" in page

    def test_a_loopback_address_in_qr_codes_is_warned_about(self, app: Flask, client: FlaskClient) -> None:
        existing(app, "W12-0001")
        assert "only this computer can reach" in client.get("/labels/print?asset_id=1", headers=token(app, "staff")).get_data(as_text=True)

    def test_a_query_that_finds_too_many_is_refused_with_what_to_do(
        self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("request_tracker_utils.labels.service.MAX_LABELS", 3)
        for number in range(5):
            existing(app, f"W12-{number + 1:04d}", model="iPad")
        answer = client.post("/labels/batch", json={"query": "ipad"}, headers=token(app, "staff"))
        assert (answer.status_code, answer.json["error"]) == (
            400,
            "You selected 5 assets, and at most 3 labels can be printed at once. Divide them into several prints.",
        )

    def test_a_database_that_is_silent_is_an_error_and_not_half_a_page(
        self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sqlalchemy.exc import OperationalError

        existing(app, "W12-0001")
        headers = token(app, "staff")

        def locked(*_: object, **__: object) -> object:
            raise OperationalError("UPDATE", {}, Exception("database is locked"))

        monkeypatch.setattr("request_tracker_utils.tags.service.mark_printed", locked)
        assert client.post("/labels/batch", json={"asset_ids": [1]}, headers=headers).status_code == 503

    def test_a_label_that_bears_an_old_name_says_so(self, app: Flask, client: FlaskClient) -> None:
        asset_id = existing(app, "laptop 3")
        client.post("/webhook/asset-created", json={"asset_id": asset_id}, headers={"Authorization": f"Bearer {WEBHOOK_TOKEN}"})
        page = client.get(f"/labels/print?asset_id={asset_id}", headers=token(app, "staff")).get_data(as_text=True)
        assert "W12-0001 is not its name yet" in page

    def test_a_printed_tag_is_remembered(self, app: Flask, staff: FlaskClient) -> None:
        add(staff)
        assert "No label printed yet" in staff.get("/assets/1", headers=PAGE).get_data(as_text=True)
        staff.get("/labels/print?asset_id=1")
        assert "No label printed yet" not in staff.get("/assets/1", headers=PAGE).get_data(as_text=True)
