"""Chat messages through Apprise: Slack, Teams, ntfy, Discord, Mattermost, Google Chat and Amazon SNS.

Apprise has no hook for its HTTP client, and reads responses without a limit on time or size. So the modules of the permitted services get a
`requests` of ours, which finds the message that is being sent in a context variable.
"""

import re
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import requests
from apprise import Apprise, NotifyFormat

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.connections import ForbiddenAddress, any_address, public_address
from request_tracker_utils.integrations.http.exchange import Answer
from request_tracker_utils.notifications.providers.chat_addresses import MAX_ADDRESSES, InvalidChatAddress, parse_chat_address
from request_tracker_utils.notifications.providers.folder import FolderProvider
from request_tracker_utils.notifications.providers.http import HttpProvider, HttpService
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadRecipient,
    Busy,
    NotConnected,
    ProviderError,
    Refused,
    RenderedMessage,
    Silent,
)

_MENTION = re.compile(r"@(?=everyone|here|channel|all\b)|(?<=<)(?=[!@#])", re.IGNORECASE)
"""What services turn into a call to everybody. Text of people is in messages."""
SHORTEST_SECRET = 8
"""Characters. Longer parts of an address may be secrets."""
_WORST: Sequence[type[ProviderError]] = (Silent, Busy, NotConnected, Refused, BadRecipient)
"""If a message went to none of several addresses, the first of these decides what happens next."""


class AppriseProvider(HttpProvider):
    """No service has idempotency keys. A message with several addresses is accepted if one of them accepts it."""

    name, title, channel = "apprise", "Apprise", Channel.CHAT

    def __init__(self, office_addresses: str, *, folder: FolderProvider, allow_private: bool = False) -> None:
        """`office_addresses` are those of NOTIFY_URLS; without any, messages to them are written to the folder. `allow_private` permits
        personal ones that lead to private networks."""
        self._office, self._allow_private, self._folder = office_addresses.split(), allow_private, folder

    def send(self, message: RenderedMessage, key: str) -> Accepted:
        personal = bool(message.to.strip())
        addresses = message.to.split()[:MAX_ADDRESSES] if personal else self._office
        if not addresses:
            return self._folder.send(message, key)
        errors: list[ProviderError] = []
        accepted: list[str] = []
        for address in addresses:
            try:
                own = personal and address not in self._office
                accepted.append(self._send_one(address, message, personal=own, seconds=self.seconds / len(addresses)))
            except ProviderError as error:
                errors.append(error)
        if accepted:
            return Accepted(next(filter(None, accepted), ""))
        raise min(errors, key=lambda error: _WORST.index(type(error)))

    def _send_one(self, address: str, message: RenderedMessage, *, personal: bool, seconds: float) -> str:
        try:
            plugin = parse_chat_address(address, personal=personal, allow_private=self._allow_private)
        except InvalidChatAddress as error:
            raise (BadRecipient(error.message) if personal else Refused(error.message)) from None
        # Not the class of the plugin but its module uses `requests`.
        vars(sys.modules[type(plugin).__module__])["requests"] = _requests
        service = str(plugin.service_name)
        sender = _Service(service, seconds, address)
        call = _Call(sender, restricted=personal and not self._allow_private)
        token = _current.set(call)
        try:
            result = Apprise(plugin).notify(body=_harmless(message.text), title=_harmless(message.subject), body_format=NotifyFormat.TEXT)
        finally:
            _current.reset(token)
        if call.failure is not None:
            raise call.failure
        answer = call.answers[-1] if call.answers else None
        if answer is None:
            raise Refused(_("%(service)s cannot be used with this address. Copy it again.", service=service))
        return _outcome(sender, answer, bool(result))


def _outcome(service: "_Service", answer: Answer, accepted: bool) -> str:
    """The id, if the service tells one. Raises a ProviderError."""
    said = _said(answer)
    is_page = answer.is_page and answer.body.lstrip()[:1] == b"<"
    number = answer.json.get("id")
    if 200 <= answer.status < 300 and is_page:
        raise service.general_error(answer)
    if accepted and service.title == "ntfy" and not number:
        raise service.general_error(answer)
    if accepted:
        return str(number or "")[:200]
    if answer.status in (401, 403, 404, 410) and not is_page:
        text = _(
            "%(service)s does not accept the address (%(status)s): it was revoked, or its channel is gone. Create a new one.",
            service=service.title,
            status=answer.status,
        )
        raise Refused(text + service.quoted(said))
    if 200 <= answer.status < 300:  # Slack answers refusals with 200
        raise Refused(_("%(service)s refuses the message.", service=service.title) + service.quoted(said))
    raise service.general_error(answer, said)


def _said(answer: Answer) -> str:
    for name in ("error", "message", "Message"):
        if isinstance(value := answer.json.get(name), str):
            return value
    return "" if answer.is_page or answer.json else answer.body[:200].decode("utf-8", "replace")


def _harmless(text: str) -> str:
    return _MENTION.sub(lambda found: f"{found.group()}\u200b", text)


class _Service(HttpService):
    """One address: its errors name the service instead of Apprise."""

    def __init__(self, title: str, seconds: float, address: str) -> None:
        self.title, self.seconds = title, seconds
        self.secrets = [part for part in re.split(r"[^\w.-]", address) if len(part) >= SHORTEST_SECRET]


@dataclass
class _Call:
    service: _Service
    restricted: bool
    answers: list[Answer] = field(default_factory=list)
    failure: ProviderError | None = None

    def send(self, request: requests.PreparedRequest) -> Answer:
        permits = public_address if self.restricted else any_address
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        url, headers = str(request.url), dict(request.headers)
        if self.restricted and not url.startswith("https://"):
            raise self._failed(BadRecipient(_("This chat address is not encrypted.")))
        try:
            answer = self.service.exchange(str(request.method), url, headers=headers, body=body, permits=permits)
        except ForbiddenAddress:
            text = _("This chat address leads to this server or to a private network, which is not permitted.")
            raise self._failed(BadRecipient(text)) from None
        except ProviderError as error:
            raise self._failed(error) from None
        self.answers.append(answer)
        return answer

    def _failed(self, error: ProviderError) -> requests.RequestException:
        """As the plugins expect it: they report it, and do not try again."""
        self.failure = error
        return requests.ConnectionError()


_current: ContextVar[_Call] = ContextVar("apprise_call")


class _Requests:
    """What the plugins use of `requests`."""

    codes, exceptions, RequestException = requests.codes, requests.exceptions, requests.RequestException

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Ignores options about certificates, redirects and timeouts."""
        given = {name: options[name] for name in ("params", "data", "json", "headers", "auth", "files") if options.get(name) is not None}
        prepared = requests.Request(method.upper(), url, **given).prepare()
        answer = _current.get().send(prepared)
        if not 200 <= answer.status < 300:
            raise requests.HTTPError  # without a response: some plugins would wait as long as it says, and send again
        response = requests.Response()
        response.status_code, response._content, response.url, response.encoding = answer.status, answer.body, str(prepared.url), "utf-8"
        return response

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> requests.Response:
        return self.request("PUT", url, **options)


_requests = _Requests()
