"""Tags over JSON."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core.db import reading
from request_tracker_utils.tags.models import TagEvent
from tests.services.apps import csrf_token, sign_in, token, user
from tests.services.tables import check_all


def asset(app: Flask, name: str = "laptop") -> int:
    with app.app_context():
        return asset_store().create(NewAsset(name))


def name_of(app: Flask, asset_id: int) -> str:
    with app.app_context():
        return asset_store().get(asset_id).name


def events(app: Flask, asset_id: int) -> list[tuple[str, str, str | None, str | None]]:
    with app.app_context(), reading() as session:
        rows = session.scalars(select(TagEvent).where(TagEvent.asset_id == asset_id).order_by(TagEvent.id))
        return [(row.action, row.tag, row.old_name, row.new_name) for row in rows]


def next_tag(client: FlaskClient, headers: dict[str, str]) -> str:
    return str(client.get("/next-asset-tag", headers=headers).json["next_asset_tag"])


def confirm(client: FlaskClient, headers: dict[str, str], tag: object, asset_id: object) -> TestResponse:
    return client.post("/confirm-asset-tag", json={"asset_tag": tag, "request_tracker_id": asset_id}, headers=headers)


def rename(client: FlaskClient, headers: dict[str, str], asset_id: object, name: object) -> TestResponse:
    return client.post("/update-asset-name", json={"asset_id": asset_id, "asset_name": name}, headers=headers)


def reset(client: FlaskClient, headers: dict[str, str], **body: object) -> TestResponse:
    return client.post("/reset-asset-tag", json=body, headers=headers)


class TestNextAssetTag:
    def test_it_is_shown_and_not_used(self, client: FlaskClient, staff_token: dict[str, str]) -> None:
        answers = [client.get("/next-asset-tag", headers=staff_token).json for _ in range(2)]
        assert answers == [{"next_asset_tag": "W12-0001"}] * 2

    def test_a_caller_without_credentials_is_unauthenticated(self, client: FlaskClient) -> None:
        answer = client.get("/next-asset-tag")
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


class TestConfirmAssetTag:
    def test_the_tag_is_assigned_once_and_the_asset_renamed(self, app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
        asset_id = asset(app)
        answer = confirm(client, staff_token, "W12-0001", asset_id)
        message = "Asset tag confirmation logged successfully. Asset name updated in RT."
        assert (answer.status_code, answer.json) == (200, {"message": message, "asset_tag": "W12-0001", "rt_asset_id": asset_id})
        assert (name_of(app, asset_id), next_tag(client, staff_token)) == ("W12-0001", "W12-0002")
        conflict = confirm(client, staff_token, "W12-0001", asset(app))
        assert (conflict.status_code, conflict.json["asset_id"], conflict.json["code"]) == (409, asset_id, "tag_taken")

    def test_invalid_values_and_missing_assets_use_up_no_tag(self, client: FlaskClient, staff_token: dict[str, str]) -> None:
        def check(tag: object, asset_id: object, field: str) -> None:
            answer = confirm(client, staff_token, tag, asset_id)
            assert (answer.status_code, answer.json["field"]) == (400, field)

        check_all(
            [
                ("laptop", 1, "asset_tag"),
                ("", 1, "asset_tag"),
                (None, 1, "asset_tag"),
                ("W12-0001", "x", "request_tracker_id"),
                ("W12-0001", -1, "request_tracker_id"),
                ("W12-0001", 10**20, "request_tracker_id"),
            ],
            check,
        )
        assert confirm(client, staff_token, "W12-0001", 99).status_code == 404
        assert next_tag(client, staff_token) == "W12-0001"

    def test_it_needs_the_permission_and_in_a_session_the_csrf_token(self, app: Flask, client: FlaskClient) -> None:
        assert confirm(client, token(app, "teacher"), "W12-0001", 1).status_code == 403
        user(app, "staff")
        sign_in(client, "staff")
        body = {"asset_tag": "W12-0001", "request_tracker_id": asset(app)}
        assert client.post("/confirm-asset-tag", json=body).status_code == 403
        headers = {"X-CSRFToken": csrf_token(client, "/")}
        assert client.post("/confirm-asset-tag", json=body, headers=headers).status_code == 200


class TestUpdateAssetName:
    def test_the_asset_is_renamed_and_the_audit_log_records_it(self, app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
        asset_id, name = asset(app), "Cart 4 of the library, in front of the window"
        answer = rename(client, staff_token, asset_id, name)
        assert (answer.status_code, answer.json) == (
            200,
            {"message": f"Asset {asset_id} was renamed to {name}.", "asset_id": asset_id, "old_name": "laptop", "new_name": name},
        )
        assert name_of(app, asset_id) == name
        assert events(app, asset_id) == [("renamed", "Cart 4 of the library, in ", "laptop", name)]

    def test_a_name_that_is_a_tag_becomes_the_assets_tag(self, app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
        asset_id, other = asset(app), asset(app, "tablet")
        assert rename(client, staff_token, asset_id, "W12-0001").json["old_name"] == "laptop"
        assert next_tag(client, staff_token) == "W12-0002"
        assert [event[0] for event in events(app, asset_id)] == ["reserved", "assigned"]
        again = rename(client, staff_token, asset_id, "W12-0001")
        assert (again.status_code, again.json["old_name"]) == (200, "W12-0001")
        taken = rename(client, staff_token, other, "W12-0001")
        assert (taken.status_code, taken.json["code"], taken.json["asset_id"]) == (409, "tag_taken", asset_id)
        assert name_of(app, other) == "tablet"

    def test_an_asset_with_a_tag_cannot_be_renamed(self, app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
        asset_id = asset(app)
        rename(client, staff_token, asset_id, "W12-0001")

        def check(name: str) -> None:
            answer = rename(client, staff_token, asset_id, name)
            assert (answer.status_code, answer.json["code"], answer.json["asset_tag"]) == (409, "asset_has_tag", "W12-0001")

        check_all(["laptop", "W12-0002", "w12-0001"], check)
        assert name_of(app, asset_id) == "W12-0001"

    def test_invalid_values_and_missing_assets_are_refused(self, app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
        def check(asset_id: object, name: object, field: str) -> None:
            answer = rename(client, staff_token, asset_id, name)
            assert (answer.status_code, answer.json["field"]) == (400, field)

        names = ["", "   ", "x" * 256, "a\nb", "a\0b", None, 5]
        check_all([*((1, name, "asset_name") for name in names), (0, "laptop", "asset_id"), ("x", "laptop", "asset_id")], check)
        for name in ("laptop", "W12-0001"):
            assert rename(client, staff_token, 99, name).status_code == 404
        assert events(app, 99) == [("reserved", "W12-0001", None, "W12-0001"), ("released", "W12-0001", None, "W12-0001")]

    def test_unusual_names_are_set_unchanged(self, app: Flask, client: FlaskClient, staff_token: dict[str, str]) -> None:
        asset_id = asset(app)

        def check(name: str) -> None:
            assert rename(client, staff_token, asset_id, name).json["new_name"] == name_of(app, asset_id) == name

        check_all(["O'Neil's \"best\"", "<script>alert(1)</script>", "🎒🖥", "x" * 255, "=1+1"], check)


class TestResetAssetTag:
    def test_the_sequence_continues_at_the_number(
        self, app: Flask, client: FlaskClient, admin_token: dict[str, str], staff_token: dict[str, str]
    ) -> None:
        for tag in ("W12-0001", "W12-0002", "W12-0003"):
            confirm(client, staff_token, tag, asset(app))
        answer = reset(client, admin_token, start_number=1025)
        assert (answer.status_code, answer.json) == (200, {"message": "The next tag is W12-1025.", "new_start_tag": "W12-1025"})
        assert next_tag(client, staff_token) == "W12-1025"
        answer = reset(client, admin_token, start_number=1, prefix="W12-", reason="again")
        message = "1 to 3 are in use and were skipped. The next tag is W12-0004."
        assert answer.json == {"message": message, "new_start_tag": "W12-0004"}

    def test_invalid_numbers_and_unknown_prefixes_are_refused(self, client: FlaskClient, admin_token: dict[str, str]) -> None:
        def check_number(number: object) -> None:
            answer = reset(client, admin_token, start_number=number)
            assert (answer.status_code, answer.json["field"]) == (400, "start_number")

        def check_prefix(prefix: str) -> None:
            answer = reset(client, admin_token, start_number=5, prefix=prefix)
            assert (answer.status_code, answer.json["code"]) == (404, "prefix_not_found")

        check_all([0, -1, 10**12, 10**30, "5", "abc", "", None, 1.5, True, [1], {}], check_number)
        check_all(["X-", "w12-", "'", "W12-\0"], check_prefix)
