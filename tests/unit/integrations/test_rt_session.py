"""The session with a faulty Request Tracker: without a session, calls use the token, and the cookie is sent nowhere else."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from request_tracker_utils.integrations.rt import RtClient, RtError, RtInvalid, RtRefused, RtUnreachable, session as rt_session
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.proxy import Gate
from tests.services.tables import check_all
from tests.unit.integrations.conftest import TOKEN

PAGE = "/Helpers/Autocomplete/Users"
COOKIE = "RT_SID_rt.example.org.443=0123456789abcdef0123456789abcdef"
SIGNED_IN = Reply(headers={"Set-Cookie": f"{COOKIE}; path=/; HttpOnly; secure; SameSite=Lax", "Content-Type": "text/html"})
ASSET = Reply({"id": "1", "Name": "W12-0001"})


class Clock:
    """Moves the session's time forward."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rt_session, "time", clock)
    return clock


@pytest.fixture
def client(server: LocalServer) -> Iterator[RtClient]:
    server.respond = answering(SIGNED_IN)
    with RtClient(server.url, TOKEN, read_timeout=0.3, retry_within=0) as client:
        yield client


def answering(page: Reply, rest: Reply = ASSET) -> Callable[[Call], Reply]:
    return lambda call: page if call.path == PAGE else rest


def paths(server: LocalServer) -> list[str]:
    return [call.path.partition("?")[0].removeprefix("/REST/2.0") for call in server.calls]


def cookies(server: LocalServer) -> list[str | None]:
    """Sent with each REST call."""
    return [call.headers.get("cookie") for call in server.calls if call.path != PAGE]


def test_the_session_is_started_once_and_its_cookie_sent_beside_the_token(server: LocalServer, client: RtClient) -> None:
    client.assets.get(1)
    client.assets.get(1)
    assert client.tickets.create(queue="q", subject="s", body="b").id == 1
    assert paths(server) == [PAGE, "/asset/1", "/asset/1", "/ticket"]
    assert cookies(server) == [COOKIE] * 3
    assert {call.headers["authorization"] for call in server.calls} == {f"token {TOKEN}"}
    assert "cookie" not in server.calls[0].headers


def test_tokens_are_checked_without_the_session(server: LocalServer, client: RtClient) -> None:
    client.assets.get(1)
    server.calls.clear()
    server.respond = lambda call: Reply({"id": 39, "Name": "tom", "Privileged": 1, "Disabled": "0", "Version": "5"})
    user = client.users.of_token("1-39-" + "ab" * 16)
    assert user is not None
    assert user.name == "tom"
    assert client.users.of_token("1-40-" + "ab" * 16) is None, "answered with another user"
    client.users.own()
    client.version()
    assert cookies(server) == [None] * 4
    tokens = [call.headers["authorization"].rpartition("-")[0] for call in server.calls]
    assert tokens == ["token 1-39", "token 1-40", "token 1-14", "token 1-14"]


def test_other_cookies_are_never_sent_back(server: LocalServer, client: RtClient) -> None:
    server.respond = answering(SIGNED_IN, Reply(ASSET.body, headers={"Set-Cookie": "RT_SID_other.443=ffff; Path=/"}))
    client.assets.get(1)
    client.assets.get(1)
    assert cookies(server) == [COOKIE] * 2


