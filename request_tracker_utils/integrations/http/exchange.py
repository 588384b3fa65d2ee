"""One HTTP request to a service.

Each request has a connection of its own: if a pooled one breaks, nobody knows whether the request arrived. Redirects are not followed,
certificates are always verified, and time and size are limited.
"""

import base64
import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.connections import Deadline, Permits, any_address, connect, reason_of, trusted_authorities

LARGEST_ANSWER = 256 * 1024
"""Bytes. The rest is not read: services answer with a few hundred."""
LONGEST_PAUSE = timedelta(hours=1)
"""After which a service is tried again, whatever it asks for."""


@dataclass(frozen=True)
class Answer:
    """`headers` by lowercase name. `body` is cut off if it is not `complete`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True

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
        """A date is compared with the service's own clock (`Date`), since ours may differ."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return min(timedelta(seconds=int(value[:6])), LONGEST_PAUSE)
        then, now = _date(value), _date(self.headers.get("date", ""))
        return min(max(then - now, timedelta(0)), LONGEST_PAUSE) if then and now else None


class NothingSent(Exception):
    """The connection could not be established; the service knows nothing of the request."""


class NoAnswer(Exception):
    """The request may have arrived, but no response did."""


def quoted_detail(detail: str, secrets: Iterable[str] = ()) -> str:
    """What a service said, as a sentence to append: one line, without these secrets, which it might repeat."""
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
                content, complete = _content(response)
                # At the deadline the connection is shut down, which looks like the end of a body without a length.
                return Answer(response.status, fields, content, complete and not deadline.is_over)
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


def _content(response: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """What arrives of the body, up to the limit, and whether that is all of it."""
    content = bytearray()
    try:
        while len(content) < LARGEST_ANSWER and (piece := response.read1(65_536)):
            content += piece
    except (OSError, http.client.HTTPException, ValueError):
        return bytes(content[:LARGEST_ANSWER]), False
    return bytes(content[:LARGEST_ANSWER]), len(content) < LARGEST_ANSWER and not response.length


def _date(value: str) -> datetime | None:
    """The date of a header, if it is one."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
