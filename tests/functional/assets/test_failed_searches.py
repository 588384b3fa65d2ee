"""A Request Tracker 6 whose database cannot run searches: it answers without rows and total. Nothing may take that for "nothing found"."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.core.db import reading
from tests.services.apps import make_app, ready, run_job, token
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.tables import check_all

LAPTOP = {"serial_number": "ABC123", "manufacturer": "Dell", "model": "Chromebook 3100"}
MANY_TERMS = " OR ".join(f"RefersTo = {number}" for number in range(70))
ANSWERS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "unit/integrations/answers/rt-6.0.0.json").read_text())


class FailingRt:
    """Answers searches for everything, and others only if they are `well`."""

    def __init__(self) -> None:
        self.well = True

    def __call__(self, call: Call) -> Reply:
        if call.method == "POST" and call.path == "/REST/2.0/asset":
            return self._answer("create")
        if not call.path.startswith("/REST/2.0/assets?"):
            return Reply({"message": "Not Found"}, status=404)
        if call.body in (b'[{"field": "id", "operator": ">", "value": 0}]', b"query=id+%3E+0"):
            return self._answer("everything")
        return self._answer("nothing found" if self.well else "query that the database cannot run")

    def _answer(self, name: str) -> Reply:
        return Reply(ANSWERS[name]["body"], ANSWERS[name]["status"])


@pytest.fixture
def rt() -> FailingRt:
    return FailingRt()


@pytest.fixture
def server(rt: FailingRt) -> Iterator[LocalServer]:
    with LocalServer(rt) as server:
        yield server


@pytest.fixture
def app(server: LocalServer, rt: FailingRt, tmp_path: Path) -> Flask:
    app = ready(make_app(tmp_path, rt_url=server.url, rt_token="1-14-abcdefghij", scheduler="false"))
    run_job(app, "adopt-tags")
    rt.well = False
    return app


def test_no_asset_is_created_after_a_search_that_failed(app: Flask, server: LocalServer) -> None:
    client, headers = app.test_client(), token(app, "staff")
    refused = client.post("/assets/create", json=LAPTOP, headers=headers)
    assert refused.json is not None
    assert (refused.status_code, refused.json["retry"]) == (500, True)
    assert "could not run the search" in refused.json["error"]
    checked = client.get("/assets/validate-serial?serial_number=ABC123", headers=headers)
    assert checked.status_code == 500
    assert not [call for call in server.calls if (call.method, call.path) == ("POST", "/REST/2.0/asset")]
    with app.app_context(), reading() as session:
        assert [creation.state for creation in session.query(Creation)] == [CreationState.FAILED], "the serial number is free again"


def test_searches_of_people_and_programs_say_so(app: Flask) -> None:
    client, headers = app.test_client(), token(app, "staff")

    def check(method: str, path: str, body: dict[str, object] | None) -> None:
        answer = client.open(path, method=method, json=body, headers=headers)
        assert answer.json is not None
        assert (answer.status_code, answer.json["code"]) == (400, "directory_invalid")
        assert "could not run the search" in answer.json["error"]

    check_all(
        [
            ("POST", "/labels/batch", {"query": MANY_TERMS}),
            ("POST", "/labels/batch", {"asset_ids": [1, 2, 3]}),
        ],
        check,
    )
