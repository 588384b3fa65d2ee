"""Calls with which providers report deliveries: whether they are genuine, and what they say.

Each provider signs its calls, and its own library verifies them over the raw body. Nothing is parsed before that. Event names and codes are
those of the providers' documentation: Resend "event types", SendGrid "event webhook", Twilio "status callbacks".
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs

import resend
from sendgrid.helpers.eventwebhook import EventWebhook, EventWebhookHeader
from twilio.request_validator import SIGNATURE_HEADER, SIGNATURE_SETTINGS_HEADER, RequestValidator, get_signature_algorithm

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.notifications.models import DeliveryOutcome

_SENDGRID_SIGNATURE, _SENDGRID_TIMESTAMP = EventWebhookHeader.SIGNATURE.lower(), EventWebhookHeader.TIMESTAMP.lower()
_TWILIO_SIGNATURE = SIGNATURE_HEADER.lower()
MAX_ID, MAX_DETAIL = 200, 500
FUTURE = timedelta(minutes=5)
"""By how much a provider's clock may be ahead of ours."""


class NotGenuine(Exception):
    """The call is not signed by the provider, or is too old. The message is for the log."""


class NotSetUp(Exception):
    """Without a setting, calls cannot be verified. The message names it."""


@dataclass(frozen=True)
class Report:
    """What a provider says about one message, or a person about all (`address` instead of `message_id`)."""

    provider: str
    report_id: str
    """The same in each repetition of this report, and in no other report."""
    outcome: DeliveryOutcome
    message_id: str = ""
    address: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Call:
    """A request. The names of headers are in lowercase."""

    headers: Mapping[str, str]
    body: bytes


class Callback(ABC):
    """The calls of one provider."""

    name: ClassVar[str]
    channel: ClassVar[Channel]
    max_size: ClassVar[int]
    """Bytes of a body."""

    @abstractmethod
    def check_headers(self, headers: Mapping[str, str], settings: Settings, now: datetime) -> None:
        """What can be checked before the body is read. Raises NotSetUp, NotGenuine."""

    @abstractmethod
    def reports(self, call: Call, settings: Settings) -> list[Report]:
        """Verifies the signature, then reads the reports. Raises NotGenuine."""


class ResendCallback(Callback):
    """One event in each call. Its id is that of the call, which stays the same when Resend repeats it."""

    name, channel, max_size = "resend", Channel.EMAIL, 256 * 1024

    def check_headers(self, headers: Mapping[str, str], settings: Settings, now: datetime) -> None:
        if settings.resend_webhook_secret is None:
            raise NotSetUp("RESEND_WEBHOOK_SECRET")
        _require(headers, "svix-id", "svix-timestamp", "svix-signature")
        _check_time(headers["svix-timestamp"], now, timedelta(minutes=5))

    def reports(self, call: Call, settings: Settings) -> list[Report]:
        secret = settings.resend_webhook_secret
        if secret is None:
            raise NotSetUp("RESEND_WEBHOOK_SECRET")
        names = ("id", "timestamp", "signature")
        try:
            event: Any = resend.Webhooks.verify(
                {
                    "payload": _decoded(call.body),
                    "headers": {name: call.headers.get(f"svix-{name}", "") for name in names},  # type: ignore[typeddict-item]
                    "webhook_secret": secret.get_secret_value(),
                }
            )
        except (ValueError, RecursionError) as error:
            raise NotGenuine(str(error)) from None
        data = _object(_object(event).get("data"))
        kind, message_id = str(_object(event).get("type")), _id(data.get("email_id"))
        bounce = _object(data.get("bounce"))
        is_permanent = kind == "email.suppressed" or str(bounce.get("type") or "Permanent").lower() == "permanent"
        outcome = {
            "email.sent": DeliveryOutcome.SENT,
            "email.delivered": DeliveryOutcome.DELIVERED,
            "email.bounced": DeliveryOutcome.BOUNCED if is_permanent else DeliveryOutcome.FAILED,
            "email.suppressed": DeliveryOutcome.BOUNCED,
            "email.failed": DeliveryOutcome.FAILED,
            "email.complained": DeliveryOutcome.COMPLAINED,
        }.get(kind)
        if outcome is None or not message_id:
            return []
        reasons = (bounce.get("message"), _object(data.get("failed")).get("reason"), _object(data.get("suppressed")).get("message"))
        return [Report(self.name, _id(call.headers["svix-id"]), outcome, message_id, detail=_first(*reasons))]


