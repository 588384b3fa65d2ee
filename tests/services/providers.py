"""Stand-ins for the providers of messages: real servers on loopback that keep what they received, and that can misbehave.

The real client libraries talk to them. Addresses of recipients decide what a healthy stand-in refuses, as real ones do.
"""

import json
import threading
import time
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.notifications.providers.interface import Accepted, Provider, ProviderError, RenderedMessage
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.smtp_server import SENDER, SmtpServer

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
KEY = "5f" * 32
WRITTEN_AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
TO = {Channel.EMAIL: "ada@school.example.org", Channel.SMS: "+12025550123", Channel.CHAT: ""}
RESEND_KEY, SENDGRID_KEY = "re_Standin_key", "SG.standin.key"
TWILIO_SID, TWILIO_TOKEN, TWILIO_NUMBER = "AC" + "5" * 32, "standin-auth-token", "+12025550100"


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

    last = 0
    """The number of the newest message: never the same twice, as at Twilio."""

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
        self.last += 1
        message = {
            "sid": f"SM{self.last:032d}",
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


def settings_of(*servers: ProviderServer | SmtpServer, **more: str) -> Settings:
    """Settings by which the program uses these stand-ins."""
    given: dict[str, str] = {}
    for server in servers:
        given |= server.settings()
    return Settings.model_validate(given | more)


def message(
    channel: Channel = Channel.EMAIL, *, to: str | None = None, text: str = "Cat6, 100 ft — approved ✓", html: str = ""
) -> RenderedMessage:
    email = channel is Channel.EMAIL
    return RenderedMessage(
        channel=channel,
        to=TO[channel] if to is None else to,
        sender=SENDER if email else "",
        subject="" if channel is Channel.SMS else "Ticket 12: approved",
        text=text,
        html=html,
        written_at=WRITTEN_AT,
    )


def outcome(provider: Provider, message: RenderedMessage, key: str = KEY) -> Accepted | ProviderError:
    try:
        return provider.send(message, key)
    except ProviderError as error:
        return error
