"""A Request Tracker that misbehaves: every bad answer becomes an error of ours that says what to do, and nothing tells the token."""

import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from request_tracker_utils.integrations.rt import (
    RtClient,
    RtConflict,
    RtError,
    RtInvalid,
    RtNotFound,
    RtRefused,
    RtUnreachable,
    transport as rt_transport,
)
from tests.services.local_server import Call, LocalServer, Reply

TOKEN = "1-14-s3cr3t0123456789abcdef"


def row(number: int, name: str = "x", **more: Any) -> dict[str, Any]:
    return {"id": str(number), "type": "asset", "Name": name, "Status": "new", "CustomFields": [], "HeldBy": [], **more}


def page(*rows: dict[str, Any], total: int | None = None) -> Reply:
    return Reply({"items": list(rows), "count": len(rows), "total": len(rows) if total is None else total, "page": 1})


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer(lambda call: Reply({"Version": "5.0.3"})) as server:
        yield server


@pytest.fixture
def outcomes() -> list[str]:
    return []


@pytest.fixture
def client(server: LocalServer, outcomes: list[str]) -> Iterator[RtClient]:
    def note(method: str, kind: str, seconds: float, outcome: str) -> None:
        outcomes.append(f"{method} {kind} {outcome}")

    with RtClient(server.url, TOKEN, read_timeout=0.3, retry_within=5, on_request=note) as client:
        yield client


def each(*replies: Reply) -> Callable[[Call], Reply]:
    """The replies in turn, the last one again and again."""
    left = list(replies)
    return lambda call: left.pop(0) if len(left) > 1 else left[0]


REDIRECT = Reply(status=302, headers={"Location": "https://login.example.org/?next=rt"})
BAD_ANSWERS = [
    pytest.param(Reply(b"<html>Sign in</html>", headers={"Content-Type": "text/html; charset=utf-8"}), RtRefused, "web page", id="a page"),
    pytest.param(Reply({"message": "Unauthorized"}, status=401), RtRefused, "RT_TOKEN", id="401"),
    pytest.param(Reply({"message": "Forbidden"}, status=403), RtRefused, "rights", id="403"),
    pytest.param(Reply({"message": "Bang"}, status=500), RtRefused, "Bang", id="500"),
    pytest.param(Reply(b"", status=500), RtRefused, "500", id="an empty 500"),
    pytest.param(Reply(b"<html>404</html>", status=404, headers={"Content-Type": "text/html"}), RtRefused, "API_ENDPOINT", id="a page 404"),
    pytest.param(Reply(b'{"items": ['), RtRefused, "not JSON", id="cut JSON"),
    pytest.param(Reply(b"\xff\xfe"), RtRefused, "not JSON", id="no text"),
    pytest.param(Reply(b"[" * 100_000), RtRefused, "not JSON", id="deep JSON"),
    pytest.param(Reply(b""), RtRefused, "not JSON", id="nothing"),
    pytest.param(Reply([]), RtRefused, "form", id="a list"),
    pytest.param(Reply({"id": 1}), RtRefused, "form", id="no name"),
    pytest.param(Reply({"id": "one", "Name": "x"}), RtRefused, "form", id="an id of letters"),
    pytest.param(Reply({"id": 2, "Name": "x"}), RtRefused, "#2", id="another asset"),
    pytest.param(REDIRECT, RtRefused, "login.example.org", id="a redirect"),
    pytest.param(Reply(status=302, headers={"Location": "/"}), RtRefused, "sign in", id="a redirect to the front page"),
    pytest.param(Reply({"message": "Gone"}, status=404), RtNotFound, "no such record", id="404"),
    pytest.param(Reply({"message": "Precondition Failed"}, status=412), RtConflict, "meanwhile", id="412"),
    pytest.param(Reply({"message": "Bad thing"}, status=400), RtInvalid, "Bad thing", id="400"),
    pytest.param(Reply({"message": "Bad thing"}, status=422), RtInvalid, "Bad thing", id="422"),
    pytest.param(Reply({"message": "tea"}, status=418), RtRefused, "418", id="418"),
    pytest.param(Reply(wait=1.0), RtUnreachable, "did not answer", id="slow"),
    pytest.param(Reply({"id": 1, "Name": "x" * 50}, every=0.02), RtUnreachable, "complete", id="trickling"),
    pytest.param(Reply(hang_up=True), RtUnreachable, "RT_URL", id="hanging up"),
    pytest.param(Reply({"id": 1, "Name": "x"}, headers={"Content-Length": "4000"}), RtUnreachable, "", id="cut short"),
    pytest.param(Reply({"message": f"your token {TOKEN} is odd"}, status=400), RtInvalid, "[token]", id="echoing the token"),
]


