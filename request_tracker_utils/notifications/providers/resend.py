"""Email through Resend, the first provider.

Its library has one key, address and HTTP client for the whole process, in module variables. Ours finds those of the message that this
thread sends in a context variable, so that messages with different settings can be sent at the same time.
"""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import resend as library
from resend.exceptions import NoContentError, ResendError

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.exchange import Answer
from request_tracker_utils.notifications.providers.http import HttpProvider
from request_tracker_utils.notifications.providers.interface import Accepted, BadRecipient, ProviderError, Refused, RenderedMessage

_DEFAULT_URL = str(library.api_url)


class ResendProvider(HttpProvider):
    """Resend remembers idempotency keys for 24 hours."""

    name, title, channel = "resend", "Resend", Channel.EMAIL
    has_idempotency = True

    def __init__(self, key: str, *, url: str | None = None) -> None:
        self._key, self._url = key, (url or _DEFAULT_URL).rstrip("/")
        self.secrets = (key,)

    def send(self, message: RenderedMessage, key: str) -> Accepted:
        parameters: dict[str, Any] = {"from": message.sender, "to": [message.to], "subject": message.subject, "text": message.text}
        if message.html:
            parameters["html"] = message.html
        with _using(_Call(self)) as call:
            try:
                accepted = library.Emails.send(parameters, {"idempotency_key": key})  # type: ignore[arg-type]
            except (ResendError, NoContentError):
                if call.failure is not None:
                    raise call.failure from None
                return self._explain(call.answered)
        number = accepted.get("id") if isinstance(accepted, dict) else None
        if not isinstance(number, str) or not number:
            raise self.general_error(call.answered)
        return Accepted(number[:200])

    def _explain(self, answer: Answer) -> Accepted:
        status, kind, said = answer.status, str(answer.json.get("name", "")), str(answer.json.get("message", ""))
        lowered = said.lower()
        if status == 409 and kind == "invalid_idempotent_request":
            return Accepted()  # it has accepted another version of this message
        if status == 409:
            raise self.silent(_("it is still working on an earlier attempt"))
        if status in (401, 403) and ("api key" in lowered or "api_key" in kind):
            raise Refused(_("Resend does not accept the key. Create an API key that may send, and set RESEND_API_KEY.") + self.quoted(said))
        if status == 403 and "testing emails" in lowered:
            text = _(
                "Resend is in its sandbox: it sends only to the owner of its account. Verify your domain at Resend, and set "
                "SENDGRID_FROM_EMAIL to an address of it."
            )
            raise Refused(text + self.quoted(said))
        if status == 403 and "not verified" in lowered:
            text = _("Resend has not verified the domain of the sender. Add its DNS records, or correct SENDGRID_FROM_EMAIL.")
            raise Refused(text + self.quoted(said))
        if status in (400, 422) and "`to`" in lowered:
            raise BadRecipient(_("Resend says that the address of the recipient is invalid.") + self.quoted(said))
        if status == 429 and "quota" in kind:
            raise Refused(_("The quota of the Resend account is used up.") + self.quoted(said))
        raise self.general_error(answer, said)


@dataclass
class _Call:
    """A message that is being sent: by which provider, and what came of it."""

    provider: ResendProvider
    answer: Answer | None = None
    failure: ProviderError | None = None

    @property
    def answered(self) -> Answer:
        return self.answer or Answer(0, {}, b"")

    def send(self, method: str, url: str, headers: Mapping[str, str], json: object) -> Answer:
        provider = self.provider
        address = provider._url + url.removeprefix(_DEFAULT_URL)
        own = {**headers, "Authorization": f"Bearer {provider._key}", "Content-Type": "application/json"}
        try:
            self.answer = provider.exchange(method.upper(), address, headers=own, body=json_module.dumps(json).encode())
        except ProviderError as error:
            self.failure = error  # the library turns every exception into one of its own
            raise
        return self.answer


_current: ContextVar[_Call] = ContextVar("resend_call")


@contextmanager
def _using(call: _Call) -> Iterator[_Call]:
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)


class _Client(library.HTTPClient):
    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: dict[str, object] | list[object] | None = None,
        files: dict[str, Any] | None = None,
        data: dict[str, str] | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        answer = _current.get().send(method, url, headers, json)
        return answer.body, answer.status, answer.headers


library.api_url = _DEFAULT_URL
library.default_http_client = _Client()
