"""Stand-ins for the providers of messages: real servers on loopback that keep what they received, and that can misbehave.

The real client libraries talk to them. Addresses of recipients decide what a healthy stand-in refuses, as real ones do.
"""

import asyncio
import contextlib
import json
import socket
import ssl
import tempfile
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Any, ClassVar, Literal, Self, cast
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from request_tracker_utils.core.settings import Settings
from tests.services.local_server import Call, LocalServer, Reply

Mode = Literal[
    "ok",
    "wrong key",
    "429",
    "500",
    "503",
    "html",
    "html 200",
    "rubbish",
    "empty",
    "redirect",
    "huge",
    "hang",  # keeps the message, then answers nothing
    "lost",  # keeps the message, then closes the connection
    "drip",
]
HTML = b"<html><head><title>Blocked</title></head><body>This page was blocked by the content filter.</body></html>"
RESEND_KEY, SENDGRID_KEY = "re_Standin_key", "SG.standin.key"
TWILIO_SID, TWILIO_TOKEN, TWILIO_NUMBER = "AC" + "5" * 32, "standin-auth-token", "+12025550100"
SENDER = "Tickets <tickets@school.example.org>"


class ProviderServer(LocalServer):
    """`mode` may change at any time. `accepted` has the messages that were kept, in order."""

    def __init__(self, mode: Mode = "ok") -> None:
        self.mode: Mode = mode
        self.accepted: list[Any] = []
        self.drip_every = 0.05
        super().__init__(self._answer)

    def settings(self) -> dict[str, str]:
        """Settings by which the program uses this stand-in."""
        raise NotImplementedError

    def accept(self, call: Call) -> Reply:
        """A healthy provider's response."""
        raise NotImplementedError

    def wrong_key(self) -> Reply:
        raise NotImplementedError

    def too_many(self) -> Reply:
        return Reply({"message": "Too many requests"}, 429, {"Retry-After": "7"})

    def _answer(self, call: Call) -> Reply:
        match self.mode:
            case "ok":
                return self.accept(call)
            case "wrong key":
                return self.wrong_key()
            case "429":
                return self.too_many()
            case "500" | "503":
                return Reply({"message": "Internal error", "statusCode": int(self.mode), "name": "application_error"}, int(self.mode))
            case "html":
                return Reply(HTML, 403, {"Content-Type": "text/html"})
            case "html 200":
                return Reply(HTML, 200, {"Content-Type": "text/html"})
            case "rubbish":
                return Reply(b"\xff\x00{]", 200, {"Content-Type": "application/json"})
            case "empty":
                return Reply(b"", 200, {"Content-Type": "application/json"})
            case "redirect":
                return Reply(b"", 307, {"Location": self.url + "/elsewhere"})
            case "huge":
                return Reply(b"x" * 10 * 1024 * 1024, 200, {"Content-Type": "application/json"})
            case "hang":
                self.accept(call)
                return Reply(b"", wait=3600)
            case "lost":
                self.accept(call)
                return Reply(hang_up=True)
            case "drip":
                self.accept(call)
                return Reply(b" " * 100_000, every=self.drip_every)


class Resend(ProviderServer):
    """Like the real one, it remembers the idempotency key of each message, and what was sent with it."""

    owner = ""
    """If set, the sandbox: it sends only to this address."""

    def __init__(self, mode: Mode = "ok") -> None:
        self._by_key: dict[str, tuple[bytes, str]] = {}
        self._lock = threading.Lock()
        super().__init__(mode)

    def settings(self) -> dict[str, str]:
        return {"resend_api_key": RESEND_KEY, "resend_api_url": self.url, "sendgrid_from_email": SENDER}

    def wrong_key(self) -> Reply:
        return self._error(401, "validation_error", "API key is invalid")

    def too_many(self) -> Reply:
        reply = self._error(429, "rate_limit_exceeded", "Too many requests. You can only make 2 requests per second.")
        return Reply(reply.body, 429, {"Retry-After": "7"})

    def accept(self, call: Call) -> Reply:
        if call.headers.get("authorization") != f"Bearer {RESEND_KEY}":
            return self.wrong_key()
        message = call.json
        to = message["to"] if isinstance(message["to"], str) else message["to"][0]
        if "@" not in to or to.endswith("@"):
            return self._error(
                422, "validation_error", "Invalid `to` field. The email address needs to follow the `email@example.com` format."
            )
        if self.owner and to != self.owner:
            text = f"You can only send testing emails to your own email address ({self.owner}). To send to others, verify a domain."
            return self._error(403, "validation_error", text)
        if "unverified" in message["from"]:
            return self._error(
                403, "validation_error", "The unverified.example.org domain is not verified. Please, add and verify your domain."
            )
        key = call.headers.get("idempotency-key", "")
        with self._lock:
            if key in self._by_key:
                body, number = self._by_key[key]
                if json.loads(body) != message:
                    return self._error(409, "invalid_idempotent_request", "Same idempotency key used with a different request payload.")
                return Reply({"id": number})
            number = f"resend-{len(self.accepted) + 1}"
            self._by_key[key] = (call.body, number)
            self.accepted.append(message)
        return Reply({"id": number})

    @staticmethod
    def _error(status: int, name: str, message: str) -> Reply:
        return Reply({"statusCode": status, "name": name, "message": message}, status)