@pytest.mark.parametrize(("reply", "kind", "says"), BAD_ANSWERS)
def test_a_bad_answer_is_an_error_that_says_what_to_do_and_not_the_token(
    server: LocalServer, client: RtClient, caplog: pytest.LogCaptureFixture, reply: Reply, kind: type[RtError], says: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server.respond = lambda call: reply
    with pytest.raises(kind) as raised:
        client.asset(1)
    assert says in raised.value.message
    assert raised.value.__context__ is None
    whole = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(raised.value.args) + repr(client) + caplog.text
    assert TOKEN not in whole


def test_the_token_is_sent_to_rt_and_nowhere_else(client: RtClient, server: LocalServer) -> None:
    with LocalServer(lambda call: Reply({"Version": "5"})) as elsewhere:
        server.respond = lambda call: Reply(status=307, headers={"Location": f"{elsewhere.url}/REST/2.0/rt"})
        with pytest.raises(RtRefused):
            client.rt_version()
        assert elsewhere.calls == []
    assert [call.headers["authorization"] for call in server.calls] == [f"token {TOKEN}"]


def test_nobody_listening_is_unreachable_after_three_attempts(outcomes: list[str]) -> None:
    with LocalServer(lambda call: Reply()) as gone:
        url = gone.url
    attempts: list[str] = []
    with RtClient(url, TOKEN, on_request=lambda *call: attempts.append(call[3])) as client, pytest.raises(RtUnreachable, match="RT_URL"):
        client.rt_version()
    assert attempts == ["unreachable"] * 3


def test_a_host_without_an_address_is_unreachable() -> None:
    with RtClient("http://rt.invalid", TOKEN, retry_within=0) as client, pytest.raises(RtUnreachable):
        client.rt_version()


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_read_is_repeated_when_rt_is_briefly_away(server: LocalServer, client: RtClient, status: int) -> None:
    server.respond = each(Reply(status=status), Reply(hang_up=True), Reply({"Version": "5.0.3"}))
    assert client.rt_version() == "5.0.3"
    assert len(server.calls) == 3


def test_a_search_is_repeated_too(server: LocalServer, client: RtClient) -> None:
    server.respond = each(Reply(status=503), page(row(1, "W1")))
    assert [asset.id for asset in client.assets_named("W1")] == [1]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_what_will_not_change_is_not_asked_again(server: LocalServer, client: RtClient, status: int) -> None:
    server.respond = lambda call: Reply({"message": "no"}, status=status)
    with pytest.raises(RtError):
        client.asset(1)
    assert len(server.calls) == 1


def test_repeating_ends_with_the_time_given(server: LocalServer) -> None:
    server.respond = lambda call: Reply(wait=2)
    with RtClient(server.url, TOKEN, read_timeout=0.2, retry_within=0.1) as client, pytest.raises(RtUnreachable):
        client.asset(1)
    assert len(server.calls) == 1


def test_a_creation_is_never_repeated(server: LocalServer, client: RtClient, outcomes: list[str]) -> None:
    for reply, kind in ((Reply(status=503), RtRefused), (Reply(hang_up=True), RtUnreachable), (Reply(wait=1), RtUnreachable)):
        server.respond = each(reply)
        with pytest.raises(kind):
            client.create_asset("x", catalog="c")
        with pytest.raises(kind):
            client.create_ticket(queue="q", subject="s", body="b")
    assert outcomes.count("POST asset unreachable") == 2
    assert len(server.calls) == 6


def rename_server(names: list[str], put: Reply) -> Callable[[Call], Reply]:
    """Names that a reading gives in turn, and the answer to the change."""
    left = list(names)
    return lambda call: put if call.method == "PUT" else Reply(row(1, left.pop(0) if len(left) > 1 else left[0]), headers={"ETag": '"7"'})


def test_a_rename_is_bound_to_the_state_that_was_read(server: LocalServer, client: RtClient) -> None:
    server.respond = rename_server(["old", "new"], Reply(["Name changed"]))
    assert client.rename_asset(1, "new") == "old"
    assert [call.headers.get("if-match") for call in server.calls] == [None, '"7"', None]


def test_a_rename_answered_as_done_and_not_done_is_invalid_with_what_rt_said(server: LocalServer, client: RtClient) -> None:
    server.respond = rename_server(["old", "old"], Reply(["Asset old: Illegal value for Name"]))
    with pytest.raises(RtInvalid, match="Illegal value"):
        client.rename_asset(1, "new")


def test_a_rename_that_reads_back_as_a_third_name_is_a_conflict(server: LocalServer, client: RtClient) -> None:
    server.respond = rename_server(["old", "third"], Reply(["Name changed"]))
    with pytest.raises(RtConflict, match="third"):
        client.rename_asset(1, "new")


@pytest.mark.parametrize(("after", "error"), [("new", None), ("old", RtUnreachable)])
def test_a_rename_whose_answer_is_lost_is_settled_by_reading_back(
    server: LocalServer, client: RtClient, after: str, error: type[RtError] | None
) -> None:
    server.respond = rename_server(["old", after], Reply(hang_up=True))
    if error:
        with pytest.raises(error):
            client.rename_asset(1, "new")
    else:
        assert client.rename_asset(1, "new") == "old"
    assert [call.method for call in server.calls] == ["GET", "PUT", "GET"]


@pytest.mark.parametrize(
    "said",
    [
        ["Asset old: Illegal value for Name"],
        ["Asset third: Name changed from 'third' to 'new'"],
        ["Asset new: Name changed from 'new' to 'old'"],
        ["Asset old: Permission Denied"],
        [],
        {"message": "Name changed from 'old' to 'new'"},
    ],
)
def test_a_rename_of_what_was_just_read_believes_nothing_less_than_this_very_change(
    server: LocalServer, client: RtClient, said: object
) -> None:
    server.respond = rename_server(["old"], Reply(said))
    with pytest.raises(RtInvalid):
        client.rename_asset(1, "new", seen="old")
    assert [call.method for call in server.calls] == ["PUT", "GET"]


def test_a_rename_of_what_was_just_read_whose_answer_is_lost_is_read_back(server: LocalServer, client: RtClient) -> None:
    server.respond = rename_server(["new"], Reply(hang_up=True))
    assert client.rename_asset(1, "new", seen="old") == "old"
    assert [call.method for call in server.calls] == ["PUT", "GET"]


def test_a_missing_page_is_an_error_and_not_the_end(server: LocalServer, client: RtClient) -> None:
    first = [row(number, f"W{number}") for number in range(1, 101)]
    for second in (Reply({"message": "Bang"}, status=500), page(total=50), Reply({"count": 50}), page(row(3, "W3"), total=50)):
        server.respond = each(page(*first, total=150), second)
        pages = client.names_beginning_with("W")
        assert len(next(pages)) == 100
        with pytest.raises(RtRefused):
            next(pages)


def test_a_list_that_ends_before_what_was_promised_is_an_error(server: LocalServer, client: RtClient) -> None:
    server.respond = each(page(*[row(number, "W") for number in range(1, 101)], total=150), page(row(101, "W"), total=1))
    with pytest.raises(RtRefused, match="150"):
        list(client.names_beginning_with("W"))


def test_a_short_page_in_the_middle_is_read_on_from_its_last_row(server: LocalServer, client: RtClient) -> None:
    server.respond = each(page(row(1, "W1"), row(2, "W2"), total=3), page(row(9, "W9"), total=1))
    assert [number for rows in client.names_beginning_with("W") for number, _ in rows] == [1, 2, 9]
    assert [call.json[-1]["value"] for call in server.calls] == [0, 2]


def test_ids_that_were_not_asked_for_are_an_error(server: LocalServer, client: RtClient) -> None:
    for reply in (page(row(1), row(7)), page(row(1), total=2)):
        server.respond = each(reply)
        with pytest.raises(RtRefused):
            list(client.assets([1, 2]))


def test_two_requests_are_under_way_at_a_time_and_the_order_is_kept(server: LocalServer, client: RtClient) -> None:
    def respond(call: Call) -> Reply:
        ids = call.json[0]["value"]
        return Reply(page(*map(row, ids)).body, wait=0.2 if ids[0] == 1 else 0)

    server.respond = respond
    chunks = client.assets(range(1, 1001))
    first = next(chunks)
    assert [asset.id for asset in first] == list(range(1, 101))
    assert len(server.calls) <= 4  # nobody reads ahead of who consumes
    assert [asset.id for chunk in chunks for asset in chunk] == list(range(101, 1001))
    assert len(server.calls) == 10


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.assets_named("W1"),
        lambda client: client.assets_mentioning("W1"),
        lambda client: list(client.names_beginning_with("W1")),
        lambda client: client.assets_mentioning("", catalog="Cables"),
    ],
)
def test_an_answer_with_nothing_that_was_asked_is_not_acted_on(
    server: LocalServer, client: RtClient, ask: Callable[[RtClient], object]
) -> None:
    server.respond = each(page(row(1, "quite another"), row(2, "one more"), total=5000))
    with pytest.raises(RtRefused, match="not asked for"):
        ask(client)
    assert len(server.calls) == 1


