"""The page of asset tags: sequences, prefixes, catalogs; and setting a sequence over JSON."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStore, AssetStoreUnreachable, NewAsset
from request_tracker_utils.core import jobs
from request_tracker_utils.core.db import transaction
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.person import Person, errors_in, text_of
from tests.services.apps import WEBHOOK_TOKEN, token, user

PAGE = "/admin/asset-tags"
RESET = f"{PAGE}/reset/W12-"


@pytest.fixture
def admin(app: Flask) -> Person:
    return Person(app, user(app, "admin", "ada"))


def created(client: FlaskClient, asset_id: int, **more: str) -> str:
    headers = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}
    return str(client.post("/webhook/asset-created", json={"asset_id": asset_id, **more}, headers=headers).json["asset_tag"])


def adopt(app: Flask) -> None:
    with app.app_context():
        jobs.run(registry_of(app).jobs.named("adopt-tags"))


def reset(client: FlaskClient, headers: dict[str, str], **body: object) -> TestResponse:
    return client.post("/reset-asset-tag", json=body, headers=headers)


class TestSettingASequenceOverJson:
    def test_is_answered_as_documented(self, app: Flask, client: FlaskClient) -> None:
        answer = reset(client, token(app, "admin"), start_number=1025)
        assert (answer.status_code, answer.json) == (200, {"message": "The next tag is W12-1025.", "new_start_tag": "W12-1025"})
        assert client.get("/next-asset-tag", headers=token(app, "staff")).json == {"next_asset_tag": "W12-1025"}

    def test_below_tags_in_use_it_says_what_is_skipped(self, app: Flask, client: FlaskClient) -> None:
        for asset_id in (1, 2, 3):
            created(client, asset_id)
        answer = reset(client, token(app, "admin"), start_number=1, prefix="W12-", reason="again")
        assert answer.json == {"message": "1 to 3 are in use and are skipped; the next tag is W12-0004.", "new_start_tag": "W12-0004"}

    @pytest.mark.parametrize("number", [0, -1, 10**12, 10**30, "5", "abc", "", None, 1.5, True, [1], {}])
    def test_what_is_no_number_of_a_tag_is_said_with_its_field(self, app: Flask, client: FlaskClient, number: object) -> None:
        answer = reset(client, token(app, "admin"), start_number=number)
        assert (answer.status_code, answer.json["field"]) == (400, "start_number")

    def test_a_prefix_that_there_is_not_is_404(self, app: Flask, client: FlaskClient) -> None:
        for prefix in ("X-", "w12-", "'", "W12-\0"):
            answer = reset(client, token(app, "admin"), start_number=5, prefix=prefix)
            assert (answer.status_code, answer.json["code"]) == (404, "prefix_not_found")


class TestThePage:
    def test_shows_each_sequence_to_staff_without_its_forms(self, app: Flask, client: FlaskClient, admin: Person) -> None:
        created(client, 1)
        staff = Person(app, user(app, "staff", "bob"))
        for person, forms in ((admin, True), (staff, False)):
            page = person.read(PAGE)
            assert "W12-0002" in page
            assert ("Make the prefix" in page, RESET in page) == (forms, forms)

    def test_sets_a_sequence_and_says_what_comes_next(self, client: FlaskClient, admin: Person) -> None:
        created(client, 1)
        assert 'name="seen" type="hidden" value="2"' in admin.read(RESET)
        answer = admin.post(RESET, expected="2", start_number="1", reason="from the beginning")
        assert (answer.status_code, answer.location) == (303, PAGE)
        assert "1 is in use and is skipped; the next tag is W12-0002." in admin.read(PAGE)

    def test_tells_whoever_comes_second_what_the_first_did_and_lets_them_decide_anew(self, app: Flask, admin: Person) -> None:
        bob = Person(app, user(app, "admin", "bob"))
        assert admin.post(RESET, expected="1", start_number="100", reason="a new roll").status_code == 303
        late = bob.post(RESET, expected="1", start_number="500", reason="another roll")
        assert late.status_code == 409
        assert "ada set the next tag from W12-0001 to W12-0100 (a new roll)" in errors_in(late)[""]
        assert 'name="seen" type="hidden" value="100"' in text_of(late)
        assert bob.post(RESET, expected="100", start_number="500", reason="another roll").status_code == 303

    @pytest.mark.parametrize(
        ("field", "form"),
        [
            ("start_number", {"start_number": "0"}),
            ("start_number", {"start_number": "-5"}),
            ("start_number", {"start_number": "1000000000000"}),
            ("start_number", {"start_number": "ten"}),
            ("start_number", {"start_number": ""}),
            ("reason", {"reason": " "}),
            ("reason", {"reason": "x" * 201}),
        ],
    )
    def test_says_at_the_field_what_is_wrong(self, admin: Person, field: str, form: dict[str, str]) -> None:
        answer = admin.post(RESET, **{"seen": "1", "start_number": "5", "reason": "why not", **form})
        assert (answer.status_code, list(errors_in(answer))) == (400, [field])

    @pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 30, "1\n"])
    def test_a_form_that_was_tampered_with_changes_nothing(self, admin: Person, seen: str) -> None:
        answer = admin.post(RESET, expected=seen, start_number="5", reason="why not")
        assert answer.status_code == 400
        assert "W12-0001" in admin.read(PAGE)

    def test_a_sequence_that_there_is_not_is_404(self, admin: Person) -> None:
        assert admin.get(f"{PAGE}/reset/X-").status_code == 404
        for prefix in ("X-", "%00"):
            assert admin.post(f"{PAGE}/reset/{prefix}", expected="1", start_number="5", reason="why not").status_code == 404

    def test_makes_a_prefix_which_a_catalogs_new_assets_get(self, app: Flask, client: FlaskClient, admin: Person) -> None:
        assert admin.post(f"{PAGE}/prefixes", prefix="LAB-").status_code == 303
        assert "names are being read" in admin.read(PAGE)
        adopt(app)
        assert admin.post(f"{PAGE}/catalogs", catalog="Chromebooks", of_prefix="LAB-").status_code == 303
        assert "New assets in Chromebooks get LAB- tags" in admin.read(PAGE)
        assert [created(client, 1, catalog="Chromebooks"), created(client, 2, catalog="Cables"), created(client, 3)] == [
            "LAB-0001",
            "W12-0001",
            "W12-0002",
        ]
        answer = admin.post("/assets/new", model="3100", serial_number="LAB-1", manufacturer="Dell", catalog="Chromebooks")
        assert answer.status_code == 303
        assert "LAB-0002" in admin.read(answer.location)

    @pytest.mark.parametrize(("prefix", "status"), [("", 400), ("LAB1", 400), ("LÄB", 400), ("x" * 17, 400), ("w12-", 409), (" ", 400)])
    def test_refuses_a_prefix_at_its_field(self, admin: Person, prefix: str, status: int) -> None:
        answer = admin.post(f"{PAGE}/prefixes", prefix=prefix)
        assert (answer.status_code, list(errors_in(answer))) == (status, ["prefix"])

    @pytest.mark.parametrize(("catalog", "prefix"), [("Nowhere", "W12-"), ("Chromebooks", "X-"), ("", "")])
    def test_refuses_a_catalog_or_prefix_that_there_is_not(self, admin: Person, catalog: str, prefix: str) -> None:
        assert admin.post(f"{PAGE}/catalogs", catalog=catalog, of_prefix=prefix).status_code == 400

    def test_a_catalog_that_vanishes_is_shown_as_such_and_can_be_taken_away(self, app: Flask, client: FlaskClient, admin: Person) -> None:
        with app.app_context():
            asset_store().create(NewAsset("projector", "Projectors"))
        admin.post(f"{PAGE}/catalogs", catalog="Projectors", of_prefix="W12-")
        assert "not in the directory" not in admin.read(PAGE)
        with app.app_context(), transaction() as session:
            session.execute(delete(EmbeddedAsset))
        assert "not in the directory" in admin.read(PAGE)
        assert created(client, 1) == "W12-0001"
        assert admin.post(f"{PAGE}/catalogs/remove", catalog="Projectors").status_code == 303
        assert "Remove<" not in admin.read(PAGE)

    def test_stays_when_the_directory_does_not_answer(self, app: Flask, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        def silence(_: AssetStore) -> list[str]:
            raise AssetStoreUnreachable("Request Tracker does not answer.")

        with app.app_context():
            monkeypatch.setattr(type(asset_store()), "catalogs", silence)
        page = admin.read(PAGE)
        assert "The catalogs cannot be read now. Request Tracker does not answer." in page
        assert admin.post(f"{PAGE}/catalogs", catalog="Chromebooks", of_prefix="W12-").status_code == 503