def test_without_a_session_the_token_is_used_and_sign_in_is_retried_after_a_minute(
    server: LocalServer, client: RtClient, clock: Clock
) -> None:
    html = {"Content-Type": "text/html"}

    def check(_name: str, page: Reply) -> None:
        clock.passed += rt_session.RENEW_AFTER + 1
        server.respond = answering(page)
        server.calls.clear()
        client.assets.get(1)
        client.assets.get(1)
        assert paths(server) == [PAGE, "/asset/1", "/asset/1"]
        assert cookies(server) == [None, None]
        clock.passed += rt_session.RETRY_AFTER + 1
        server.respond = answering(SIGNED_IN)
        client.assets.get(1)
        assert cookies(server) == [None, None, COOKIE]

    check_all(
        [
            ("sign-in form", Reply(b"<html>Sign in</html>", headers=html | {"Set-Cookie": COOKIE})),
            ("redirect to sign in", Reply(status=302, headers={"Location": "/NoAuth/Login.html", "Set-Cookie": COOKIE})),
            ("single sign-on", Reply(status=307, headers={"Location": "https://login.example.org/"})),
            ("401", Reply(b"", status=401, headers={"Set-Cookie": COOKIE})),
            ("404", Reply(b"", status=404)),
            ("503", Reply(b"", status=503)),
            ("no cookie", Reply(b"", headers=html)),
            ("another cookie", Reply(b"", headers={"Set-Cookie": "other=0123; Path=/"})),
            ("cleared cookie", Reply(b"", headers={"Set-Cookie": "RT_SID_rt.example.org.443=; Path=/"})),
            ("odd cookie", Reply(b"", headers={"Set-Cookie": 'RT_SID_rt.example.org.443="a\\012b"; Path=/'})),
            ("hanging", Reply(wait=1)),
            ("hanging up", Reply(hang_up=True)),
        ],
        check,
    )


def test_the_session_is_renewed_every_few_minutes_and_ends_with_its_token(server: LocalServer, client: RtClient, clock: Clock) -> None:
    client.assets.get(1)
    clock.passed = rt_session.RENEW_AFTER - 5
    client.assets.get(1)
    assert paths(server) == [PAGE, "/asset/1", "/asset/1"]
    clock.passed = rt_session.RENEW_AFTER + 1
    other = COOKIE[:-4] + "0000"
    server.respond = answering(Reply(headers={"Set-Cookie": other}))
    client.assets.get(1)
    assert paths(server) == [PAGE, "/asset/1", "/asset/1", PAGE, "/asset/1"]
    assert cookies(server)[-1] == other
    clock.passed = 2 * rt_session.RENEW_AFTER + 2
    server.respond = lambda call: Reply({"message": "Unauthorized"}, status=401 if "cookie" not in call.headers else 200)
    with pytest.raises(RtRefused, match="RT_TOKEN"):
        client.assets.get(1)
    assert rt_session.RENEW_AFTER <= 600, "a revoked token stops working within minutes"


def test_a_session_that_rt_has_ended_is_replaced_by_the_token_and_then_by_a_new_session(server: LocalServer, client: RtClient) -> None:
    client.assets.get(1)
    server.calls.clear()

    def forgot_the_session(call: Call) -> Reply:
        if call.path == PAGE:
            return Reply(headers={"Set-Cookie": COOKIE + "0"})
        if call.headers.get("cookie") == COOKIE:
            return Reply(status=302, headers={"Location": "/"})
        return Reply({"id": "7"}, status=201) if call.method == "POST" else ASSET

    server.respond = forgot_the_session
    assert client.assets.create("x", catalog="c") == 7
    client.assets.get(1)
    assert paths(server) == ["/asset", "/asset", PAGE, "/asset/1"]
    assert cookies(server) == [COOKIE, None, COOKIE + "0"]


