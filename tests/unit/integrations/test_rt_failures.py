"""A faulty Request Tracker: each invalid response becomes an error with advice, and nothing reveals the token."""

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
from tests.services.tables import check_all
from tests.unit.integrations.conftest import TOKEN


def row(number: int, name: str = "x", **more: Any) -> dict[str, Any]:
    return {"id": str(number), "type": "asset", "Name": name, "Status": "new", "CustomFields": [], "HeldBy": [], **more}


def page(*rows: dict[str, Any], total: int | None = None) -> Reply:
    return Reply({"items": list(rows), "count": len(rows), "total": len(rows) if total is None else total, "page": 1})


@pytest.fixture
def outcomes() -> list[str]:
    return []


@pytest.fixture
def client(server: LocalServer, outcomes: list[str]) -> Iterator[RtClient]:
    """Without a session; test_rt_session tests sessions."""

    def record(method: str, kind: str, seconds: float, outcome: str) -> None:
        outcomes.append(f"{method} {kind} {outcome}")

    with RtClient(server.url, TOKEN, read_timeout=0.3, retry_within=5, use_session=False, on_request=record) as client:
        yield client


def each(*replies: Reply) -> Callable[[Call], Reply]:
    """The replies in turn, then the last one again and again."""
    left = list(replies)
    return lambda call: left.pop(0) if len(left) > 1 else left[0]


REDIRECT = Reply(status=302, headers={"Location": "https://login.example.org/?next=rt"})
BAD_ANSWERS = [
    ("a page", Reply(b"<html>Sign in</html>", headers={"Content-Type": "text/html; charset=utf-8"}), RtRefused, "web page"),
    ("401", Reply({"message": "Unauthorized"}, status=401), RtRefused, "RT_TOKEN"),
    ("403", Reply({"message": "Forbidden"}, status=403), RtRefused, "rights"),
    ("500", Reply({"message": "Bang"}, status=500), RtRefused, "Bang"),
    ("an empty 500", Reply(b"", status=500), RtRefused, "500"),
    ("a page 404", Reply(b"<html>404</html>", status=404, headers={"Content-Type": "text/html"}), RtRefused, "API_ENDPOINT"),
    ("cut JSON", Reply(b'{"items": ['), RtRefused, "not JSON"),
    ("not text", Reply(b"\xff\xfe"), RtRefused, "not JSON"),
    ("deep JSON", Reply(b"[" * 100_000), RtRefused, "not JSON"),
    ("nothing", Reply(b""), RtRefused, "not JSON"),
    ("a list", Reply([]), RtRefused, "form"),
    ("no name", Reply({"id": 1}), RtRefused, "form"),
    ("an id of letters", Reply({"id": "one", "Name": "x"}), RtRefused, "form"),
    ("another asset", Reply({"id": 2, "Name": "x"}), RtRefused, "#2"),
    ("a redirect", REDIRECT, RtRefused, "login.example.org"),
    ("a redirect to the front page", Reply(status=302, headers={"Location": "/"}), RtRefused, "sign-in page"),
    ("404", Reply({"message": "Gone"}, status=404), RtNotFound, "does not exist"),
    ("412", Reply({"message": "Precondition Failed"}, status=412), RtConflict, "changed"),
    ("400", Reply({"message": "Bad thing"}, status=400), RtInvalid, "Bad thing"),
    ("422", Reply({"message": "Bad thing"}, status=422), RtInvalid, "Bad thing"),
    ("418", Reply({"message": "tea"}, status=418), RtRefused, "418"),
    ("slow", Reply(wait=1.0), RtUnreachable, "did not answer"),
    ("trickling", Reply({"id": 1, "Name": "x" * 50}, every=0.02), RtUnreachable, "complete"),
    ("hanging up", Reply(hang_up=True), RtUnreachable, "RT_URL"),
    ("cut short", Reply({"id": 1, "Name": "x"}, headers={"Content-Length": "4000"}), RtUnreachable, ""),
    ("echoing the token", Reply({"message": f"your token {TOKEN} is odd"}, status=400), RtInvalid, "[secret]"),
    ("echoing the token where it is cut", Reply({"message": "x" * 290 + TOKEN}, status=400), RtInvalid, "[secret]"),
]


