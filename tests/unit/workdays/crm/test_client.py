"""One request to the CRM: what is sent, and what each answer means."""

import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.settings import load_settings
from request_tracker_utils.integrations.http.connections import trusted_authorities
from request_tracker_utils.workdays.crm.client import CrmClient
from request_tracker_utils.workdays.crm.responses import CrmDenied, CrmFailedForNow, CrmRejected, CrmUnreachable
from tests.services.crm import NOT_ALLOWED, PAGE, TOKEN, FakeCrm, always, first, never, record
from tests.services.local_server import Reply
from tests.services.raw_server import RawServer, self_signed
from tests.services.server import free_port
from tests.services.tables import check_all


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    with FakeCrm() as server:
        yield server


def outcome(client: CrmClient) -> AppError | None:
    return client.send(record()).error


def test_the_crm_gets_the_documented_body_and_headers(crm: FakeCrm) -> None:
    chicago = timezone(timedelta(hours=-6))
    sent = record(7, clock_in=datetime(2026, 3, 2, 6, 1, 2, tzinfo=chicago), clock_out=None, is_outlier=True, outlier_reason="Früh")
    crm.client().send(sent)
    [call] = crm.calls
    assert (call.method, call.path) == ("POST", "/api/attendance/")
    assert call.json == {
        "user_id": "7",
        "date": "2026-03-02",
        "clock_in": "2026-03-02T12:01:02Z",
        "clock_out": None,
        "is_outlier": True,
        "outlier_reason": "Früh",
        "device_name": "Entrance",
        "device_ip": "10.0.0.5",
    }
    assert call.headers["authorization"] == f"Token {TOKEN}"
    assert call.headers["idempotency-key"] == sent.key
    assert call.headers["content-type"] == "application/json"


def test_what_each_answer_means(crm: FakeCrm) -> None:
    def check(reply: Reply, expected: type[AppError] | None) -> None:
        crm.fails, before = always(reply), len(crm.calls)
        found = outcome(crm.client())
        assert type(found) is (expected or type(None)), repr(found)
        assert len(crm.calls) == before + 1, "sent more than once, or redirected"
        assert str(found).isprintable()

    html = {"Content-Type": "text/html"}
    check_all(
        [
            (Reply({"success": True, "id": 5}), None),
            (Reply({"id": 5}, status=201), None),
            (Reply([]), None),
            (Reply(b""), None),
            (Reply(b"", headers=html), None),
            (Reply(b" \n", status=201), None),
            (Reply(b'\xef\xbb\xbf{"success": true}', headers=html), None),
            (Reply({"success": True}, chunked=True), None),
            (Reply({"success": False, "error": "unknown user"}), CrmFailedForNow),
            (Reply({"success": "false"}, status=201), CrmFailedForNow),
            (Reply({"success": 0}), CrmFailedForNow),
            (PAGE, CrmFailedForNow),
            (Reply(b"<!DOCTYPE html><title>Error</title>", status=201), CrmFailedForNow),
            (Reply(b"Warning: mysql_connect()"), CrmFailedForNow),
            (Reply(b"\xff\xfe\x00"), CrmFailedForNow),
            (Reply(b"[" * 60_000), CrmFailedForNow),
            (Reply(b'{"a":"' + b"x" * 400_000 + b'"}'), CrmFailedForNow),
            (Reply(status=202), CrmFailedForNow),
            (Reply(status=204), CrmFailedForNow),
            (Reply(status=301, headers={"Location": "/api/attendance"}), CrmFailedForNow),
            (Reply(status=302, headers={"Location": "https://login.example.org/"}), CrmFailedForNow),
            (Reply(status=307, headers={"Location": "/api/attendance/"}), CrmFailedForNow),
            (NOT_ALLOWED, CrmDenied),
            (Reply(status=403), CrmDenied),
            (Reply(status=408), CrmFailedForNow),
            (Reply(status=429), CrmFailedForNow),
            (Reply(status=500), CrmFailedForNow),
            (Reply(status=503), CrmFailedForNow),
            (Reply(status=599), CrmFailedForNow),
            (Reply({"user_id": ["unknown"]}, status=400), CrmRejected),
            (Reply(status=404), CrmRejected),
            (Reply(status=409), CrmRejected),
            (Reply(status=422), CrmRejected),
            (Reply(hang_up=True), CrmFailedForNow),
            (Reply({"success": True}, headers={"Content-Length": "500"}), CrmFailedForNow),
            (Reply(b"", headers={"Content-Length": "500"}), CrmFailedForNow),
        ],
        check,
    )


def test_what_the_crm_said_is_stored_as_plain_text_without_the_token(crm: FakeCrm) -> None:
    crm.fails = always(PAGE)
    assert crm.client().send(record()).answer == "200 Sign in to the network"
    crm.fails = always(Reply(f"bad\r\n\x00header Token {TOKEN} <b>&amp;</b>".encode() + b"x" * 2_000, status=400))
    said = crm.client().send(record()).answer
    assert said.startswith("400 bad header Token *** <b>&amp;</b>xxx")
    assert len(said) == len("400 ") + 500
    crm.fails = always(Reply(b"<h1>Sign in</h1><![unknown[ ]]>"))
    assert crm.client().send(record()).answer == "200 Sign in"
    crm.fails = never
    assert crm.client().send(record()).answer == '201 {"success": true}'