def test_rows_that_differ_in_case_or_accent_are_left_out_without_alarm(server: LocalServer, client: RtClient) -> None:
    server.respond = each(page(row(1, "w1"), row(2, "W\u0301 1"), row(3, "W1"), row(4, "W1 ")))
    assert [asset.id for asset in client.assets_named("W1")] == [3]


def test_an_answer_that_never_ends_is_given_up(server: LocalServer, client: RtClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rt_transport, "LARGEST_ANSWER", 100_000)
    server.respond = lambda call: Reply(b"x" * 200_000)
    with pytest.raises(RtRefused, match="larger"):
        client.rt_version()


def test_a_chunked_answer_is_read(server: LocalServer, client: RtClient) -> None:
    server.respond = lambda call: Reply({"Version": "5" * 100_000}, chunked=True)
    assert len(client.rt_version()) == 100_000


def test_cookies_are_never_sent_back(server: LocalServer, client: RtClient) -> None:
    # RT believes a session's cookie before a token: another's token would then be answered with the first one's user.
    server.respond = lambda call: Reply({"Version": "5"}, headers={"Set-Cookie": "RT_SID=1; Path=/"})
    client.rt_version()
    client.rt_version()
    assert all("cookie" not in call.headers for call in server.calls)


def test_a_callers_token_is_asked_with_itself(server: LocalServer, client: RtClient) -> None:
    server.respond = lambda call: Reply({"id": 39, "Name": "tom", "Privileged": 1, "Disabled": "0"})
    user = client.user_of_token("1-39-" + "ab" * 16)
    assert user is not None
    assert user.name == "tom"
    assert server.calls[0].headers["authorization"] == "token 1-39-" + "ab" * 16
    assert client.user_of_token("1-40-" + "ab" * 16) is None  # answered with another user