def test_after_a_slow_answer_the_session_is_checked_and_replaced_if_rt_forgot_it(
    server: LocalServer, client: RtClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.assets.get(1)
    monkeypatch.setattr(rt_session, "SLOW", 0.0)
    client.assets.get(1)  # slow, as if the token was checked
    server.calls.clear()
    client.assets.get(1)
    client.assets.get(1)
    assert paths(server) == [PAGE, "/asset/1", "/asset/1"], "at most one check in some seconds"
    assert server.calls[0].headers["cookie"] == COOKIE, "a session that still exists is found by its cookie"
    assert server.calls[0].headers["authorization"] == f"token {TOKEN}"
    assert cookies(server) == [COOKIE] * 2
    other = COOKIE[:-4] + "1111"
    server.respond = answering(Reply(headers={"Set-Cookie": other}))
    clock.passed += rt_session.CHECK_INTERVAL + 1
    client.assets.get(1)
    assert cookies(server)[-1] == other
    clock.passed += rt_session.CHECK_INTERVAL + 1
    server.respond = answering(Reply(headers={"Content-Type": "text/html"}))
    client.assets.get(1)
    assert cookies(server)[-1] == other, "it exists, and its cookie is not sent again"
    clock.passed += rt_session.CHECK_INTERVAL + 1
    server.respond = answering(Reply(status=302, headers={"Location": "/NoAuth/Login.html", "Set-Cookie": COOKIE}))
    client.assets.get(1)
    assert cookies(server)[-1] is None


def test_checks_do_not_prolong_a_session(server: LocalServer, client: RtClient, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rt_session, "SLOW", 0.0)
    for _ in range(5):
        client.assets.get(1)
        clock.passed += rt_session.RENEW_AFTER / 5
    server.calls.clear()
    client.assets.get(1)
    assert (server.calls[0].path, "cookie" in server.calls[0].headers) == (PAGE, False), "the token is checked again"


def test_a_large_answer_may_be_slow(server: LocalServer, client: RtClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rt_session, "SLOW", 0.0)
    server.respond = answering(SIGNED_IN, Reply({"id": "1", "Name": "W12-0001", "Description": "x" * rt_session.SMALL}))
    for _ in range(3):
        client.assets.get(1)
    assert paths(server) == [PAGE] + ["/asset/1"] * 3


def test_after_a_restart_or_a_refusal_another_session_is_started(server: LocalServer, client: RtClient) -> None:
    def check(reply: Reply, kind: type[RtError]) -> None:
        server.respond = answering(SIGNED_IN)
        client.assets.get(1)
        server.respond = answering(SIGNED_IN, reply)
        with pytest.raises(kind):
            client.assets.get(1)
        server.respond = answering(SIGNED_IN)
        server.calls.clear()
        client.assets.get(1)
        assert paths(server) == [PAGE, "/asset/1"]

    unauthorized = Reply({"message": "x"}, status=401)
    check_all([(Reply(hang_up=True), RtUnreachable), (Reply(status=503), RtRefused), (unauthorized, RtRefused)], check)
    for reply, kind in ((Reply({"message": "x"}, status=400), RtInvalid), (Reply({"message": "x"}, status=500), RtRefused)):
        server.respond = answering(SIGNED_IN, reply)
        server.calls.clear()
        with pytest.raises(kind):
            client.assets.get(1)
        assert paths(server) == ["/asset/1"], "an error about the request itself leaves the session alone"
        server.respond = answering(SIGNED_IN)


def test_a_redirect_elsewhere_is_not_repeated(server: LocalServer, client: RtClient) -> None:
    for location in ("https://login.example.org/", "/NoAuth/Login.html"):
        server.respond = answering(SIGNED_IN, Reply(status=302, headers={"Location": location}))
        server.calls.clear()
        with pytest.raises(RtRefused, match="redirects"):
            client.assets.create("x", catalog="c")
        assert paths(server).count("/asset") == 1


def test_while_one_thread_starts_a_session_others_use_the_token(server: LocalServer, client: RtClient) -> None:
    gate = Gate()

    def respond(call: Call) -> Reply:
        if call.path == PAGE:
            gate.wait()
            return SIGNED_IN
        return ASSET

    server.respond = respond
    with RtClient(server.url, TOKEN, read_timeout=30) as client, gate:
        first = threading.Thread(target=client.assets.get, args=(1,))
        first.start()
        assert gate.arrived()
        for _ in range(3):
            client.assets.get(1)
        assert cookies(server) == [None] * 3
        gate.open()
        first.join()
        client.assets.get(1)
    assert cookies(server) == [None] * 3 + [COOKIE] * 2
    assert paths(server).count(PAGE) == 1


def test_the_cookie_is_in_no_message_and_no_log(server: LocalServer, client: RtClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = COOKIE.partition("=")[2]
    client.assets.get(1)
    server.respond = answering(SIGNED_IN, Reply({"message": f"cookie {COOKIE}, {secret} and {TOKEN}"}, status=400))
    with pytest.raises(RtInvalid) as raised:
        client.assets.get(1)
    session = client._transport._session
    assert session is not None
    shown = [raised.value.message, repr(raised.value), caplog.text]
    shown += map(repr, (client, client._transport, session, session._current))
    assert "[secret]" in raised.value.message
    for text in shown:
        assert secret not in text
        assert TOKEN not in text