def test_an_invalid_response_is_an_error_with_advice_and_without_the_token(
    server: LocalServer, client: RtClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def check(_name: str, reply: Reply, kind: type[RtError], text: str) -> None:
        server.respond = lambda call: reply
        with pytest.raises(kind) as raised:
            client.assets.get(1)
        assert text in raised.value.message
        assert raised.value.__context__ is None
        shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(raised.value.args) + repr(client)
        assert TOKEN[:12] not in shown + caplog.text

    check_all(BAD_ANSWERS, check)


def test_the_token_is_sent_to_rt_and_nowhere_else(client: RtClient, server: LocalServer) -> None:
    with LocalServer(lambda call: Reply({"Version": "5"})) as elsewhere:
        server.respond = lambda call: Reply(status=307, headers={"Location": f"{elsewhere.url}/REST/2.0/rt"})
        with pytest.raises(RtRefused):
            client.version()
        assert elsewhere.calls == []
    assert [call.headers["authorization"] for call in server.calls] == [f"token {TOKEN}"]


def test_a_stopped_server_is_unreachable_after_three_attempts() -> None:
    with LocalServer(lambda call: Reply()) as gone:
        url = gone.url
    attempts: list[str] = []
    with RtClient(url, TOKEN, on_request=lambda *call: attempts.append(call[3])) as client, pytest.raises(RtUnreachable, match="RT_URL"):
        client.version()
    assert attempts == ["unreachable"] * 3
    with RtClient("http://rt.invalid", TOKEN, retry_within=0) as client, pytest.raises(RtUnreachable):
        client.version()


def test_reads_are_repeated_when_rt_is_briefly_unavailable(server: LocalServer, client: RtClient) -> None:
    def check(status: int) -> None:
        server.calls.clear()
        server.respond = each(Reply(status=status), Reply(hang_up=True), Reply({"Version": "5.0.3"}))
        assert client.version() == "5.0.3"
        assert len(server.calls) == 3

    check_all([502, 503, 504], check)
    server.respond = each(Reply(status=503), page(row(1, "W1")))
    assert [asset.id for asset in client.assets.find_by_name("W1")] == [1], "searches too"


def test_permanent_errors_are_not_retried(server: LocalServer, client: RtClient) -> None:
    def check(status: int) -> None:
        server.calls.clear()
        server.respond = lambda call: Reply({"message": "no"}, status=status)
        with pytest.raises(RtError):
            client.assets.get(1)
        assert len(server.calls) == 1

    check_all([400, 401, 403, 404, 500], check)


def test_repeating_ends_with_the_time_limit(server: LocalServer) -> None:
    server.respond = lambda call: Reply(wait=2)
    with (
        RtClient(server.url, TOKEN, read_timeout=0.2, retry_within=0.1, use_session=False) as client,
        pytest.raises(RtUnreachable),
    ):
        client.assets.get(1)
    assert len(server.calls) == 1


def test_a_creation_is_never_repeated(server: LocalServer, client: RtClient, outcomes: list[str]) -> None:
    for reply, kind in ((Reply(status=503), RtRefused), (Reply(hang_up=True), RtUnreachable), (Reply(wait=1), RtUnreachable)):
        server.respond = each(reply)
        with pytest.raises(kind):
            client.assets.create("x", catalog="c")
        with pytest.raises(kind):
            client.tickets.create(queue="q", subject="s", body="b")
    assert outcomes.count("POST asset unreachable") == 2
    assert len(server.calls) == 6


def rename_server(names: list[str], put: Reply) -> Callable[[Call], Reply]:
    """Names that reading returns in turn, and the answer to the change."""
    left = list(names)
    return lambda call: put if call.method == "PUT" else Reply(row(1, left.pop(0) if len(left) > 1 else left[0]), headers={"ETag": '"7"'})


def test_a_rename_applies_to_the_version_that_was_read_and_is_verified(server: LocalServer, client: RtClient) -> None:
    server.respond = rename_server(["old", "new"], Reply(["Name changed"]))
    assert client.assets.rename(1, "new") == "old"
    assert [call.headers.get("if-match") for call in server.calls] == [None, '"7"', None]
    server.respond = rename_server(["old", "old"], Reply(["Asset old: Illegal value for Name"]))
    with pytest.raises(RtInvalid, match="Illegal value"):
        client.assets.rename(1, "new")
    server.respond = rename_server(["old", "third"], Reply(["Name changed"]))
    with pytest.raises(RtConflict, match="third"):
        client.assets.rename(1, "new")


def test_reading_back_shows_whether_a_rename_with_a_lost_answer_was_carried_out(server: LocalServer, client: RtClient) -> None:
    server.respond = rename_server(["old", "new"], Reply(hang_up=True))
    assert client.assets.rename(1, "new") == "old"
    assert [call.method for call in server.calls] == ["GET", "PUT", "GET"]
    server.respond = rename_server(["old", "old"], Reply(hang_up=True))
    with pytest.raises(RtUnreachable):
        client.assets.rename(1, "new")
    server.calls.clear()
    server.respond = rename_server(["new"], Reply(hang_up=True))
    assert client.assets.rename(1, "new", old_name="old") == "old"
    assert [call.method for call in server.calls] == ["PUT", "GET"]


def test_a_rename_without_a_read_trusts_only_a_message_about_this_change(server: LocalServer, client: RtClient) -> None:
    def check(messages: object) -> None:
        server.calls.clear()
        server.respond = rename_server(["old"], Reply(messages))
        with pytest.raises(RtInvalid):
            client.assets.rename(1, "new", old_name="old")
        assert [call.method for call in server.calls] == ["PUT", "GET"]

    check_all(
        [
            ["Asset old: Illegal value for Name"],
            ["Asset third: Name changed from 'third' to 'new'"],
            ["Asset new: Name changed from 'new' to 'old'"],
            ["Asset old: Permission Denied"],
            [],
            {"message": "Name changed from 'old' to 'new'"},
        ],
        check,
    )


def test_a_missing_page_is_an_error_and_not_the_end(server: LocalServer, client: RtClient) -> None:
    first = [row(number, f"W{number}") for number in range(1, 101)]
    for second in (Reply({"message": "Bang"}, status=500), page(total=50), Reply({"count": 50}), page(row(3, "W3"), total=50)):
        server.respond = each(page(*first, total=150), second)
        pages = client.assets.names_beginning_with("W")
        assert len(next(pages)) == 100
        with pytest.raises(RtRefused):
            next(pages)


def test_a_list_that_ends_early_is_an_error_and_one_with_a_short_page_continues(server: LocalServer, client: RtClient) -> None:
    server.respond = each(page(*[row(number, "W") for number in range(1, 101)], total=150), page(row(101, "W"), total=1))
    with pytest.raises(RtRefused, match="150"):
        list(client.assets.names_beginning_with("W"))
    server.calls.clear()
    server.respond = each(page(row(1, "W1"), row(2, "W2"), total=3), page(row(9, "W9"), total=1))
    assert [number for rows in client.assets.names_beginning_with("W") for number, _ in rows] == [1, 2, 9]
    assert [call.json[-1]["value"] for call in server.calls] == [0, 2]


def test_ids_that_were_not_requested_are_an_error(server: LocalServer, client: RtClient) -> None:
    for reply in (page(row(1), row(7)), page(row(1), total=2)):
        server.respond = each(reply)
        with pytest.raises(RtRefused):
            list(client.assets.get_many([1, 2]))


def test_two_requests_run_at_a_time_without_changing_the_order(server: LocalServer, client: RtClient) -> None:
    def respond(call: Call) -> Reply:
        ids = call.json[0]["value"]
        return Reply(page(*map(row, ids)).body, wait=0.2 if ids[0] == 1 else 0)

    server.respond = respond
    chunks = client.assets.get_many(range(1, 1001))
    first = next(chunks)
    assert [asset.id for asset in first] == list(range(1, 101))
    assert len(server.calls) <= 4, "nothing is read ahead of its consumer"
    assert [asset.id for chunk in chunks for asset in chunk] == list(range(101, 1001))
    assert len(server.calls) == 10


def test_an_answer_without_anything_that_matches_is_refused(server: LocalServer, client: RtClient) -> None:
    def check(_name: str, search: Callable[[], object]) -> None:
        server.calls.clear()
        server.respond = each(page(row(1, "something else"), row(2, "one more"), total=5000))
        with pytest.raises(RtRefused, match="do not match"):
            search()
        assert len(server.calls) == 1

    check_all(
        [
            ("name", lambda: client.assets.find_by_name("W1")),
            ("text", lambda: client.assets.search("W1")),
            ("prefix", lambda: list(client.assets.names_beginning_with("W1"))),
            ("catalog", lambda: client.assets.search("", catalog="Cables")),
        ],
        check,
    )


def test_rows_that_differ_in_case_or_accent_are_omitted_without_an_error(server: LocalServer, client: RtClient) -> None:
    server.respond = each(page(row(1, "w1"), row(2, "W\u0301 1"), row(3, "W1"), row(4, "W1 ")))
    assert [asset.id for asset in client.assets.find_by_name("W1")] == [3]


def test_an_endless_response_is_aborted_and_a_chunked_one_is_read(
    server: LocalServer, client: RtClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.respond = lambda call: Reply({"Version": "5" * 100_000}, chunked=True)
    assert len(client.version()) == 100_000
    monkeypatch.setattr(rt_transport, "LARGEST_ANSWER", 100_000)
    server.respond = lambda call: Reply(b"x" * 200_000)
    with pytest.raises(RtRefused, match="larger"):
        client.version()


def test_whether_a_callers_token_is_valid_is_unknown_while_rt_is_down(server: LocalServer, client: RtClient) -> None:
    server.respond = lambda call: Reply(status=503)
    with pytest.raises(RtRefused):
        client.users.of_token("1-39-" + "ab" * 16)


def test_invalid_settings_are_refused_without_showing_the_token() -> None:
    def check(setting: str, url: str, token: str, serial_field: str) -> None:
        with pytest.raises(ValueError, match=setting) as raised:
            RtClient(url, token, serial_field=serial_field)
        assert not token or token not in str(raised.value)

    url, field = "http://rt.example.org", "Serial Number"
    check_all([("RT_TOKEN", url, token, field) for token in ("", "a b", "a\nb", "tökén")], check)
    check_all([("RT_URL", address, TOKEN, field) for address in ("", "rt.example.org", "ftp://rt.example.org", "http://")], check)
    check_all([("custom field", url, TOKEN, name) for name in ("", "Serial} OR id > 0 OR CF.{x", "a\nb")], check)


def test_slashes_around_the_address_do_not_matter(server: LocalServer) -> None:
    for url, endpoint in ((server.url + "/", "REST/2.0/"), (server.url, "/REST/2.0")):
        with RtClient(url, TOKEN, api_endpoint=endpoint) as client:
            client.version()
            assert client.assets.address(7) == f"{server.url}/Asset/Display.html?id=7"
    assert {call.path for call in server.calls} == {"/REST/2.0/rt"}
