"""Custom fields that were renamed or disabled in a real Request Tracker while the program runs."""

from collections.abc import Iterator

import pytest
from flask import Flask

from request_tracker_utils.asset_store.feature import check_health
from request_tracker_utils.core.health import Status
from tests.services.apps import make_app, ready, run_job, token
from tests.services.proxy import Proxy
from tests.services.request_tracker import RequestTracker
from tests.services.tables import check_all

pytestmark = pytest.mark.rt


@pytest.fixture(scope="module")
def rt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTracker]:
    """Its own, since its fields change."""
    with RequestTracker(tmp_path_factory.mktemp("rt-fields"), workers=3) as rt:
        yield rt


@pytest.fixture(scope="module")
def door(rt: RequestTracker) -> Iterator[Proxy]:
    with Proxy(rt.url) as door:
        yield door


@pytest.fixture(scope="module")
def app(rt: RequestTracker, door: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    app = ready(make_app(tmp_path_factory.mktemp("ours"), rt_url=door.url, rt_token=rt.token, scheduler="false"))
    run_job(app, "adopt-tags")
    return app


def change_field(rt: RequestTracker, name: str, **changes: object) -> None:
    rows = rt.rest(
        "POST",
        "customfields",
        params={"fields": "Name", "find_disabled_rows": "1"},
        json=[{"field": "Name", "operator": "=", "value": name}],
    ).json()["items"]
    rt.rest("PUT", f"customfield/{rows[0]['id']}", json=changes).raise_for_status()


def health(app: Flask) -> tuple[Status, str]:
    with app.app_context():
        result = check_health()
    assert "field '" not in result.summary, "the summary is public"
    return result.status, result.detail


def test_a_creation_and_health_name_a_field_that_was_renamed_or_disabled(app: Flask, rt: RequestTracker, door: Proxy) -> None:
    client, headers = app.test_client(), token(app, "staff")

    def create(serial: str) -> tuple[int, dict[str, object]]:
        laptop = {"serial_number": serial, "manufacturer": "Dell", "model": "Chromebook 3100"}
        answer = client.post("/assets/create", json=laptop, headers=headers)
        return answer.status_code, answer.json or {}

    def check(field: str, changes: dict[str, object], back: dict[str, object], expected: str) -> None:
        change_field(rt, field, **changes)
        try:
            door.calls.clear()
            status, body = create("BROKEN-1")
            assert (status, body["retry"], rt.assets_with_serial("BROKEN-1")) == (500, False, [])
            assert expected in str(body["error"])
            status_of_health, detail = health(app)
            assert status_of_health is Status.DEGRADED
            assert expected in detail
        finally:
            change_field(rt, str(changes.get("Name", field)), **back)
        assert health(app)[0] is Status.OK

    assert create("FINE-1")[0] == 201
    assert health(app)[0] is Status.OK
    check_all(
        [
            ("Serial Number", {"Name": "Serial"}, {"Name": "Serial Number"}, "no custom field 'Serial Number' for assets: it was renamed"),
            ("Serial Number", {"Disabled": 1}, {"Disabled": 0}, "The custom field 'Serial Number' is disabled"),
            ("Model", {"Name": "Type of model"}, {"Name": "Model"}, "no custom field 'Model' for assets: it was renamed"),
            ("Manufacturer", {"Disabled": 1}, {"Disabled": 0}, "The custom field 'Manufacturer' is disabled"),
        ],
        check,
    )
    assert create("FINE-2")[0] == 201