class SendGridCallback(Callback):
    """Many events in each call."""

    name, channel, max_size = "sendgrid", Channel.EMAIL, 2 * 1024 * 1024

    TOLERANCE = timedelta(hours=25)
    """SendGrid repeats a call for 24 hours, and does not say whether it signs it anew. A replay within this time is known by its ids."""
    _OUTCOMES: ClassVar[Mapping[str, DeliveryOutcome]] = {
        "processed": DeliveryOutcome.SENT,
        "delivered": DeliveryOutcome.DELIVERED,
        "spamreport": DeliveryOutcome.COMPLAINED,
        "unsubscribe": DeliveryOutcome.UNSUBSCRIBED,
        "group_unsubscribe": DeliveryOutcome.UNSUBSCRIBED,
    }
    _DROPPED: ClassVar[Mapping[str, DeliveryOutcome]] = {
        "bounced address": DeliveryOutcome.BOUNCED,
        "invalid": DeliveryOutcome.BOUNCED,
        "spam reporting address": DeliveryOutcome.COMPLAINED,
        "unsubscribed address": DeliveryOutcome.UNSUBSCRIBED,
    }
    """Why SendGrid has not even tried, by reason: SendGrid has such an address on a list of its own."""

    def check_headers(self, headers: Mapping[str, str], settings: Settings, now: datetime) -> None:
        if settings.sendgrid_webhook_key is None:
            raise NotSetUp("SENDGRID_WEBHOOK_KEY")
        _require(headers, _SENDGRID_SIGNATURE, _SENDGRID_TIMESTAMP)
        _check_time(headers[_SENDGRID_TIMESTAMP], now, self.TOLERANCE)

    def reports(self, call: Call, settings: Settings) -> list[Report]:
        text, timestamp = _decoded(call.body), call.headers.get(_SENDGRID_TIMESTAMP, "")
        try:
            is_genuine = EventWebhook(settings.sendgrid_webhook_key).verify_signature(
                text, call.headers.get(_SENDGRID_SIGNATURE, ""), timestamp
            )
        except ValueError as error:  # the signature is not Base64
            raise NotGenuine(str(error)) from None
        if not is_genuine:
            raise NotGenuine("no matching signature")
        try:
            events = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise NotGenuine(f"signed, but not JSON: {error}") from None
        return [report for event in events if isinstance(event, dict) for report in self._of(event)] if isinstance(events, list) else []

    def _of(self, event: Mapping[str, Any]) -> Iterator[Report]:
        kind = str(event.get("event"))
        message_id = _id(str(event.get("sg_message_id") or "").partition(".")[0])  # the rest names their server
        report_id = _id(event.get("sg_event_id") or f"{message_id}:{kind}:{event.get('timestamp')}")
        detail = _first(event.get("reason"), event.get("response"), event.get("status"))
        if not message_id:
            return
        if kind == "dropped":
            yield Report(self.name, report_id, DeliveryOutcome.FAILED, message_id, detail=detail)
            if (listed := self._DROPPED.get(detail.lower())) is not None:
                yield Report(self.name, _id(f"{report_id[: MAX_ID - 8]}:address"), listed, message_id, detail=detail)
            return
        outcome = self._OUTCOMES.get(kind)
        if kind == "bounce":  # a block may be over next time
            outcome = DeliveryOutcome.FAILED if event.get("type") == "blocked" else DeliveryOutcome.BOUNCED
        if outcome is not None:
            yield Report(self.name, report_id, outcome, message_id, detail=detail)


