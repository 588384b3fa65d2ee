"""Providers of messages: the real client libraries against stand-ins that answer well, badly, late, or not at all."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.integrations.http.connections import ForbiddenAddress, public_address, trusted_authorities
from request_tracker_utils.integrations.http.exchange import Answer
from request_tracker_utils.notifications.providers.apprise import AppriseProvider
from request_tracker_utils.notifications.providers.available import set_up_providers
from request_tracker_utils.notifications.providers.folder import FolderProvider
from request_tracker_utils.notifications.providers.http import HttpProvider
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadMessage,
    BadRecipient,
    Busy,
    NotConnected,
    Provider,
    ProviderError,
    Refused,
    RenderedMessage,
    Silent,
)
from request_tracker_utils.notifications.providers.resend import ResendProvider
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.providers import (
    KEY,
    RESEND_KEY,
    SENDGRID_KEY,
    TO,
    TWILIO_NUMBER,
    TWILIO_TOKEN,
    Mode,
    Ntfy,
    ProviderServer,
    Resend,
    SendGrid,
    Twilio,
    message,
    outcome,
    settings_of,
)
from tests.services.raw_server import RawServer, self_signed
from tests.services.server import free_port
from tests.services.smtp_server import SENDER
from tests.services.tables import check_all

STAND_INS: list[type[ProviderServer]] = [Resend, SendGrid, Twilio, Ntfy]
CHANNELS: dict[type[ProviderServer], Channel] = {
    Resend: Channel.EMAIL,
    SendGrid: Channel.EMAIL,
    Twilio: Channel.SMS,
    Ntfy: Channel.CHAT,
}


def provider_of(server: ProviderServer, *, seconds: float = 20, **more: str) -> Provider:
    [provider] = set_up_providers(settings_of(server, **more), CHANNELS[type(server)])
    assert isinstance(provider, HttpProvider)
    provider.seconds = seconds
    return provider


@pytest.fixture
def run() -> Iterator[Callable[..., tuple[ProviderServer, Accepted | ProviderError]]]:
    """Starts a stand-in, and sends it a message."""
    with ExitStack() as stack:

        def send(kind: type[ProviderServer], mode: Mode, **options: float) -> tuple[ProviderServer, Accepted | ProviderError]:
            server = stack.enter_context(kind(mode))
            return server, outcome(provider_of(server, **options), message(CHANNELS[kind]))

        yield send


def test_each_provider_sends_what_was_rendered() -> None:
    with Resend() as resend, SendGrid() as sendgrid, Twilio() as twilio, Ntfy() as ntfy:
        email = message(html="<p>Approved</p>")
        assert provider_of(resend).send(email, KEY) == Accepted("resend-1")
        assert resend.accepted == [
            {"from": SENDER, "to": [email.to], "subject": email.subject, "text": email.text, "html": "<p>Approved</p>"},
        ]
        assert resend.calls[0].headers["idempotency-key"] == KEY
        assert provider_of(sendgrid).send(email, KEY) == Accepted("sendgrid-1")
        [sent] = sendgrid.accepted
        assert sent["from"] == {"email": "tickets@school.example.org", "name": "Tickets"}
        assert [part["value"] for part in sent["content"]] == [email.text, email.html]
        assert sent["headers"] == {"Message-ID": f"<{KEY}@school.example.org>"}
        assert not sent["tracking_settings"]["click_tracking"]["enable"]
        address = "https://tickets.school.example.org"
        assert provider_of(twilio, app_url=address).send(message(Channel.SMS), KEY) == Accepted(f"SM{1:032d}")
        [sms] = twilio.accepted
        assert (sms["to"], sms["from"], sms["body"]) == ("+12025550123", TWILIO_NUMBER, email.text)
        assert sms["status_callback"] == f"{address}/webhooks/twilio"
        assert provider_of(ntfy).send(message(Channel.CHAT), KEY) == Accepted("ntfy1")
        assert [(each["topic"], each["title"], each["message"]) for each in ntfy.accepted] == [
            ("office", "Ticket 12: approved", email.text)
        ]


def test_a_messaging_service_can_be_the_sender() -> None:
    with Twilio() as twilio:
        service = "MG" + "7" * 32
        provider_of(twilio, twilio_phone_number=service).send(message(Channel.SMS), KEY)
        assert (twilio.accepted[0]["messaging_service_sid"], twilio.accepted[0]["from"]) == (service, None)


def test_what_a_bad_answer_means(run: Callable[..., tuple[ProviderServer, Accepted | ProviderError]]) -> None:
    """Whether a message was sent decides who sends it next. A response that nobody can read leaves it open."""

    def check(kind: type[ProviderServer], mode: Mode, expected: type[ProviderError]) -> None:
        server, found = run(kind, mode)
        assert type(found) is expected, repr(found)
        assert len(server.calls) == 1, "sent more than once"
        if isinstance(found, Busy):
            assert timedelta(seconds=1) <= found.retry_after <= timedelta(seconds=30)
        for secret in (RESEND_KEY, SENDGRID_KEY, TWILIO_TOKEN, "<html", "127.0.0.1"):
            assert secret not in str(found)
        assert str(found).isprintable()

    expected: dict[Mode, type[ProviderError]] = {
        "wrong key": Refused,
        "429": Busy,
        "500": Silent,
        "503": Silent,
        "html": Refused,
        "html 200": Silent,
        "rubbish": Silent,
        "empty": Silent,
        "redirect": Refused,
        "huge": Silent,
        "lost": Silent,
    }
    rows = [(kind, mode, kind_of_error) for kind in STAND_INS for mode, kind_of_error in expected.items()]
    # SendGrid answers without a body, so an empty 200 is as good as its 202.
    check_all([row for row in rows if row[:2] != (SendGrid, "empty")], check)


def test_a_provider_that_answers_nothing_or_byte_by_byte_ends_at_the_deadline() -> None:
    """A read timeout alone would begin anew with each byte."""

    def send(kind: type[ProviderServer], mode: Mode) -> tuple[Accepted | ProviderError, float, int]:
        with kind(mode) as server:
            started_at = time.monotonic()
            found = outcome(provider_of(server, seconds=4), message(CHANNELS[kind]))
            return found, time.monotonic() - started_at, len(server.accepted)

    rows = [(kind, mode) for kind in STAND_INS for mode in ("hang", "drip")]
    with ThreadPoolExecutor(len(rows)) as pool:
        results = list(pool.map(lambda row: send(*row), rows))  # type: ignore[arg-type]

    def check(row: tuple[type[ProviderServer], Mode], found: Accepted | ProviderError, seconds: float, accepted: int) -> None:
        # 202 is all that SendGrid says; with the others, the id is missing.
        expected: type[object] = Silent
        assert type(found) is expected, repr(found)
        assert 3.9 <= seconds < 20
        assert accepted == 1

    check_all([(row, *result) for row, result in zip(rows, results, strict=True)], check)


def test_headers_and_connections_that_do_not_end() -> None:
    """What no library limits: a status line and headers byte by byte, endless headers, a connection that is closed before the request."""

    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: " + b"x" * 60_000 + b"\r\n")

    def close(connection: socket.socket) -> None:
        """Before anything is read."""

    def check(answer: Callable[[socket.socket], None]) -> None:
        with RawServer(answer) as server:
            provider = ResendProvider(RESEND_KEY, url=server.url)
            provider.seconds = 2
            found = outcome(provider, message())
            assert type(found) is Silent, repr(found)

    check_all([drip, endless, close], check)


def test_an_endless_response_is_not_read_to_its_end() -> None:
    sent = [0]

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n")
        while sent[0] < 500_000_000:
            sent[0] += connection.send(b"x" * 1_000_000)

    with RawServer(endless) as server:
        assert type(outcome(ResendProvider(RESEND_KEY, url=server.url), message())) is Refused
    assert sent[0] < 50_000_000


def test_nothing_was_sent_where_no_connection_was_possible() -> None:
    def check(url: str) -> None:
        found = outcome(ResendProvider(RESEND_KEY, url=url), message())
        assert type(found) is NotConnected, repr(found)
        assert RESEND_KEY not in str(found)

    check_all([f"http://127.0.0.1:{free_port()}", "http://no-such-host.invalid", "https://" + "a" * 70 + ".invalid"], check)


def test_a_certificate_that_does_not_fit_gets_neither_key_nor_message(trusting: Path) -> None:
    received: list[bytes] = []

    def check(certified: str, trusted: bool, expected: type[object]) -> None:
        certificate, context = self_signed(certified)
        trusting.write_bytes(certificate if trusted else b"")
        trusted_authorities.cache_clear()
        received.clear()

        def answer(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secure:
                while not b"".join(received).endswith(b"}"):
                    received.append(secure.recv(65_536))
                secure.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"id": "x"}')

        with RawServer(answer) as server:
            found = outcome(ResendProvider(RESEND_KEY, url=server.url.replace("http://", "https://")), message())
        assert type(found) is expected, repr(found)
        assert bool(received) is (expected is Accepted)
        assert expected is Accepted or "certificate" in str(found)

    check_all([("127.0.0.1", True, Accepted), ("127.0.0.1", False, NotConnected), ("127.0.0.2", True, NotConnected)], check)


def test_a_proxy_of_the_environment(trusting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees the host, not the key or the message. Where addresses are restricted, it is not used: it would look the name up itself."""
    certificate, context = self_signed("127.0.0.1")
    trusting.write_bytes(certificate)
    requests: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        requests.append(head)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as secure:
            received = b""
            while not received.endswith(b"}"):
                received += secure.recv(65_536)
            secure.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"id": "x"}')

    provider = ResendProvider(RESEND_KEY, url=f"https://127.0.0.1:{free_port()}")
    with RawServer(answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:p%40ss@"))
        assert outcome(provider, message()) == Accepted("x")
        assert requests[0].startswith(b"CONNECT 127.0.0.1:")
        assert b"Proxy-Authorization: Basic dXNlcjpwQHNz" in requests[0]
        assert RESEND_KEY.encode() not in requests[0]
        with pytest.raises(ForbiddenAddress):
            provider.exchange("GET", "https://127.0.0.1/", headers={}, permits=public_address)
        assert len(requests) == 1


def test_how_long_a_busy_provider_asks_to_wait() -> None:
    def check(header: str, seconds: int | None) -> None:
        found = Answer(429, {"retry-after": header}, b"").retry_after
        assert found == (None if seconds is None else timedelta(seconds=seconds))

    check_all(
        [("7", 7), (" 0 ", 0), ("99999999999", 3600), ("", None), ("-5", None), ("²", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)], check
    )


def test_a_handshake_that_does_not_end() -> None:
    def drip(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"\x16\x03\x03\x40\x00")
            time.sleep(0.02)

    with RawServer(drip) as server:
        provider = ResendProvider(RESEND_KEY, url=server.url.replace("http://", "https://"))
        provider.seconds = 2
        assert type(outcome(provider, message())) is NotConnected


def test_a_character_that_no_header_may_have_is_found_before_anything_is_sent() -> None:
    with Resend() as server:
        found = outcome(ResendProvider("re_with\nline", url=server.url), message())
        assert (type(found), server.calls) == (NotConnected, [])


def test_the_same_key_reaches_resend_once() -> None:
    """After silence the message is sent again; the stand-in keeps one, and refuses another text with the same key."""
    with Resend("lost") as server:
        provider = provider_of(server)
        assert type(outcome(provider, message())) is Silent
        server.mode = "ok"
        assert provider.send(message(), KEY) == Accepted("resend-1")
        assert provider.send(message(text="changed"), KEY) == Accepted()
        assert (len(server.accepted), len(server.calls)) == (1, 3)
        assert provider.send(message(), "aa" * 32) == Accepted("resend-2")


def test_resend_is_used_by_several_threads_with_different_keys() -> None:
    """Its library has one key and address for the whole process."""
    with Resend() as first, Resend() as second:
        good, bad = provider_of(first), ResendProvider("re_other", url=second.url)

        def send(number: int) -> type[object]:
            provider = bad if number % 2 else good
            return type(outcome(provider, message(text=f"message {number}"), f"{number:064x}"))

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(send, range(40)))
        assert found == [Accepted, Refused] * 20
        assert (len(first.calls), len(second.calls), len(first.accepted)) == (20, 20, 20)


