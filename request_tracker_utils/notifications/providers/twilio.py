"""SMS through Twilio."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.integrations.http.exchange import Answer
from request_tracker_utils.notifications.providers.http import HttpProvider
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadMessage,
    BadRecipient,
    Busy,
    ProviderError,
    Refused,
    RenderedMessage,
)

NEWEST = 50
"""Messages to a number among which one is searched for."""
SKEW = timedelta(minutes=5)
"""By how much Twilio's clock may differ."""
_BUSY = frozenset({14107, 20429, 21611, 30001})
_STOPPED = gettext_noop("This number has answered STOP, so Twilio sends nothing to it until it answers START.")
_NO_MOBILE = gettext_noop("This is not the number of a mobile phone. It must have its country code, such as +1.")
_WRONG_KEY = gettext_noop("Twilio does not accept the account SID and auth token. Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.")
_WRONG_SENDER = gettext_noop(
    "Twilio cannot send from this sender to this number. Check TWILIO_PHONE_NUMBER: it must be a number of the account that can send SMS."
)
_TRIAL = gettext_noop(
    "The Twilio account is a trial account: it sends only to numbers that are verified there. Verify this number, or upgrade the account."
)
_COUNTRY = gettext_noop("Twilio may not send to this country. Enable it at Twilio under Messaging, Geo permissions.")
_TOO_LONG = gettext_noop("The message is too long for an SMS.")
_EMPTY = gettext_noop("The message is empty.")
_BAD_RECIPIENTS = {21610: _STOPPED} | dict.fromkeys((21211, 21214, 21217, 21401, 21421, 21614, 21635), _NO_MOBILE)
_BAD_MESSAGES = {21605: _TOO_LONG, 21617: _TOO_LONG, 21602: _EMPTY, 21619: _EMPTY}
_REFUSALS = {20003: _WRONG_KEY, 20005: _WRONG_KEY, 21408: _COUNTRY, 21608: _TRIAL} | dict.fromkeys(
    (21603, 21606, 21612, 21659, 21660, 21661), _WRONG_SENDER
)
"""What Twilio's codes mean, by its list of error codes."""


class TwilioProvider(HttpProvider):
    """Twilio has no idempotency keys: after silence, `find` searches the list of messages."""

    name, title, channel = "twilio", "Twilio", Channel.SMS

    def __init__(self, account: str, token: str, sender: str, *, url: str | None = None, callback: str | None = None) -> None:
        """`sender` is a number or a messaging service. `callback` is the public address for delivery reports."""
        self._account, self._token, self._sender = account, token, sender
        self.secrets = (token,)
        self._url, self._callback = url.rstrip("/") if url else None, callback

    def send(self, message: RenderedMessage, key: str) -> Accepted:
        transport = _HttpClient(self)
        sender = {"messaging_service_sid": self._sender} if self._sender.startswith("MG") else {"from_": self._sender}
        callback = {"status_callback": self._callback} if self._callback else {}
        try:
            sent = self._client(transport).messages.create(to=message.to, body=message.text, **sender, **callback)
        except (TwilioException, ValueError, TypeError, AttributeError):  # the library does not expect everything that may be answered
            raise self._explain(transport.answered) from None
        if not isinstance(sent.sid, str) or not sent.sid:
            raise self.general_error(transport.answered)
        return Accepted(sent.sid[:200])

    def find(self, message: RenderedMessage, since: datetime) -> Accepted | None:
        transport = _HttpClient(self)
        try:
            page = self._client(transport).messages.page(to=message.to, page_size=NEWEST)
            candidates = [(each.sid, each.body, each.date_created) for each in page]
        except (TwilioException, ValueError, TypeError, AttributeError, KeyError):
            raise self._explain(transport.answered) from None
        if not isinstance(transport.answered.json.get("messages"), list):
            raise self.general_error(transport.answered)
        for number, body, created_at in candidates:
            if created_at is not None and created_at.replace(tzinfo=UTC) < since - SKEW:
                break  # the newest are first
            if isinstance(number, str) and str(body or "").endswith(message.text):  # a trial account prepends a sentence
                return Accepted(number)
        return None

    def _client(self, transport: "_HttpClient") -> Client:
        no_environment = {"TWILIO_REGION": ""}  # not empty: otherwise the library reads variables of the process, such as TWILIO_EDGE
        client = Client(self._account, self._token, http_client=transport, environment=no_environment)
        if self._url:
            client.api.base_url = self._url
        return client

    def _explain(self, answer: Answer) -> ProviderError:
        said, code = str(answer.json.get("message") or ""), answer.json.get("code")
        detail = f"{said} ({code})" if said else ""
        if not isinstance(code, int) or not 400 <= answer.status < 500:
            code = 20003 if answer.status == 401 and not answer.is_page else 0
        if code in _BAD_RECIPIENTS:
            suppress = "stopped" if _BAD_RECIPIENTS[code] is _STOPPED else "bounced"
            return BadRecipient(_(_BAD_RECIPIENTS[code]) + self.quoted(detail), suppress=suppress)
        if code in _BAD_MESSAGES:
            return BadMessage(_(_BAD_MESSAGES[code]) + self.quoted(detail))
        if code in _REFUSALS:
            return Refused(_(_REFUSALS[code]) + self.quoted(detail))
        if code in _BUSY:
            text = _("Twilio accepts no more messages at the moment.") + self.quoted(detail)
            return Busy(text, retry_after=answer.retry_after or timedelta(seconds=30))
        return self.general_error(answer, detail)


class _HttpClient(HttpClient):  # type: ignore[misc]
    """For one call. The library's own client has no timeout, and logs what it sends."""

    def __init__(self, provider: TwilioProvider) -> None:
        super().__init__(None, False, None)
        self._provider, self.answered = provider, Answer(0, {}, b"")

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        request = requests.Request(method.upper(), url, params=params, data=data, headers=headers, auth=auth).prepare()
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        self.answered = self._provider.exchange(method.upper(), str(request.url), headers=dict(request.headers), body=body)
        return Response(self.answered.status, self.answered.body.decode("utf-8", "replace"), dict(self.answered.headers))