class SendGrid(ProviderServer):
    def settings(self) -> dict[str, str]:
        return {"sendgrid_api_key": SENDGRID_KEY, "sendgrid_api_url": self.url, "sendgrid_from_email": SENDER}

    def wrong_key(self) -> Reply:
        return self._error(401, "The provided authorization grant is invalid, expired, or revoked")

    def too_many(self) -> Reply:
        return Reply(self._error(429, "too many requests").body, 429, {"X-RateLimit-Reset": str(int(time.time()) + 7)})

    def accept(self, call: Call) -> Reply:
        if call.headers.get("authorization") != f"Bearer {SENDGRID_KEY}":
            return self.wrong_key()
        message = call.json
        to = message["personalizations"][0]["to"][0]["email"]
        if "@" not in to or to.endswith("@"):
            return self._error(400, "Does not contain a valid address.", "personalizations.0.to.0.email")
        if "unverified" in message["from"]["email"]:
            return self._error(403, "The from address does not match a verified Sender Identity.", "from")
        self.accepted.append(message)
        return Reply(b"", 202, {"X-Message-Id": f"sendgrid-{len(self.accepted)}"})

    @staticmethod
    def _error(status: int, message: str, field: str | None = None) -> Reply:
        return Reply({"errors": [{"message": message, "field": field, "help": None}]}, status)


class Twilio(ProviderServer):
    """Numbers decide: `+15005550001` is invalid, `…004` has answered STOP, `…009` is no mobile phone, `…008` is not verified (trial)."""

    _ERRORS: ClassVar = {
        "+15005550001": (400, 21211, "Invalid 'To' Phone Number: +15005550001"),
        "+15005550003": (400, 21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number."),
        "+15005550004": (400, 21610, "Attempt to send to unsubscribed recipient"),
        "+15005550008": (400, 21608, "The number +15005550008 is unverified. Trial accounts cannot send messages to unverified numbers"),
        "+15005550009": (400, 21614, "'To' number is not a valid mobile number"),
    }

    def settings(self) -> dict[str, str]:
        return {
            "twilio_account_sid": TWILIO_SID,
            "twilio_auth_token": TWILIO_TOKEN,
            "twilio_phone_number": TWILIO_NUMBER,
            "twilio_api_url": self.url,
        }

    def wrong_key(self) -> Reply:
        return self._error(401, 20003, "Authenticate")

    def too_many(self) -> Reply:
        return Reply(self._error(429, 20429, "Too Many Requests").body, 429, {"Retry-After": "7"})

    def accept(self, call: Call) -> Reply:
        credentials = b64decode(call.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if credentials != f"{TWILIO_SID}:{TWILIO_TOKEN}":
            return self.wrong_key()
        path = urlsplit(call.path)
        if path.path != f"/2010-04-01/Accounts/{TWILIO_SID}/Messages.json":
            return self._error(404, 20404, "The requested resource was not found")
        if call.method == "GET":
            return self._list({name: values[0] for name, values in parse_qs(path.query).items()})
        form = {name: values[0] for name, values in parse_qs(call.body.decode(), keep_blank_values=True).items()}
        if form["To"] in self._ERRORS:
            return self._error(*self._ERRORS[form["To"]])
        message = {
            "sid": f"SM{len(self.accepted) + 1:032d}",
            "account_sid": TWILIO_SID,
            "to": form["To"],
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "body": form["Body"],
            "status": "queued",
            "direction": "outbound-api",
            "date_created": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000"),
            "date_sent": None,
            "status_callback": form.get("StatusCallback"),
        }
        self.accepted.append(message)
        return Reply(message, 201)

    def _list(self, query: dict[str, str]) -> Reply:
        found = [message for message in reversed(self.accepted) if message["to"] == query.get("To", message["to"])]
        return Reply({"messages": found[: int(query.get("PageSize", 50))], "next_page_uri": None, "page": 0})

    @staticmethod
    def _error(status: int, code: int, message: str) -> Reply:
        return Reply({"code": code, "message": message, "more_info": f"errors/{code}", "status": status}, status)


class Ntfy(ProviderServer):
    """A server of ntfy, as many schools run one."""

    def settings(self) -> dict[str, str]:
        return {"notify_urls": self.chat_url("office")}

    def chat_url(self, topic: str) -> str:
        return self.url.replace("http://", "ntfy://") + f"/{topic}"

    def wrong_key(self) -> Reply:
        return Reply({"code": 40301, "http": 403, "error": "forbidden"}, 403)

    def too_many(self) -> Reply:
        return Reply({"code": 42901, "http": 429, "error": "limit reached: too many requests"}, 429, {"Retry-After": "7"})

    def accept(self, call: Call) -> Reply:
        self.accepted.append(call.json)
        return Reply({"id": f"ntfy{len(self.accepted)}", "event": "message", "topic": call.json["topic"]})


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
                    connection.sendall(line * 100)
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


class RawServer:
    """Passes each connection to `answer`, in a thread, and closes it afterwards."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._answer(connection)


def settings_of(*servers: ProviderServer | SmtpServer, **more: str) -> Settings:
    """Settings by which the program uses these stand-ins."""
    given: dict[str, str] = {}
    for server in servers:
        given |= server.settings()
    return Settings.model_validate(given | more)


def self_signed(host: str = "127.0.0.1") -> tuple[bytes, ssl.SSLContext]:
    """A certificate that nobody trusts, for this address (PEM), and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
    builder = builder.add_extension(names, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(private + certificate)
        file.flush()
        context.load_cert_chain(file.name)
    return certificate, context