def test_a_pause_that_the_crm_asks_for_is_read_in_seconds_and_as_a_date(crm: FakeCrm) -> None:
    def check(headers: dict[str, str], expected: timedelta | None) -> None:
        crm.fails = always(Reply(status=429, headers=headers))
        found = outcome(crm.client())
        assert isinstance(found, CrmFailedForNow)
        assert found.retry_after == expected

    # The date is relative to the CRM's own clock, here years behind.
    dated = {"Date": "Mon, 02 Mar 2020 08:00:00 GMT", "Retry-After": "Mon, 02 Mar 2020 08:01:30 GMT"}
    check_all(
        [
            ({}, None),
            ({"Retry-After": "17"}, timedelta(seconds=17)),
            ({"Retry-After": "999999999999"}, timedelta(hours=1)),
            ({"Retry-After": "-5"}, None),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "Mon, 02 Mar 2020 08:00:00 +99999999999999999999"}, None),
            ({"Retry-After": "Mon, 02 Mar 99999999999999999999 08:00:00 GMT"}, None),
            ({**dated, "Retry-After": "Mon, 02 Mar 2020 07:00:00 GMT"}, timedelta(0)),
        ],
        check,
    )
    with RawServer(lambda connection: _answer_raw(connection, dated)) as server:
        found = outcome(CrmClient(server.url, TOKEN, allow_http=True))
    assert isinstance(found, CrmFailedForNow)
    assert found.retry_after == timedelta(seconds=90)


def _answer_raw(connection: socket.socket, headers: dict[str, str]) -> None:
    """With this Date, and no other."""
    connection.recv(65_536)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"HTTP/1.1 429 Too Many Requests\r\n{lines}Content-Length: 0\r\n\r\n".encode())


def test_a_crm_without_a_connection_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    refused = outcome(CrmClient(f"http://127.0.0.1:{free_port()}/", TOKEN, allow_http=True))
    with RawServer(lambda connection: None) as server:
        no_tls = outcome(CrmClient(server.url.replace("http", "https"), TOKEN))
    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    unknown = outcome(CrmClient("https://crm.example.org/", TOKEN))
    assert [type(each) for each in (refused, no_tls, unknown)] == [CrmUnreachable] * 3
    assert all(TOKEN not in str(each) for each in (refused, no_tls, unknown))


def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, tls = self_signed()
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(b"")
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    with FakeCrm(tls=tls) as crm:
        client = CrmClient(crm.address, TOKEN)
        trusted_authorities.cache_clear()
        untrusted = outcome(client)
        authorities.write_bytes(certificate)
        trusted_authorities.cache_clear()
        trusted = outcome(client)
        other_name = outcome(CrmClient(crm.address.replace("127.0.0.1", "localhost"), TOKEN))
    trusted_authorities.cache_clear()
    assert (type(untrusted), trusted, type(other_name)) == (CrmUnreachable, None, CrmUnreachable)
    assert "certificate" in str(untrusted)
    assert len(crm.calls) == 1, "the token was sent to a server that nobody trusts"


def test_a_crm_that_answers_slowly_for_minutes_costs_the_time_of_one_request(crm: FakeCrm) -> None:
    def check(reply: Reply) -> None:
        crm.fails, began = always(reply), time.monotonic()
        found = outcome(crm.client(seconds=0.4))
        assert isinstance(found, CrmFailedForNow)
        assert time.monotonic() - began < 5

    check_all([(Reply(b"{}" + b" " * 1_000, every=0.1),), (Reply(b"", wait=60),), (Reply(b" " * 1_000, every=0.1, chunked=True),)], check)
    assert isinstance(outcome(crm.client(seconds=0.4)), CrmFailedForNow)


def test_a_body_without_a_length_that_drips_until_the_deadline_is_not_taken_for_a_complete_one() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.recv(1)  # until the client gives up

    with RawServer(answer) as server:
        found = outcome(CrmClient(server.url, TOKEN, seconds=0.4, allow_http=True))
    assert isinstance(found, CrmFailedForNow)


def test_an_answer_that_was_lost_may_be_repeated(crm: FakeCrm) -> None:
    crm.fails = first(1, Reply(hang_up=True), stores=True)
    assert isinstance(outcome(crm.client()), CrmFailedForNow)
    assert outcome(crm.client()) is None
    assert list(crm.stored.values()) == [1]


def test_plain_http_needs_the_setting() -> None:
    with pytest.raises(ValueError, match="https"):
        CrmClient("http://crm.example.org/", TOKEN)
    settings = load_settings({"CRM_API_URL": "https://crm.example.org/x/", "CRM_API_TOKEN": TOKEN, "CRM_REQUEST_TIMEOUT": "7"})
    client = CrmClient.of(settings)
    assert client is not None
    assert (client.address, client.seconds, TOKEN in repr(client)) == ("https://crm.example.org/x/", 7, False)
    assert CrmClient.of(load_settings({})) is None
