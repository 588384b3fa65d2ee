"""The webhook that Request Tracker calls, and the page that shows how to connect it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.health import Health
from request_tracker_utils.tags.models import CONFIRM_TAGS, Tag
from request_tracker_utils.tags.tasks import WATCH_WEBHOOK
from request_tracker_utils.web.registry import registry_of
from tests.functional.tags.conftest import SECRET, call_webhook as call
from tests.services.apps import WEBHOOK_TOKEN, run_job, token
from tests.services.at_once import until_free
from tests.services.people import Person
from tests.services.tables import check_all


def send(client: FlaskClient, body: bytes) -> TestResponse:
    return client.post("/webhook/asset-created", data=body, content_type="application/json", headers=SECRET)


def test_the_response_is_the_assets_tag(client: FlaskClient) -> None:
    answer = call(client, asset_id=12345, asset_name="Laptop Model X", created_by="admin_user")
    assert answer.status_code == 200
    assert answer.json == {
        "message": "Asset tag W12-0001 assigned to asset 12345",
        "asset_id": 12345,
        "asset_tag": "W12-0001",
        "previous_name": "Laptop Model X",
    }


def test_the_call_of_a_minimal_scrip_is_sufficient(client: FlaskClient) -> None:
    answer = call(client, asset_id=7, event="create", timestamp=1760000000)
    assert (answer.json["asset_tag"], answer.json["previous_name"]) == ("W12-0001", None)


def test_concurrent_calls_for_an_asset_get_one_tag(app: Flask, client: FlaskClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: until_free(lambda: call(app.test_client(), asset_id=7)), range(24))
        tags = {answer.json["asset_tag"] for answer in answers}
    assert tags == {"W12-0001"}
    assert call(client, asset_id=8).json["asset_tag"] == "W12-0002"


def test_without_the_secret_no_tag_is_assigned(app: Flask, client: FlaskClient) -> None:
    def check(headers: dict[str, str]) -> None:
        answer = client.post("/webhook/asset-created", json={"asset_id": 7}, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")

    values = ["Bearer wrong", WEBHOOK_TOKEN, f"Basic {WEBHOOK_TOKEN}", token(app, "admin")["Authorization"]]
    check_all([{}, *({"Authorization": value} for value in values)], check)
    assert call(client, asset_id=8).json["asset_tag"] == "W12-0001"


def test_an_asset_number_has_several_spellings(client: FlaskClient) -> None:
    def check(number: bytes) -> None:
        answer = send(client, b'{"asset_id": %s}' % number)
        assert (answer.status_code, answer.json["asset_id"], answer.json["asset_tag"]) == (200, 12, "W12-0001")

    check_all([b"12", b"12.0", b"1.2e1", b'"12"', b'" 12 "'], check)


def test_invalid_numbers_and_bodies_are_refused(client: FlaskClient) -> None:
    def check_number(asset_id: object) -> None:
        answer = call(client, asset_id=asset_id)
        assert (answer.status_code, answer.json["field"]) == (400, "asset_id")

    def check_body(body: bytes) -> None:
        answer = send(client, body)
        assert (answer.status_code, answer.is_json) == (400, True)

    check_all([0, -1, 2**31, 10**30, "abc", "-5", "", " ", "٣", 1.5, True, None, [1], {"a": 1}], check_number)
    check_all([b"", b"[]", b"null", b"3", b"{", b"{}", b"\xff\xfe", b'"text"', b"[" * 200_000, b'{"asset_id":' * 50_000], check_body)
    assert client.post("/webhook/asset-created", headers=SECRET).status_code == 400
    large = call(client, asset_id=1, asset_name="x" * 10_000_000)
    assert (large.status_code, large.is_json) == (413, True)


def test_unusual_names_and_catalogs_do_not_matter(client: FlaskClient) -> None:
    def check_name(asset_id: int, name: str, stored: str | None) -> None:
        assert call(client, asset_id=asset_id, asset_name=name).json["previous_name"] == stored

    def check_catalog(catalog: str | None) -> None:
        assert call(client, asset_id=3, catalog=catalog).json["asset_tag"] == "W12-0003"

    names = ["O'Neil's \"best\"", "<script>alert(1)</script>", "🎒🖥", "x" * 300, "", "\u202eevil"]
    check_all([(number, name, name or None) for number, name in enumerate(names, start=1)], check_name)
    check_name(9, "lap\0top", "laptop")
    check_all(["Chrome\0books", "", "x" * 1000, "'; --", "🎒", None], check_catalog)


def test_many_calls_are_reported_and_never_refused(
    app: Flask, client: FlaskClient, admin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    limit = registry_of(app).settings.webhook_tags_per_minute

    def shown() -> tuple[str, bool, bool]:
        for runner in registry_of(app).get(Health)._runners:
            runner._started_at = float("-inf")  # results are cached for half a minute
        sentence = f"The webhook has assigned more than {limit} tags within a minute"
        health = client.get("/api/health").json
        return health["checks"]["webhook"]["status"], "webhook" in health["degraded"], sentence in admin.read("/admin")

    for asset_id in range(1, limit + 1):
        assert call(client, asset_id=asset_id).status_code == 200
    assert (shown(), run_job(app, WATCH_WEBHOOK)) == (("ok", False, False), limit)
    assert not [record for record in caplog.records if "many tags" in record.getMessage()]
    assert call(client, asset_id=limit + 1).status_code == 200
    assert (shown(), run_job(app, WATCH_WEBHOOK)) == (("degraded", True, True), limit + 1)
    assert [record for record in caplog.records if "many tags" in record.getMessage()]
    assert f"rtutils_webhook_tags {limit + 1}.0" in admin.read("/metrics")


def test_an_old_asset_is_shown_with_the_reason_and_both_choices(app: Flask, client: FlaskClient, admin: Person) -> None:
    with app.app_context(), transaction() as session:
        old = EmbeddedAsset(name="Laptop", created_at=utc_now() - timedelta(days=30))
        session.add(old)
        session.flush()
        asset_id = old.id
    tag = call(client, asset_id=asset_id, asset_name="Laptop").json["asset_tag"]
    with app.app_context(), transaction() as session:
        session.execute(update(Tag).where(Tag.tag == tag).values(due_at=utc_now()))
    run_job(app, CONFIRM_TAGS)
    reason = "The webhook was called for this asset at"
    page = admin.read("/admin/asset-tags/differences")
    assert (reason in page, f"Rename #{asset_id} to {tag}" in page, f"Remove {tag} from #{asset_id}" in page) == (True, True, True)
    assert reason in admin.read("/tags/pending")
    assert reason in admin.read("/admin")
    assert "needs attention" in admin.read(f"/admin/asset-tags/audit?q={tag}")
    with app.app_context(), reading() as session:
        assert session.get_one(EmbeddedAsset, asset_id).name == "Laptop"
