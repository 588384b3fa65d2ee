"""Sessions of a real Request Tracker: their speed and their risks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from request_tracker_utils.asset_store.request_tracker import WORKERS, WORKERS_WITHOUT_SESSION, RequestTrackerAssetStore
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.integrations.rt import RtClient, RtRefused, session as rt_session
from tests.functional.integrations.conftest import Counted
from tests.services.local_server import Call, Reply
from tests.services.proxy import Forward, Proxy
from tests.services.request_tracker import REAL, RequestTracker

pytestmark = pytest.mark.rt

PAGE = "/Helpers/Autocomplete/Users"
BAD_TOKEN = "1-14-" + "0" * 32


@pytest.fixture
def door(request_tracker: RequestTracker) -> Iterator[Proxy]:
    with Proxy(request_tracker.url) as door:
        yield door


def get(rt: RequestTracker, path: str, *, token: str = "", cookie: str = "") -> requests.Response:
    headers = {"Authorization": f"token {token}" if token else "", "Cookie": cookie}
    with requests.Session() as session:
        session.trust_env = False
        sent = {name: value for name, value in headers.items() if value}
        return session.get(f"{rt.url}{path}", headers=sent, timeout=60, allow_redirects=False)


def cookie_of(rt: RequestTracker, token: str) -> str:
    return get(rt, PAGE, token=token).headers["Set-Cookie"].partition(";")[0]


def test_a_page_without_arguments_answers_nothing_and_sets_the_cookie(request_tracker: RequestTracker) -> None:
    page = get(request_tracker, PAGE, token=request_tracker.token)
    assert (page.status_code, page.content) == (200, b"")
    assert page.headers["Set-Cookie"].startswith(f"RT_SID_rt.test.{request_tracker.port}=")
    with_arguments = get(request_tracker, f"{PAGE}?term=root", token=request_tracker.token)
    assert len(with_arguments.content) > 1_000, "a warning about cross-site requests"
    assert "cross-site" in with_arguments.text
    for token in ("", BAD_TOKEN):
        refused = get(request_tracker, PAGE, token=token)
        assert (refused.status_code, "Set-Cookie" in refused.headers) == (302, True), "a session without a user"


def test_rest_takes_the_cookie_before_any_token_and_answers_as_its_user(request_tracker: RequestTracker) -> None:
    root, clerk = (cookie_of(request_tracker, token) for token in (request_tracker.token, request_tracker.clerks_token))
    hidden = f"/REST/2.0/asset/{request_tracker.create_asset('hidden from the clerk')}"
    for token in ("", request_tracker.token, request_tracker.clerks_token, BAD_TOKEN):
        assert get(request_tracker, hidden, token=token, cookie=root).status_code == 200
        assert get(request_tracker, hidden, token=token, cookie=clerk).status_code == 403


def test_an_unknown_cookie_falls_back_to_the_token_and_without_one_redirects_to_the_front_page(request_tracker: RequestTracker) -> None:
    cookie = cookie_of(request_tracker, request_tracker.token)[:-4] + "0000"
    fallen_back = get(request_tracker, "/REST/2.0/rt", token=request_tracker.token, cookie=cookie)
    assert (fallen_back.status_code, "Set-Cookie" in fallen_back.headers) == (200, False), (
        "the response does not show that the session has ended"
    )
    for token in ("", BAD_TOKEN):
        answer = get(request_tracker, "/REST/2.0/rt", token=token, cookie=cookie)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_writes_by_cookie_need_no_referrer(request_tracker: RequestTracker) -> None:
    asset_id, cookie = request_tracker.create_asset("before"), cookie_of(request_tracker, request_tracker.token)
    for name, headers in (("without", {}), ("foreign", {"Referer": "https://elsewhere.example.org/"})):
        answer = requests.put(
            f"{request_tracker.url}/REST/2.0/asset/{asset_id}", json={"Name": name}, headers={"Cookie": cookie, **headers}, timeout=60
        )
        assert answer.status_code == 200
        assert request_tracker.asset(asset_id)["Name"] == name


def test_the_client_signs_in_once_and_its_threads_share_the_session(request_tracker: RequestTracker, door: Proxy, fresh: str) -> None:
    with RtClient(door.url, request_tracker.token, read_timeout=30) as client:
        client.assets.get(1)
        cookie = door.calls[-1].headers["cookie"]
        door.calls.clear()
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda number: client.assets.create(f"{fresh}-{number}", catalog="Cables"), range(12)))
        assert len(set(made)) == 12
        assert {call.path for call in door.calls} <= {"/REST/2.0/asset", PAGE}
        assert {call.headers["cookie"] for call in door.calls} == {cookie}
        door.calls.clear()
        clerk = client.users.of_token(request_tracker.clerks_token)
        assert clerk is not None
        assert clerk.name == "clerk", "not root, whose session this client has"
        assert "cookie" not in door.calls[-1].headers


def test_a_revoked_token_stops_working_within_minutes_and_fails_checks_at_once(
    request_tracker: RequestTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "revoked"
    request_tracker.rest("POST", "user", json={"Name": name, "Privileged": 1}).raise_for_status()
    with RtClient(request_tracker.url, request_tracker.new_token(name)) as client:
        assert client.users.by_name(name).privileged
        request_tracker.revoke_tokens(name)
        assert client.users.by_name(name).privileged, "the session outlives the token"
        assert client.users.own() is None
        with pytest.raises(RtRefused, match="RT_TOKEN"):
            client.version()
        session = client._transport._session
        assert session is not None
        monkeypatch.setattr(rt_session, "RENEW_AFTER", 0.0)
        monkeypatch.setattr(session, "_current", rt_session._Session(session._current.cookie, ends_at=0.0))  # some minutes later
        with pytest.raises(RtRefused, match="RT_TOKEN"):
            client.users.by_name(name)


def test_sessions_that_were_deleted_cost_no_error_and_are_replaced(tmp_path: Path) -> None:
    with (
        RequestTracker(tmp_path / "rt", token_cost=REAL) as rt,
        Proxy(rt.url) as door,
        RtClient(door.url, rt.token, read_timeout=60) as client,
    ):
        client.assets.get(1)
        before = door.calls[-1].headers["cookie"]
        assert rt.end_sessions() >= 1
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda number: client.assets.create(f"after-{number}", catalog="Cables"), range(8)))
        assert len(set(made)) == 8
        client.assets.get(1)
        after = door.calls[-1].headers["cookie"]
        assert after != before, "checking the token was slow, so the client noticed"
        assert {call.headers["authorization"] for call in door.calls} == {f"token {rt.token}"}
        alive = [get(rt, "/REST/2.0/rt", cookie=cookie).status_code for cookie in (before, after)]
        assert alive == [302, 200]


def test_where_pages_refuse_the_token_everything_works_with_the_token_alone(request_tracker: RequestTracker, fresh: str) -> None:
    def single_sign_on(call: Call, forward: Forward) -> Reply:
        if call.path.startswith("/REST/"):
            return forward()
        return Reply(status=302, headers={"Location": "https://login.example.org/", "Set-Cookie": "RT_SID_rt.test.443=0123abcd"})

    with Proxy(request_tracker.url) as door, door.meddling(single_sign_on), RtClient(door.url, request_tracker.token) as client:
        asset_store = RequestTrackerAssetStore(client, default_catalog="Cables")
        assert asset_store.workers() == WORKERS_WITHOUT_SESSION
        asset_id = asset_store.create(NewAsset(fresh, serial=fresh))
        assert [asset.id for asset in asset_store.find_by_serial(fresh)] == [asset_id]
        assert asset_store.rename(asset_id, f"{fresh}-new") == fresh
        asset_store.set_holder(asset_id, "student1003")
        assert asset_store.get(asset_id).holder == "student1003"
        assert {call.headers.get("cookie") for call in door.calls} == {None}
        assert [call.path for call in door.calls if not call.path.startswith("/REST/")] == [PAGE]


def test_with_a_session_more_changes_are_sent_at_a_time(request_tracker: RequestTracker, client: RtClient) -> None:
    assert RequestTrackerAssetStore(client, default_catalog="Cables").workers() == WORKERS > WORKERS_WITHOUT_SESSION


def test_a_session_that_ended_costs_no_error(request_tracker: RequestTracker) -> None:
    counted = Counted()
    with RtClient(request_tracker.url, request_tracker.token, on_request=counted) as client:
        client.assets.get(1)
        session = client._transport._session
        assert session is not None
        ended = rt_session._Session(session._current.cookie[:-4] + "0000", session._current.ends_at)
        session._current = ended
        assert client.assets.get(1).id == 1
    assert counted.requests == [("GET", "asset", "ok")] * 2