def test_whether_a_callers_token_is_good_is_unknown_while_rt_is_down(server: LocalServer, client: RtClient) -> None:
    server.respond = lambda call: Reply(status=503)
    with pytest.raises(RtRefused):
        client.user_of_token("1-39-" + "ab" * 16)


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "tökén"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ValueError, match="RT_TOKEN") as raised:
        RtClient("http://rt.example.org", token)
    assert not token or token not in str(raised.value)


@pytest.mark.parametrize("url", ["", "rt.example.org", "ftp://rt.example.org", "http://"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="RT_URL"):
        RtClient(url, TOKEN)


def test_a_field_name_that_would_break_a_query_is_refused() -> None:
    with pytest.raises(ValueError, match="custom field"):
        RtClient("http://rt.example.org", TOKEN, serial_field="Serial} OR id > 0 OR CF.{x")


def test_slashes_around_the_address_do_not_matter(server: LocalServer) -> None:
    for url, endpoint in ((server.url + "/", "REST/2.0/"), (server.url, "/REST/2.0")):
        with RtClient(url, TOKEN, api_endpoint=endpoint) as client:
            client.rt_version()
            assert client.asset_address(7) == f"{server.url}/Asset/Display.html?id=7"
    assert {call.path for call in server.calls} == {"/REST/2.0/rt"}
