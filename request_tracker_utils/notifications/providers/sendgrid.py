"""Email through SendGrid, the second provider, and what email through SendGrid and SMTP share."""

import io
import logging
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from email.message import Message
from email.utils import parseaddr
from typing import Any
from urllib.error import HTTPError as UrllibError

import python_http_client
import sendgrid as library
from python_http_client.exceptions import HTTPError, handle_error

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.exchange import LONGEST_PAUSE, Answer
from request_tracker_utils.notifications.providers.http import HttpProvider
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadRecipient,
    ProviderError,
    Refused,
    RenderedMessage,
)

logging.getLogger("python_http_client").setLevel(logging.WARNING)
"""It logs the key and the message at a lower level."""


def message_id(message: RenderedMessage, key: str) -> str:
    """The same for each attempt, so that a mailbox that gets an email twice can tell."""
    return f"<{key}@{parseaddr(message.sender)[1].rpartition('@')[2]}>"


class SendGridProvider(HttpProvider):
    """SendGrid has no idempotency keys."""

    name, title, channel = "sendgrid", "SendGrid", Channel.EMAIL

    def __init__(self, key: str, *, url: str | None = None) -> None:
        self._key, self._options = key, {"host": url.rstrip("/")} if url else {}
        self.secrets = (key,)

    def send(self, message: RenderedMessage, key: str) -> Accepted:
        client = library.SendGridAPIClient(self._key, **self._options)
        transport = _Client(self, host=client.host, request_headers=dict(client.client.request_headers), version=3)
        client.client = transport
        try:
            client.send(self._body(message, key))
        except HTTPError as error:
            raise self._explain(Answer(error.status_code, dict(error.headers), error.body)) from None
        answer = transport.answers[-1]
        if answer.status != 202 and (answer.is_page or answer.body):
            raise self.general_error(answer)
        return Accepted(answer.headers.get("x-message-id", "")[:200])

    @staticmethod
    def _body(message: RenderedMessage, key: str) -> dict[str, Any]:
        name, address = parseaddr(message.sender)
        content = [{"type": "text/plain", "value": message.text}]
        if message.html:
            content.append({"type": "text/html", "value": message.html})
        off = {"enable": False}
        return {
            "personalizations": [{"to": [{"email": message.to}]}],
            "from": {"email": address, "name": name} if name else {"email": address},
            "subject": message.subject,
            "content": content,
            "headers": {"Message-ID": message_id(message, key)},
            "custom_args": {"notification": key},
            # Links may sign somebody in, and nobody's reading is recorded.
            "tracking_settings": {"click_tracking": {**off, "enable_text": False}, "open_tracking": off, "subscription_tracking": off},
        }

    def _explain(self, answer: Answer) -> ProviderError:
        errors = answer.json.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        said, field = str(first.get("message") or ""), str(first.get("field") or "")
        if answer.status == 401 and not answer.is_page:
            text = _(
                "SendGrid does not accept the key, or its credits are used up. Create an API key for Mail Send, and set SENDGRID_API_KEY."
            )
            return Refused(text + self.quoted(said))
        if answer.status == 403 and "sender identity" in said.lower():
            text = _("SendGrid has not verified the sender. Verify its domain or address at SendGrid, or correct SENDGRID_FROM_EMAIL.")
            return Refused(text + self.quoted(said))
        if answer.status == 400 and field.startswith("personalizations") and ".to" in field:
            return BadRecipient(_("SendGrid says that the address of the recipient is invalid.") + self.quoted(said))
        reset = answer.headers.get("x-ratelimit-reset", "")
        if answer.status == 429 and reset.isascii() and reset.isdigit():
            wait = min(max(int(reset[:12]) - int(time.time()), 1), int(LONGEST_PAUSE / timedelta(seconds=1)))
            answer = replace(answer, headers={**answer.headers, "retry-after": str(wait)})
        return self.general_error(answer, said)


class _Client(python_http_client.Client):  # type: ignore[misc]
    """The library's client, which would follow redirects and read without limits."""

    def __init__(self, provider: SendGridProvider, *, answers: list[Answer] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.provider, self.answers = provider, [] if answers is None else answers

    def _build_client(self, name: str | None = None) -> "_Client":
        path = [*self._url_path, name] if name else self._url_path
        options = {"host": self.host, "version": self._version, "request_headers": self.request_headers, "url_path": path}
        return _Client(self.provider, answers=self.answers, **options)

    def _make_request(self, opener: object, request: urllib.request.Request, timeout: float | None = None) -> "_Response":
        body = request.data if isinstance(request.data, bytes) else b""
        answer = self.provider.exchange(request.get_method(), request.full_url, headers=dict(request.header_items()), body=body)
        self.answers.append(answer)
        if not 200 <= answer.status < 300:
            error: HTTPError = handle_error(
                UrllibError(request.full_url, answer.status, "", _fields(answer.headers), io.BytesIO(answer.body))
            )
            raise error
        return _Response(answer)


class _Response:
    """What the library reads of a response of urllib."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def getcode(self) -> int:
        return self._answer.status

    def read(self) -> bytes:
        return self._answer.body

    def info(self) -> Message:
        return _fields(self._answer.headers)


def _fields(headers: Mapping[str, str]) -> Message:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return message
