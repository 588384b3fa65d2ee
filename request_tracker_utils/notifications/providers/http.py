"""One HTTP request to a provider. The client libraries prepare the requests and read the responses; this sends them.

Each request has a connection of its own: if a pooled one breaks, nobody knows whether the message was sent. Redirects are not followed,
certificates are always verified, and time and size are limited.
"""

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from request_tracker_utils.notifications.providers.connections import (
    Deadline,
    ForbiddenAddress,
    Permits,
    any_address,
    connect,
    trusted_authorities,
)

SECONDS = 20.0
"""For the whole exchange, from the name lookup to the end of the response."""
LARGEST_ANSWER = 256 * 1024
"""Bytes. The rest is not read: providers answer with a few hundred."""


class NothingSent(Exception):
    """The connection could not be established; the provider knows nothing of the message."""


class NoAnswer(Exception):
    """The request may have arrived, but no response did."""


class ForbiddenHost(Exception):
    """The host is in a private network, which is not permitted for this address. Nothing was sent."""


@dataclass(frozen=True)
class Answer:
    """`headers` by lowercase name. `body` may be cut off: read it with `json`."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Mapping[str, Any]:
        """Empty if the body is no JSON object."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def retry_after(self) -> int | None:
        """Seconds. Dates are not read: the provider's clock may differ."""
        value = self.headers.get("retry-after", "").strip()
        return min(int(value), 86_400) if value.isascii() and value.isdigit() else None


def exchange(
    method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", permits: Permits = any_address, seconds: float = SECONDS
) -> Answer:
    """Raises NothingSent, NoAnswer or ForbiddenHost. Their messages contain neither the address nor its secrets."""
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
        except ForbiddenAddress:
            raise ForbiddenHost from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = f"no response within {seconds:g} s" if deadline.is_over else _reason(error)
        raise NoAnswer(reason) if sent else NothingSent(reason)


def _connection(url: str, deadline: Deadline, permits: Permits) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    if not secure:
        connection = http.client.HTTPConnection(host, port)
    else:
        # A proxy of the environment (HTTPS_PROXY) resolves the host itself: there, what may be reached is the proxy's decision.
        proxy = urlsplit(select_proxy(url, get_environ_proxies(url)) or "")
        if proxy.hostname and permits is any_address:
            connection = http.client.HTTPSConnection(proxy.hostname, proxy.port or 3128, context=trusted_authorities())
            connection.set_tunnel(host, port, headers=_proxy_credentials(proxy.username, proxy.password))
        else:
            connection = http.client.HTTPSConnection(host, port, context=trusted_authorities())
    vars(connection)["_create_connection"] = lambda address, *_: connect(address[0], address[1], deadline, permits)
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


def _reason(error: Exception) -> str:
    """Without the address: it may contain secrets."""
    text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
