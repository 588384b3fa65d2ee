"""A stand-in for an SMTP server: aiosmtpd, which keeps what it received, or a socket that greets badly."""

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.services.raw_server import RawServer, self_signed

SENDER = "Tickets <tickets@school.example.org>"
SmtpMode = Literal[
    "ok",
    "wrong password",
    "sender refused",
    "relaying denied",
    "greylisted",
    "message refused",
    "busy",  # 421 at the greeting
    "lost before",  # closes the connection when the recipient is named
    "lost after",  # keeps the message, then closes the connection
    "hang before",
    "hang",  # keeps the message, then answers nothing
    "huge",  # an endless greeting
    "drip",  # a greeting that never ends, byte by byte
    "rubbish",
]


@dataclass(frozen=True)
class Received:
    sender: str
    recipients: list[str]
    message: EmailMessage


class SmtpServer:
    """aiosmtpd; with some modes, a socket that greets badly. An address that begins with `nobody` does not exist here. Its
    certificate is for the address `certified`."""

    def __init__(
        self, mode: SmtpMode = "ok", *, tls: Literal["none", "starttls", "tls"] = "none", password: str = "", certified: str = "127.0.0.1"
    ) -> None:
        self.mode, self.tls, self.password = mode, tls, password
        self.accepted: list[Received] = []
        self.bytes_sent = 0
        """Of an endless greeting."""
        self.certificate, context = self_signed(certified) if tls != "none" else (b"", None)
        self._released = threading.Event()
        options: dict[str, Any] = {"hostname": "127.0.0.1", "port": 0, "decode_data": False, "enable_SMTPUTF8": True}
        if tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        elif tls == "tls":
            options |= {"ssl_context": context}
        if password:
            options |= {"authenticator": self._check, "auth_required": True, "auth_require_tls": tls == "starttls"}
        self._raw = RawServer(self._greet_badly) if mode in ("huge", "drip", "rubbish", "busy") else None
        self._smtp = None if self._raw else _Controller(self, **options)
        if self._smtp is not None:
            self._smtp.start()

    @property
    def port(self) -> int:
        if self._raw is not None:
            return self._raw.port
        assert self._smtp is not None
        return int(self._smtp.port)

    def settings(self) -> dict[str, str]:
        given = {"smtp_host": "127.0.0.1", "smtp_port": str(self.port), "smtp_tls": self.tls, "sendgrid_from_email": SENDER}
        return given | ({"smtp_user": "tickets", "smtp_password": self.password} if self.password else {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        if self._raw is not None:
            self._raw.close()
        if self._smtp is not None:
            self._smtp.stop()

    def _check(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
        return AuthResult(success=self.mode != "wrong password" and given.password.decode() == self.password, handled=False)

    def _greet_badly(self, connection: socket.socket) -> None:
        if self.mode == "busy":
            connection.sendall(b"421 Too many connections, try again later\r\n")
        elif self.mode == "rubbish":
            connection.sendall(b"\xff\xfe not a greeting\r\n" * 3)
        elif self.mode == "huge":
            line = b"220-" + b"x" * 1000 + b"\r\n"
            with contextlib.suppress(OSError):
                while not self._released.is_set():
                    self.bytes_sent += connection.send(line * 100)
        else:
            with contextlib.suppress(OSError):
                while not self._released.wait(0.05):
                    connection.sendall(b"2")

    # Called by aiosmtpd

    async def handle_MAIL(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.mode == "sender refused":
            return "553 5.7.1 Sender address rejected: not owned by user"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 No such user here"
        if self.mode == "relaying denied":
            return "554 5.7.1 Relay access denied"
        if self.mode == "greylisted":
            return "450 4.7.1 Greylisted, please try again in 300 seconds"
        if self.mode == "lost before":
            server.transport.close()
        if self.mode == "hang before":
            await server.loop.run_in_executor(None, self._released.wait, 3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.mode == "message refused":
            return "554 5.7.1 Message rejected as spam"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.accepted.append(Received(envelope.mail_from or "", list(envelope.rcpt_tos), message))
        if self.mode == "lost after":
            server.transport.close()
        if self.mode == "hang":
            await server.loop.run_in_executor(None, self._released.wait, 3600)
        return f"250 2.0.0 Ok: queued as {len(self.accepted)}"


class _Controller(Controller):
    def _trigger_server(self) -> None:
        """The first connection, with which it finds out whether it works. The original uses the port that it was given: 0."""
        self.port = cast(asyncio.Server, self.server).sockets[0].getsockname()[1]
        socket.create_connection(("127.0.0.1", self.port)).close()
