"""One HTTP request to a provider. The client libraries prepare the requests and read the responses; this sends them.

Each request has a connection of its own: if a pooled one breaks, nobody knows whether the message was sent. Redirects are not followed,
certificates are always verified, and time and size are limited.
"""

import base64
import http.client
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.providers.connections import (
    Deadline,
    Permits,
    any_address,
    connect,
    reason_of,
    trusted_authorities,
)
from request_tracker_utils.notifications.providers.interface import (
    LONGEST_PAUSE,
    BadMessage,
    Busy,
    NotConnected,
    Provider,
    ProviderError,
    Refused,
    Silent,
)

SECONDS = 20.0
"""For the whole exchange after the lookup of the name, to the end of the response. A provider has `interface.DEADLINE` for all."""
LARGEST_ANSWER = 256 * 1024
"""Bytes. The rest is not read: providers answer with a few hundred."""


@dataclass(frozen=True)
class Answer:
    """`headers` by lowercase name. `body` may be cut off."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Mapping[str, Any]:
        """Empty if the body is not a JSON object."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def is_page(self) -> bool:
        return "html" in self.headers.get("content-type", "").lower()

    @property
    def retry_after(self) -> timedelta | None:
        """Dates are not read: the provider's clock may differ."""
        value = self.headers.get("retry-after", "").strip()
        return min(timedelta(seconds=int(value[:6])), LONGEST_PAUSE) if value.isascii() and value.isdigit() else None


class HttpService:
    """A service with an HTTP API, which errors name by its title."""

    title: str
    seconds: float = SECONDS
    secrets: Sequence[str] = ()
    """Never quoted, should a provider repeat them."""

    def quoted(self, detail: str) -> str:
        return quoted_detail(detail, self.secrets)

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        permits: Permits = any_address,
        seconds: float | None = None,
    ) -> Answer:
        """Raises NotConnected if nothing was sent, and Silent if there was no response. Their messages do not contain the address, which
        may contain secrets. Raises ForbiddenAddress if the host has only addresses that are not permitted."""
        try:
            return exchange(method, url, headers=headers, body=body, permits=permits, seconds=seconds or self.seconds)
        except NothingSent as failure:
            reason = str(failure)
        except NoAnswer as failure:
            raise self.silent(str(failure)) from None
        text = _("%(provider)s could not be reached (%(reason)s). Check the network, and the settings.", provider=self.title, reason=reason)
        raise NotConnected(text)

    def silent(self, reason: str) -> Silent:
        text = _("%(provider)s did not say whether it accepted the message: %(reason)s.", provider=self.title, reason=reason)
        return Silent(text)

    def general_error(self, answer: Answer, detail: str = "") -> ProviderError:
        """What a status means that the provider's own rules have not explained. `detail` is what the provider said."""
        status, quoted = answer.status, self.quoted(detail)
        if status == 429 or (status == 503 and answer.retry_after is not None):
            text = _("%(provider)s accepts no more messages at the moment (%(status)s).", provider=self.title, status=status)
            return Busy(text + quoted, retry_after=answer.retry_after or timedelta(seconds=30))
        if status == 413:
            return BadMessage(_("The message is too large for %(provider)s.", provider=self.title) + quoted)
        if 300 <= status < 500 and status != 408:
            return Refused(self._refusal(answer) + quoted)
        if answer.is_page:
            reason = _("it returned a web page (%(status)s); a content filter may block it", status=status)
        elif status >= 500:
            reason = _("it had an internal error (%(status)s)", status=status)
        else:
            reason = _("its response cannot be read (%(status)s)", status=status)
        return self.silent(reason)

    def _refusal(self, answer: Answer) -> str:
        if answer.status < 400:
            return _(
                "%(provider)s redirects to another address, where the key is not sent. Correct its address in the settings; a content "
                "filter may also redirect.",
                provider=self.title,
            )
        if answer.is_page:
            return _(
                "A web page was returned (%(status)s) instead of an answer of %(provider)s. A content filter or proxy may block it.",
                provider=self.title,
                status=answer.status,
            )
        return _("%(provider)s refuses the message (%(status)s).", provider=self.title, status=answer.status)


class HttpProvider(HttpService, Provider):
    """What providers with an HTTP API share."""


class NothingSent(Exception):
    """The connection could not be established; the provider knows nothing of the message."""


class NoAnswer(Exception):
    """The request may have arrived, but no response did."""


def quoted_detail(detail: str, secrets: Iterable[str] = ()) -> str:
    """What a provider said, as a sentence to append: one line, without these secrets, which a provider might repeat."""
    for secret in secrets:
        detail = detail.replace(secret, "***") if secret else detail
    line = " ".join("".join(character if character.isprintable() else " " for character in detail).split())[:200]
    return " " + _("It said: %(text)s", text=line) if line else ""


def exchange(method: str, url: str, *, headers: Mapping[str, str], body: bytes, permits: Permits, seconds: float) -> Answer:
    """Raises NothingSent, NoAnswer or ForbiddenAddress."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = {name: value for name, value in headers.items() if name.lower() not in ("accept-encoding", "connection")}
    lines |= {"Accept-Encoding": "identity", "Connection": "close"}
    sent = False
    with Deadline(seconds) as deadline:
        try:
            connection = _connection(url, deadline, permits)
            try:
                connection.connect()
                sent = True
                try:
                    connection.request(method, target, body=body or None, headers=lines)
                except (ValueError, http.client.InvalidURL):  # a character that is not permitted: found before anything is sent
                    sent = False
                    raise
                response = connection.getresponse()
                fields = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, fields, _content(response))
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = reason_of(error, deadline)
        raise NoAnswer(reason) if sent else NothingSent(reason)


def _connection(url: str, deadline: Deadline, permits: Permits) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection: http.client.HTTPConnection
    if not secure:
        connection = http.client.HTTPConnection(host, port)
    else:
        # A proxy of the environment (HTTPS_PROXY) looks the name up itself, so it is not used where addresses are restricted.
        proxy = urlsplit((select_proxy(url, get_environ_proxies(url)) or "") if permits is any_address else "")
        first_hop = (proxy.hostname, proxy.port or 3128) if proxy.hostname else (host, port)
        connection = http.client.HTTPSConnection(*first_hop, context=trusted_authorities())
        if proxy.hostname:
            connection.set_tunnel(host, port, headers=_proxy_credentials(proxy.username, proxy.password))
    vars(connection)["_create_connection"] = lambda address, *_rest: connect(address[0], address[1], deadline, permits)
    return connection


def _proxy_credentials(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    text = f"{unquote(user)}:{unquote(password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def _content(response: http.client.HTTPResponse) -> bytes:
    """What arrives of the body, up to the limit. If the rest does not arrive, the status still decides."""
    content = bytearray()
    try:
        while len(content) < LARGEST_ANSWER and (piece := response.read1(65_536)):
            content += piece
    except (OSError, http.client.HTTPException, ValueError):
        pass
    return bytes(content[:LARGEST_ANSWER])