def test_what_is_explained_to_people() -> None:
    """The usual causes, in words that say what to do."""
    with Resend() as resend, SendGrid() as sendgrid, Twilio() as twilio:
        resend_of = provider_of(resend)
        unverified = RenderedMessage(Channel.EMAIL, TO[Channel.EMAIL], "x@unverified.example.org", "Hello", "Hello")

        def check(provider: Provider, message: RenderedMessage, kind: type[ProviderError], text: str, suppress: str = "") -> None:
            found = outcome(provider, message)
            assert type(found) is kind, repr(found)
            assert text in str(found)
            if isinstance(found, BadRecipient):
                assert found.suppress == suppress

        sms = provider_of(twilio)

        def number(to: str, text: str = "Hello") -> RenderedMessage:
            return message(Channel.SMS, to=to, text=text)

        check_all(
            [
                (resend_of, message(to="nobody"), BadRecipient, "address of the recipient"),
                (resend_of, unverified, Refused, "DNS records"),
                (ResendProvider("re_wrong", url=resend.url), message(), Refused, "RESEND_API_KEY"),
                (provider_of(sendgrid), message(to="nobody"), BadRecipient, "address of the recipient"),
                (provider_of(sendgrid), unverified, Refused, "Verify its domain"),
                (provider_of(sendgrid, sendgrid_api_key="SG.wrong"), message(), Refused, "SENDGRID_API_KEY"),
                (sms, number("+15005550001"), BadRecipient, "country code", "bounced"),
                (sms, number("+15005550003"), Refused, "Geo permissions"),
                (sms, number("+15005550004"), BadRecipient, "STOP", "stopped"),
                (sms, number("+15005550008"), Refused, "trial account"),
                (sms, number("+15005550009"), BadRecipient, "mobile phone", "bounced"),
                (provider_of(twilio, twilio_auth_token="wrong"), number("+12025550123"), Refused, "TWILIO_AUTH_TOKEN"),
            ],
            check,
        )
        resend.owner = "owner@school.example.org"
        check(resend_of, message(), Refused, "sandbox")


