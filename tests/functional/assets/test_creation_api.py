"""Batch creation over JSON, field by field and word by word as its contract specifies."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Semaphore
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import (
    AssetNotFound,
    AssetStoreBroken,
    AssetStoreBusy,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreUnreachable,
    NewAsset,
)
from request_tracker_utils.assets import creations
from request_tracker_utils.assets.errors import SerialInFlight
from request_tracker_utils.assets.fields import NewAssetFields
from request_tracker_utils.assets.models import Creation
from request_tracker_utils.assets.service import RIVAL_TIMEOUT
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.tags import prefixes, service as tags
from request_tracker_utils.tags.models import Tag, TagSequence
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import csrf_token, sign_in, signed_in, token, user
from tests.services.creations import create_confirmed, creator
from tests.services.tables import check_all
from tests.services.terminal import Run

LAPTOP = {"serial_number": "ABC123456", "manufacturer": "Dell", "model": "Chromebook 3100"}
CREATE = "request_tracker_utils.asset_store.embedded.EmbeddedAssetStore.create"
FIND = "request_tracker_utils.asset_store.embedded.EmbeddedAssetStore.find_by_serials_or_names"
Create = Callable[..., TestResponse]


@pytest.fixture
def headers(app: Flask) -> dict[str, str]:
    return token(app, "staff")


@pytest.fixture
def create(client: FlaskClient, headers: dict[str, str]) -> Create:
    return lambda **fields: client.post("/assets/create", json={**LAPTOP, **fields}, headers=headers)


def raising(error: AppError) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def test_an_asset_is_created_with_the_next_tag(app: Flask, create: Create) -> None:
    answer = create(internal_name="Dell CB 3100 #1", category="Laptop", funding_source="Title I")
    assert (answer.status_code, answer.json) == (
        201,
        {
            "success": True,
            "asset_id": 1,
            "asset_tag": "W12-0001",
            "serial_number": "ABC123456",
            "label_printed": True,
            "message": "Asset W12-0001 created successfully",
        },
    )
    with app.app_context():
        asset = asset_store().get(1)
    assert (asset.name, asset.serial, asset.manufacturer, asset.model, asset.catalog) == (
        "W12-0001",
        "ABC123456",
        "Dell",
        "Chromebook 3100",
        "General assets",
    )
    assert asset.fields == {"Internal Name": "Dell CB 3100 #1", "Category": "Laptop", "Funding Source": "Title I"}


def test_catalog_status_and_fields_are_those_of_the_settings(
    app: Flask, client: FlaskClient, headers: dict[str, str], create: Create
) -> None:
    registry = registry_of(app)
    registry.settings = registry.settings.model_copy(
        update={"rt_asset_status": "in-use", "rt_category_field": "Kind", "rt_catalog": "Carts"}
    )
    assert create(category="Laptop").status_code == 201
    assert create(serial_number="ABC-2", catalog="Chromebooks").status_code == 201
    with app.app_context():
        first, second = asset_store().get(1), asset_store().get(2)
    assert (first.status, first.fields, first.catalog, second.catalog) == ("in-use", {"Kind": "Laptop"}, "Carts", "Chromebooks")


def test_a_label_that_cannot_be_rendered_is_reported_with_the_address_to_retry(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("request_tracker_utils.assets.current.can_print", lambda *_: False)
    answer = create()
    assert answer.status_code == 201
    assert answer.json == {
        "success": True,
        "asset_id": 1,
        "asset_tag": "W12-0001",
        "serial_number": "ABC123456",
        "label_printed": False,
        "message": "Asset W12-0001 created successfully, but label printing failed",
        "retry_print_url": "/labels/print?asset_id=1",
    }


def test_invalid_fields_are_refused_with_the_words_of_the_contract(client: FlaskClient, headers: dict[str, str], create: Create) -> None:
    def check_missing(field: str, value: str) -> None:
        answer = create(**{field: value})
        assert (answer.status_code, answer.json) == (
            400,
            {"success": False, "error": f"Missing required field: {field}", "field": field},
        )

    def check_serial(serial: str) -> None:
        answer = create(serial_number=serial)
        assert (answer.status_code, answer.json) == (
            400,
            {
                "success": False,
                "error": "Serial number contains invalid characters",
                "field": "serial_number",
                "validation_rule": "alphanumeric and hyphens only",
            },
        )

    def check_length(field: str, max_length: int) -> None:
        answer = create(**{field: "x" * (max_length + 1)})
        assert (answer.status_code, answer.json["field"], answer.json["validation_rule"]) == (
            400,
            field,
            f"at most {max_length} characters",
        )
        serial = {} if field == "serial_number" else {"serial_number": f"LONG-{field.replace('_', '-')}"}
        assert create(**serial, **{field: "x" * max_length}).status_code == 201

    def check_type(field: str, value: object) -> None:
        answer = create(**{field: value})
        assert (answer.status_code, answer.json["field"]) == (400, field)
        assert answer.json.keys() == {"success", "error", "field"}

    check_all([(field, value) for field in ("serial_number", "manufacturer", "model") for value in ("", "   ")], check_missing)
    first = client.post("/assets/create", json={}, headers=headers)
    assert first.json == {"success": False, "error": "Missing required field: serial_number", "field": "serial_number"}
    check_all(["ABC 123", "ABC_1", "Ä1", "ＡＢＣ", "١٢٣", "A‐1", "A\n1", "A;DROP", "'"], check_serial)
    check_all(
        [("serial_number", 50), ("internal_name", 100), ("manufacturer", 100), ("model", 100), ("category", 50), ("funding_source", 100)],
        check_length,
    )
    fields = ("serial_number", "manufacturer", "internal_name")
    check_all([(field, value) for field in fields for value in (5, None, [], {}, True)], check_type)


def test_a_body_that_is_not_an_object_is_refused_in_the_same_shape(client: FlaskClient, headers: dict[str, str]) -> None:
    def check(body: bytes) -> None:
        answer = client.post("/assets/create", data=body, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json["success"]) == (400, False)
        assert answer.json.keys() <= {"success", "error", "field", "validation_rule"}

    check_all([b"", b"[]", b"null", b"{", b'"x"', b'{"serial_number": "\\ud800"}', b'{"model": 1, "model": 2}'], check)


def test_blanks_around_a_serial_number_do_not_count(create: Create) -> None:
    assert create(serial_number="  ABC123456\t").json["serial_number"] == "ABC123456"
    assert create(serial_number=" abc123456").json == {
        "success": False,
        "error": "Serial number abc123456 already exists (Asset #1)",
        "field": "serial_number",
        "existing_asset_id": 1,
    }


def test_a_serial_number_that_is_being_created_is_not_created_again(app: Flask, create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("request_tracker_utils.assets.service.RIVAL_TIMEOUT", 0.3)
    with app.app_context(), transaction() as session:
        creations.claim(session, NewAssetFields("abc123456", "Dell", "x"), actor=Actor("ada"), now=utc_now())
    answer = create()
    assert (answer.status_code, answer.json.keys()) == (400, {"success", "error", "field", "retry"})
    assert (answer.json["field"], answer.json["retry"]) == ("serial_number", True)


def test_an_error_of_the_asset_store_is_a_500_that_says_whether_to_retry(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(serial: str, error: AppError, retry: bool) -> None:
        monkeypatch.setattr(CREATE, raising(error))
        answer = create(serial_number=serial)
        assert (answer.status_code, answer.json.keys()) == (500, {"success", "error", "retry"})
        assert answer.json["error"].startswith(f"Failed to create asset in RT: {error.message}")
        assert answer.json["retry"] is retry

    check_all(
        [
            ("S-1", AssetStoreUnreachable("Connection timeout"), True),
            ("S-2", AssetStoreBroken("It failed inside."), True),
            ("S-3", AssetStoreBusy("Many requests are waiting."), True),
            ("S-4", AssetStoreRefused("No rights."), False),
            ("S-5", AssetStoreInvalid("There is no custom field Category."), False),
        ],
        check,
    )


def test_if_the_search_fails_nothing_is_created(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FIND, raising(AssetStoreUnreachable("Connection timeout")))
        answer = create()
        assert (answer.status_code, answer.json) == (
            500,
            {"success": False, "error": "Failed to create asset in RT: Connection timeout", "retry": True},
        )
        patch.setattr(FIND, raising(AssetNotFound("There is no REST 2.0 there.")))
        answer = create()
        assert (answer.status_code, answer.json["retry"]) == (500, False)
    assert create().json["asset_tag"] == "W12-0001"


def test_without_a_waiting_slot_the_response_is_immediate(app: Flask) -> None:
    with app.app_context():
        with transaction() as session:
            creations.claim(session, NewAssetFields("ABC-1", "Dell", "x"), actor=Actor("ada"), now=utc_now())
        without_slots = replace(creator(asset_store()), waiting_slots=Semaphore(0))
        started_at = time.monotonic()
        with pytest.raises(SerialInFlight):
            without_slots.create(NewAssetFields("abc-1", "Dell", "x"))
        assert time.monotonic() - started_at < RIVAL_TIMEOUT / 2


def test_after_a_timeout_tag_and_serial_number_stay_reserved_and_a_retry_creates_no_duplicate(
    app: Flask, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(CREATE, raising(AssetStoreUnreachable("Connection timeout")))
        error = create().json["error"]
    assert "W12-0001 and serial number ABC123456 stay reserved" in error
    again = create()
    assert (again.status_code, again.json["retry"], "existing_asset_id" in again.json) == (400, True, False)
    with app.app_context():
        created = asset_store().create(NewAsset("W12-0001", serial="ABC123456"))  # the request had succeeded
    truth = create()
    assert (truth.status_code, truth.json["existing_asset_id"]) == (400, created)
    with app.app_context(), reading() as session:
        assert session.scalars(select(Tag.tag).where(Tag.asset_id == created)).all() == ["W12-0001"]
        assert session.scalars(select(Creation.state).where(Creation.tag_id.is_not(None))).all() == ["created"]


def test_a_sequence_that_is_not_ready_is_reported_as_the_contract_specifies(
    app: Flask, client: FlaskClient, headers: dict[str, str], create: Create
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    assert (create().status_code, create().json) == (500, {"success": False, "error": "Asset tag sequence unavailable", "retry": True})
    preview = client.get("/assets/preview-next-tag", headers=headers)
    assert (preview.status_code, preview.json) == (500, {"error": "Asset tag sequence unavailable"})
    with app.app_context(), transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=utc_now()))
    assert create().status_code == 201


def test_a_token_or_a_session_with_its_csrf_token_is_required(app: Flask, client: FlaskClient) -> None:
    nobody = client.post("/assets/create", json=LAPTOP)
    assert (nobody.status_code, nobody.json["success"], nobody.json.keys()) == (401, False, {"success", "error"})
    student = client.post("/assets/create", json=LAPTOP, headers=token(app, "student"))
    assert (student.status_code, student.json.keys()) == (403, {"success", "error"})
    user(app, "staff")
    sign_in(client, "staff")
    without = client.post("/assets/create", json=LAPTOP)
    assert (without.status_code, without.json["success"]) == (403, False)
    page = client.get("/assets/create").get_data(as_text=True)
    csrf = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    assert client.post("/assets/create", json=LAPTOP, headers={"X-CSRFToken": csrf}).status_code == 201


class TestChecking:
    def check(self, client: FlaskClient, headers: dict[str, str], serial: str) -> tuple[int, Any]:
        answer = client.get("/assets/validate-serial", query_string={"serial_number": serial}, headers=headers)
        return answer.status_code, answer.json

    def test_a_free_serial_number_is_valid(self, client: FlaskClient, headers: dict[str, str]) -> None:
        assert self.check(client, headers, " ABC-1 ") == (200, {"valid": True, "serial_number": "ABC-1"})

    def test_an_existing_one_is_reported_with_its_asset_and_tag(self, client: FlaskClient, headers: dict[str, str], create: Create) -> None:
        create()
        expected = {"error": "Serial number already exists", "existing_asset_id": 1, "existing_asset_tag": "W12-0001"}
        assert self.check(client, headers, "abc123456") == (200, {"valid": False, "serial_number": "abc123456", **expected})

    def test_an_asset_without_a_tag_is_reported_by_its_number(self, app: Flask, client: FlaskClient, headers: dict[str, str]) -> None:
        with app.app_context():
            asset_store().create(NewAsset("an old one", serial="OLD-1"))
        expected = {"error": "Serial number already exists", "existing_asset_id": 1}
        assert self.check(client, headers, "OLD-1") == (200, {"valid": False, "serial_number": "OLD-1", **expected})

    def test_an_invalid_one_is_not_valid(self, client: FlaskClient, headers: dict[str, str]) -> None:
        status, checked = self.check(client, headers, "A_1")
        assert (status, checked) == (200, {"valid": False, "serial_number": "A_1", "error": "Serial number contains invalid characters"})

    def test_a_missing_parameter_is_400(self, client: FlaskClient, headers: dict[str, str]) -> None:
        for query in ("", "?serial_number=", "?serial_number=%20", "?serial=ABC"):
            answer = client.get(f"/assets/validate-serial{query}", headers=headers)
            assert (answer.status_code, answer.json) == (400, {"error": "Missing required parameter: serial_number"})

    def test_an_unreachable_asset_store_is_500(self, client: FlaskClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        silent = raising(AssetStoreUnreachable("Connection timeout"))
        monkeypatch.setattr("request_tracker_utils.asset_store.embedded.EmbeddedAssetStore.find_by_serials", silent)
        assert self.check(client, headers, "ABC") == (500, {"error": "Connection timeout"})


class TestPreview:
    def test_a_preview_assigns_nothing(self, client: FlaskClient, headers: dict[str, str], create: Create) -> None:
        for _ in range(2):
            answer = client.get("/assets/preview-next-tag", headers=headers)
            assert (answer.status_code, answer.json) == (200, {"next_tag": "W12-0001", "prefix": "W12-", "sequence_number": 1})
        create()
        assert client.get("/assets/preview-next-tag", headers=headers).json["sequence_number"] == 2

    def test_a_preview_uses_the_prefix_of_the_catalog(
        self, app: Flask, client: FlaskClient, headers: dict[str, str], create: Create
    ) -> None:
        with app.app_context(), transaction() as session:
            prefixes.create(session, "LAB-", actor=Actor("ada"), now=utc_now())
            session.execute(update(TagSequence).values(adopted_at=utc_now()))
            prefixes.set_for_catalog(session, "Projectors", "LAB-", actor=Actor("ada"), now=utc_now())
        asked = {"catalog": "Projectors"}
        assert client.get("/assets/preview-next-tag", query_string=asked, headers=headers).json["next_tag"] == "LAB-0001"
        assert create(catalog="Projectors").json["asset_tag"] == "LAB-0001"


def test_clearing_the_form_is_answered_as_the_contract_specifies(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post("/assets/batch/clear-form", headers=headers)
    assert (answer.status_code, answer.json) == (200, {"success": True, "message": "Form state cleared"})


def test_a_released_tag_is_assigned_again(app: Flask, create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(CREATE, raising(AssetStoreRefused("No rights.")))
        create()
    assert create().json["asset_tag"] == "W12-0001"
    with app.app_context(), transaction() as session:
        session.execute(delete(Creation))
        assert tags.tags_of_assets(session, [1])[1].tag == "W12-0001"


@pytest.mark.both_databases
def test_a_tag_that_an_asset_was_renamed_to_is_skipped_over_the_api_on_the_page_and_by_the_command(
    app: Flask, create: Create, client: FlaskClient, headers: dict[str, str], run: Run
) -> None:
    with app.app_context():
        renamed = create_confirmed(asset_store()).asset_id
        asset_store().rename(renamed, "W12-0002")
    assert create(serial_number="API-1").json["asset_tag"] == "W12-0003"
    with app.app_context():
        asset_store().rename(renamed, "W12-0004")
    staff = signed_in(app, "staff")
    form = {**LAPTOP, "serial_number": "PAGE-1", "csrf_token": csrf_token(staff, "/assets/create")}
    assert "W12-0005" in staff.post("/assets/new", data=form, follow_redirects=True, headers={"Accept": "text/html"}).get_data(as_text=True)
    with app.app_context():
        asset_store().rename(renamed, "W12-0007")
    result = run("assets", "import", "-", "--manufacturer", "Dell", "--model", "G10", typed="CLI-1\nCLI-2\n")
    assert result.stdout.splitlines() == ["CLI-1\tW12-0006", "CLI-2\tW12-0008"]
    assert client.get("/next-asset-tag", headers=headers).json == {"next_asset_tag": "W12-0009"}
    page = staff.get("/admin/asset-tags/differences", headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "W12-0007" in page
    assert "between tags and asset names" in staff.get("/", headers={"Accept": "text/html"}).get_data(as_text=True)
