"""Email through an SMTP server, with smtplib and aiosmtpd."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.integrations.http.connections import trusted_authorities
from request_tracker_utils.notifications.providers.available import set_up_providers
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadMessage,
    BadRecipient,
    Busy,
    NotConnected,
    ProviderError,
    Refused,
    RenderedMessage,
    Silent,
)
from request_tracker_utils.notifications.providers.smtp import SmtpProvider
from tests.services.providers import KEY, WRITTEN_AT, message, outcome, settings_of
from tests.services.server import free_port
from tests.services.smtp_server import SENDER, SmtpMode, SmtpServer
from tests.services.tables import check_all

MESSAGE_ID = f"<{KEY}@school.example.org>"
PASSWORD = "the-smtp-password"


def provider_of(server: SmtpServer, *, seconds: float = 20, **more: str) -> SmtpProvider:
    [provider] = set_up_providers(settings_of(server, **more), Channel.EMAIL)
    assert isinstance(provider, SmtpProvider)
    provider.seconds = seconds
    return provider


def test_an_email_is_the_same_at_each_attempt() -> None:
    with SmtpServer() as server:
        provider = provider_of(server)
        text = "Cat6, 100 ft — approved ✓\n.\n.a line with a dot\n" + "x" * 2000
        html = "<p>Approved — ✓</p>"
        assert {provider.send(message(text=text, html=html), KEY) for _ in range(2)} == {Accepted(MESSAGE_ID)}
        first, second = server.accepted
        assert first.message.as_bytes() == second.message.as_bytes()
        assert (first.sender, first.recipients) == ("tickets@school.example.org", ["ada@school.example.org"])
        headers = {name: str(first.message[name]) for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")}
        assert headers == {
            "From": SENDER,
            "To": "ada@school.example.org",
            "Subject": "Ticket 12: approved",
            "Message-ID": MESSAGE_ID,
            "Auto-Submitted": "auto-generated",
        }
        assert first.message["Date"].datetime == WRITTEN_AT
        plain, rich = (first.message.get_body((kind,)) for kind in ("plain", "html"))
        assert plain is not None
        assert rich is not None
        assert plain.get_content().replace("\r\n", "\n") == text + "\n"
        assert rich.get_content().strip() == html


def test_the_sender_of_the_smtp_server_may_differ() -> None:
    with SmtpServer() as server:
        provider_of(server, smtp_from="Relay <relay@school.example.org>").send(message(), KEY)
        assert (server.accepted[0].sender, server.accepted[0].message["From"]) == (
            "relay@school.example.org",
            "Relay <relay@school.example.org>",
        )


def test_no_header_can_be_added() -> None:
    """A subject or an address with a line break is never sent."""
    with SmtpServer() as server:
        provider = provider_of(server)

        def check(bad: RenderedMessage, expected: type[ProviderError]) -> None:
            assert type(outcome(provider, bad)) is expected

        subject = RenderedMessage(Channel.EMAIL, "ada@school.example.org", SENDER, "Hello\r\nBcc: eve@example.org", "Hello")
        addresses = [
            "ada@school.example.org\r\nBcc: eve@example.org",
            "ada@school.example.org, eve@example.org",
            "Ada <ada@school.example.org>",
            "",
        ]
        check_all([(subject, BadMessage), *((message(to=to), BadRecipient) for to in addresses)], check)
        assert server.accepted == []


def test_what_a_bad_answer_of_an_smtp_server_means() -> None:
    """Until the end of the message, nothing was sent; afterwards, nobody knows."""

    def check(mode: SmtpMode, expected: type[ProviderError], text: str, accepted: int = 0) -> None:
        password = PASSWORD if mode == "wrong password" else ""
        with SmtpServer(mode, password=password) as server:
            found = outcome(provider_of(server, seconds=4), message())
            assert type(found) is expected, repr(found)
            assert text in str(found)
            assert PASSWORD not in str(found)
            assert len(server.accepted) == accepted
            assert server.bytes_sent < 50_000_000
            if isinstance(found, Busy):
                assert found.retry_after == timedelta(minutes=5)

    check_all(
        [
            ("wrong password", Refused, "SMTP_PASSWORD"),
            ("sender refused", Refused, "SMTP_FROM"),
            ("relaying denied", Refused, "sandbox"),
            ("greylisted", Busy, "Greylisted"),
            ("message refused", Refused, "spam"),
            ("busy", Busy, "Too many connections"),
            ("rubbish", NotConnected, "SMTP_PORT"),
            ("lost before", NotConnected, "SMTP_HOST"),
            ("lost after", Silent, "did not say", 1),
            ("huge", NotConnected, "SMTP_HOST"),
        ],
        check,
    )


def test_a_mailbox_that_does_not_exist() -> None:
    with SmtpServer() as server:
        found = outcome(provider_of(server), message(to="nobody@school.example.org"))
        assert isinstance(found, BadRecipient)
        assert found.suppress == "bounced"


def test_an_smtp_server_that_hangs_or_answers_byte_by_byte_ends_at_the_deadline() -> None:
    def send(mode: SmtpMode) -> tuple[object, float, int]:
        with SmtpServer(mode) as server:
            started_at = time.monotonic()
            found = outcome(provider_of(server, seconds=4), message())
            return type(found), time.monotonic() - started_at, len(server.accepted)

    modes: list[SmtpMode] = ["hang before", "hang", "drip"]
    with ThreadPoolExecutor(len(modes)) as pool:
        results = list(pool.map(send, modes))
    assert [(kind, accepted) for kind, _seconds, accepted in results] == [(NotConnected, 0), (Silent, 1), (NotConnected, 0)]
    assert all(3.9 <= seconds < 20 for _kind, seconds, _accepted in results)


def test_no_smtp_server_answers() -> None:
    found = outcome(SmtpProvider("127.0.0.1", port=free_port()), message())
    assert type(found) is NotConnected
    assert "SMTP_HOST" in str(found)


def test_encryption_with_a_trusted_certificate(trusting: Path) -> None:
    def check(tls: str, password: str) -> None:
        with SmtpServer(tls=tls, password=password) as server:  # type: ignore[arg-type]
            trusting.write_bytes(server.certificate)
            trusted_authorities.cache_clear()
            assert provider_of(server).send(message(), KEY) == Accepted(MESSAGE_ID)
            assert len(server.accepted) == 1

    check_all([(tls, password) for tls in ("starttls", "tls") for password in (PASSWORD, "")], check)


def test_a_certificate_that_does_not_fit(trusting: Path) -> None:
    """Neither the password nor the message is sent: it is unknown, for another host, or there is no encryption at all."""

    def check(tls: str, certified: str, trusted: bool) -> None:
        with SmtpServer(tls=tls, password=PASSWORD, certified=certified) as server:  # type: ignore[arg-type]
            trusting.write_bytes(server.certificate if trusted else b"")
            trusted_authorities.cache_clear()
            found = outcome(provider_of(server), message())
            assert type(found) is NotConnected, repr(found)
            assert "certificate" in str(found)
            assert server.accepted == []

    kinds = [("127.0.0.1", False), ("127.0.0.2", True)]
    check_all([(tls, *kind) for tls in ("starttls", "tls") for kind in kinds], check)
    with SmtpServer() as server:
        found = outcome(provider_of(server, smtp_tls="starttls"), message())
        assert type(found) is Refused
        assert "encryption" in str(found)
        assert server.accepted == []


def test_an_address_with_letters_that_are_not_ascii() -> None:
    with SmtpServer() as server:
        provider_of(server).send(message(to="zoë@school.example.org"), KEY)
        assert server.accepted[0].recipients == ["zoë@school.example.org"]