class TwilioCallback(Callback):
    """A form with the status of one message, or an answer of a person. Nothing in it says when, so replays are known by their ids alone."""

    name, channel, max_size = "twilio", Channel.SMS, 64 * 1024

    STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
    START = frozenset({"start", "yes", "unstop"})
    MAX_FIELDS = 200
    _OUTCOMES: ClassVar[Mapping[str, DeliveryOutcome]] = {
        "sent": DeliveryOutcome.SENT,
        "delivered": DeliveryOutcome.DELIVERED,
        "read": DeliveryOutcome.DELIVERED,
        "undelivered": DeliveryOutcome.FAILED,
        "failed": DeliveryOutcome.FAILED,
        "canceled": DeliveryOutcome.FAILED,
    }
    _OF_CODES: ClassVar[Mapping[str, DeliveryOutcome]] = {
        "21610": DeliveryOutcome.STOPPED,
        **dict.fromkeys(("21211", "21614", "30005", "30006"), DeliveryOutcome.BOUNCED),  # no such number, or no mobile phone
    }
    """What the error code of a failed message says about its number."""

    def check_headers(self, headers: Mapping[str, str], settings: Settings, now: datetime) -> None:
        if settings.twilio_auth_token is None:
            raise NotSetUp("TWILIO_AUTH_TOKEN")
        if settings.app_url is None:  # what Twilio signs contains the address that it calls
            raise NotSetUp("APP_URL")
        _require(headers, _TWILIO_SIGNATURE)

    def reports(self, call: Call, settings: Settings) -> list[Report]:
        if settings.twilio_auth_token is None:
            raise NotSetUp("TWILIO_AUTH_TOKEN")
        try:
            form = _Form(parse_qs(_decoded(call.body), keep_blank_values=True, max_num_fields=self.MAX_FIELDS))
        except ValueError as error:
            raise NotGenuine(str(error)) from None
        validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
        algorithm = get_signature_algorithm(call.headers.get(SIGNATURE_SETTINGS_HEADER.lower()))
        if not validator.validate(callback_address(settings, self.name), form, call.headers.get(_TWILIO_SIGNATURE, ""), algorithm):
            raise NotGenuine("no matching signature")
        message_id = _id(form.first("MessageSid") or form.first("SmsSid"))
        status = (form.first("MessageStatus") or form.first("SmsStatus")).lower()
        if not message_id:
            return []
        if status == "received" or not status:
            return self._answer(form, message_id)
        code = form.first("ErrorCode").strip()
        outcome = self._OUTCOMES.get(status)
        if outcome is DeliveryOutcome.FAILED:
            outcome = self._OF_CODES.get(code, outcome)
        detail = _first(f"{form.first('ErrorMessage') or status} ({code})" if code else "")
        return [Report(self.name, _id(f"{message_id[:180]}:{status}"), outcome, message_id, detail=detail)] if outcome else []

    def _answer(self, form: "_Form", message_id: str) -> list[Report]:
        """STOP and START. Twilio itself says which it is where it was set up so."""
        said, number = (form.first("OptOutType") or form.first("Body")).strip().lower(), form.first("From").strip()
        outcome = DeliveryOutcome.STOPPED if said in self.STOP else DeliveryOutcome.RESUMED if said in self.START else None
        if outcome is None or not re.fullmatch(r"\+[0-9]{6,15}", number):
            return []
        return [Report(self.name, _id(f"{message_id[:180]}:received"), outcome, address=number, detail=_first(form.first("Body"))[:20])]


CALLBACKS: dict[str, Callback] = {each.name: each for each in (ResendCallback(), SendGridCallback(), TwilioCallback())}


def callback_address(settings: Settings, provider: str) -> str:
    """The address that a provider calls. Messages to Twilio contain it if APP_URL is set; at the others it is entered by hand."""
    return f"{settings.public_address()}/webhooks/{provider}"


class _Form(dict[str, list[str]]):
    """The interface of a form that Twilio's library expects."""

    def getlist(self, name: str) -> list[str]:
        return self.get(name, [])

    def first(self, name: str) -> str:
        return next(iter(self.getlist(name)), "")


def _require(headers: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not headers.get(name):
            raise NotGenuine(f"no header {name}")


def _check_time(text: str, now: datetime, tolerance: timedelta) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise NotGenuine("the timestamp is not a number")
    age = timedelta(seconds=now.timestamp() - int(text))
    if age > tolerance or age < -FUTURE:
        raise NotGenuine(f"the timestamp is {age.total_seconds():.0f} seconds old; if it is not a replay, check this server's clock")


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise NotGenuine("the body is not UTF-8") from None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _id(value: object) -> str:
    return _first(value)[:MAX_ID]


def _first(*texts: object) -> str:
    """The first text that is not empty, as one printable line that fits the column."""
    lines = (" ".join(text.split()) for text in texts if isinstance(text, str))
    found = next(filter(None, lines), "")
    return "".join(each if each.isprintable() else "\ufffd" for each in found)[:MAX_DETAIL]
