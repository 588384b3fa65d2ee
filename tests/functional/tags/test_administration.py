"""The page Asset tags: sequences, prefixes, and catalogs."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStore, AssetStoreUnreachable, NewAsset
from request_tracker_utils.core.db import transaction
from tests.functional.tags.conftest import call_webhook
from tests.services.apps import run_job, user
from tests.services.people import Person, errors_in, text_of
from tests.services.tables import check_all

PAGE = "/admin/asset-tags"
RESET = f"{PAGE}/reset/W12-"


def created(client: FlaskClient, asset_id: int, **more: str) -> str:
    return str(call_webhook(client, asset_id=asset_id, **more).json["asset_tag"])


def test_each_sequence_is_shown_to_staff_without_forms(client: FlaskClient, admin: Person, staff: Person) -> None:
    created(client, 1)
    for person, forms in ((admin, True), (staff, False)):
        page = person.read(PAGE)
        assert "W12-0002" in page
        assert ("Add prefix" in page, RESET in page) == (forms, forms)


def test_a_sequence_is_reset_unless_someone_else_has_reset_it(app: Flask, client: FlaskClient, admin: Person) -> None:
    created(client, 1)
    assert 'name="expected" type="hidden" value="2"' in admin.read(RESET)
    answer = admin.submit(RESET, expected="2", start_number="1", reason="from the beginning")
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "1 is in use and was skipped. The next tag is W12-0002." in admin.read(PAGE)
    bob = Person(app, user(app, "admin", "bob"))
    assert admin.submit(RESET, expected="1", start_number="100", reason="a new roll").status_code == 303
    late = bob.submit(RESET, expected="1", start_number="500", reason="another roll")
    assert late.status_code == 409
    assert "ada changed the next tag from W12-0002 to W12-0100 (a new roll)" in errors_in(late)[""]
    assert 'name="expected" type="hidden" value="100"' in text_of(late)
    assert bob.submit(RESET, expected="100", start_number="500", reason="another roll").status_code == 303


def test_an_invalid_reset_changes_nothing(admin: Person) -> None:
    def check(field: str, value: str) -> None:
        answer = admin.submit(RESET, **{"expected": "1", "start_number": "5", "reason": "why not", field: value})
        assert (answer.status_code, list(errors_in(answer))) == (400, [field])

    def check_tampered(expected: str) -> None:
        assert admin.submit(RESET, expected=expected, start_number="5", reason="why not").status_code == 400

    numbers = ["0", "-5", "1000000000000", "ten", ""]
    check_all([*(("start_number", number) for number in numbers), ("reason", " "), ("reason", "x" * 201)], check)
    check_all(["", "x", "-1", "9" * 30, "1\n"], check_tampered)
    assert "W12-0001" in admin.read(PAGE)
    assert admin.get(f"{PAGE}/reset/X-").status_code == 404
    for prefix in ("X-", "%00"):
        assert admin.submit(f"{PAGE}/reset/{prefix}", expected="1", start_number="5", reason="why not").status_code == 404


def test_a_new_prefix_is_used_for_new_assets_in_its_catalog(app: Flask, client: FlaskClient, admin: Person) -> None:
    assert admin.submit(f"{PAGE}/prefixes", prefix="LAB-").status_code == 303
    assert "importing existing tags" in admin.read(PAGE)
    run_job(app, "adopt-tags")
    assert admin.submit(f"{PAGE}/catalogs", catalog="Chromebooks", of_prefix="LAB-").status_code == 303
    assert "New assets in Chromebooks now get LAB- tags." in admin.read(PAGE)
    tags = [created(client, 1, catalog="Chromebooks"), created(client, 2, catalog="Cables"), created(client, 3)]
    assert tags == ["LAB-0001", "W12-0001", "W12-0002"]
    answer = admin.submit("/assets/new", model="3100", serial_number="LAB-1", manufacturer="Dell", catalog="Chromebooks")
    assert answer.status_code == 303
    assert "LAB-0002" in admin.read(answer.location)


def test_invalid_prefixes_and_catalogs_are_refused(admin: Person) -> None:
    def check_prefix(prefix: str, status: int) -> None:
        answer = admin.submit(f"{PAGE}/prefixes", prefix=prefix)
        assert (answer.status_code, list(errors_in(answer))) == (status, ["prefix"])

    def check_catalog(catalog: str, prefix: str) -> None:
        assert admin.submit(f"{PAGE}/catalogs", catalog=catalog, of_prefix=prefix).status_code == 400

    check_all([("", 400), ("LAB1", 400), ("LÄB", 400), ("x" * 17, 400), ("w12-", 409), (" ", 400)], check_prefix)
    check_all([("Nowhere", "W12-"), ("Chromebooks", "X-"), ("", "")], check_catalog)


def test_a_missing_catalog_is_marked_and_its_prefix_can_be_removed(app: Flask, client: FlaskClient, admin: Person) -> None:
    with app.app_context():
        asset_store().create(NewAsset("projector", "Projectors"))
    admin.submit(f"{PAGE}/catalogs", catalog="Projectors", of_prefix="W12-")
    assert ">not found<" not in admin.read(PAGE)
    with app.app_context(), transaction() as session:
        session.execute(delete(EmbeddedAsset))
    assert ">not found<" in admin.read(PAGE)
    assert created(client, 1) == "W12-0001"
    assert admin.submit(f"{PAGE}/catalogs/remove", catalog="Projectors").status_code == 303
    assert ">Remove<" not in admin.read(PAGE)


def test_the_page_is_shown_even_if_the_asset_store_does_not_answer(app: Flask, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def silence(_: AssetStore) -> list[str]:
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    with app.app_context():
        monkeypatch.setattr(type(asset_store()), "catalogs", silence)
    assert "The catalogs could not be loaded. Request Tracker does not answer." in admin.read(PAGE)
    assert admin.submit(f"{PAGE}/catalogs", catalog="Chromebooks", of_prefix="W12-").status_code == 503
