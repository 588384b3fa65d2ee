"""The real address of callers behind reverse proxies. Only headers of trusted proxies are used."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from request_tracker_utils.core.ip_addresses import IpAddress, Network, address_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST = re.compile(r"\[(?P<bracketed>[^]]*)\](?::\d+)?|(?P<host>[\d.]+):\d+|(?P<plain>[0-9A-Fa-f:.%\w]+)")


UNKNOWN = "unknown"
"""Used when the proxy's header is unreadable: the proxy's own address would be wrong."""


class TrustedProxies:
    """Sets the caller's address, scheme and host from the headers of trusted proxies.

    `X-Forwarded-For` is read from the end: each proxy appends the address it saw, so the first address that is not a trusted proxy is the
    caller. Anything before it was written by the caller.
    """

    def __init__(self, app: "WSGIApplication", trusted: Sequence[Network]) -> None:
        self._app, self._trusted = app, trusted

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if self._trusts(_address(environ.get("REMOTE_ADDR", ""))):
            self._apply_headers(environ)
        return self._app(environ, start_response)

    def _apply_headers(self, environ: "WSGIEnvironment") -> None:
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        for part in reversed(forwarded.split(",") if forwarded is not None else []):
            address = _address(part)
            environ["REMOTE_ADDR"] = UNKNOWN if address is None else str(address)
            if not self._trusts(address):
                break
        scheme = _last(environ.get("HTTP_X_FORWARDED_PROTO", "")).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(environ.get("HTTP_X_FORWARDED_HOST", ""))
        if host:
            environ["HTTP_HOST"] = host

    def _trusts(self, address: IpAddress | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _address(text: str) -> IpAddress | None:
    """Also parses `10.0.0.5:4711` and `[::1]:4711`, which some proxies send."""
    found = HOST.fullmatch(text.strip())
    return address_of(found["bracketed"] or found["plain"] or found["host"]) if found else None


def _last(header: str) -> str:
    """The value added by the nearest proxy."""
    return header.rpartition(",")[2].strip()