def test_a_message_that_was_lost_is_found_in_the_list_of_twilio() -> None:
    since = datetime.now(UTC)
    with Twilio("lost") as twilio:
        provider = provider_of(twilio)
        assert type(outcome(provider, message(Channel.SMS))) is Silent
        twilio.mode = "ok"
        assert provider.find(message(Channel.SMS), since) == Accepted(f"SM{1:032d}")
        assert provider.find(message(Channel.SMS, text="another"), since) is None
        assert provider.find(message(Channel.SMS, to="+12025550199"), since) is None
        assert provider.find(message(Channel.SMS), since + timedelta(days=1)) is None
        twilio.accepted[0]["body"] = "Sent from your Twilio trial account - " + twilio.accepted[0]["body"]
        assert provider.find(message(Channel.SMS), since) == Accepted(f"SM{1:032d}")

        def fails(mode: Mode, expected: type[ProviderError]) -> None:
            twilio.mode = mode
            with pytest.raises(expected):
                provider.find(message(Channel.SMS), since)

        check_all(
            [("500", Silent), ("rubbish", Silent), ("empty", Silent), ("html 200", Silent), ("wrong key", Refused), ("429", Busy)], fails
        )


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The libraries log keys, addresses and texts when LOG_LEVEL is DEBUG."""
    caplog.set_level(logging.DEBUG)
    with Resend() as resend, SendGrid() as sendgrid, Twilio() as twilio, Ntfy() as ntfy:
        for server in (resend, sendgrid, twilio, ntfy):
            for mode in ("ok", "wrong key", "500"):
                server.mode = mode  # type: ignore[assignment]
                outcome(provider_of(server), message(CHANNELS[type(server)], text="the secret text"))
    for secret in (RESEND_KEY, SENDGRID_KEY, TWILIO_TOKEN, "the secret text", "ada@school", "+12025550123", "/office", '"office"'):
        assert secret not in caplog.text


def test_a_provider_that_repeats_a_secret_is_not_quoted_with_it() -> None:
    def repeat(call: Call) -> Reply:
        return Reply({"message": f"bad {call.headers.get('authorization')} {call.path}", "error": call.path, "code": 1, "status": 400}, 400)

    with LocalServer(repeat) as server:
        hook = server.url.replace("http://", "json://") + "/T0KENT0KENT0KEN"
        providers: list[tuple[Provider, Channel]] = [
            (ResendProvider(RESEND_KEY, url=server.url), Channel.EMAIL),
            (AppriseProvider(hook, folder=FolderProvider(Channel.CHAT, Path("/nowhere"))), Channel.CHAT),
        ]
        for provider, channel in providers:
            found = outcome(provider, message(channel))
            assert type(found) is Refused
            assert "***" in str(found)
            assert RESEND_KEY not in str(found)
            assert "T0KEN" not in str(found)


def test_a_message_that_is_too_large_goes_to_no_provider() -> None:
    with Resend() as server:
        server.respond = lambda _call: Reply({"message": "too large"}, 413)
        assert type(outcome(provider_of(server), message())) is BadMessage
