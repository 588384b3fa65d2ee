"""Addresses of this program: absolute ones, whether a request came from a page of another site, and redirects from former addresses."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask, redirect, request, url_for
from werkzeug.exceptions import SecurityError
from werkzeug.wrappers import Response

from request_tracker_utils.web.auth import Access, open_endpoint
from request_tracker_utils.web.registry import settings

PREFIX = "former:"
"""What the names of the endpoints of former addresses start with."""
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def address_for_caller() -> str:
    """The absolute address of this program for the caller of this request: APP_URL. Without APP_URL, the address that the caller has used,
    since the one that the program listens on may be unreachable from there.

    Only for what this caller alone reads. The Host header is whatever the caller sends: links that are stored, sent or printed use
    `settings.public_address()`, which ignores it.
    """
    host = _requested_host()
    if settings().app_url or host is None:
        return settings().public_address()
    return f"{request.scheme}://{host}"


def this_page(**changes: object) -> str:
    """The absolute address of the requested page, with these query arguments changed or, with None, removed. Arguments never become
    anything but a query: names such as `endpoint` or `_external` mean something to `url_for`."""
    query = {**request.args.to_dict(flat=False), **changes}
    given = {name: value for name, value in query.items() if value is not None}
    return f"{address_for_caller()}{quote(request.path)}?{urlencode(given, doseq=True)}"


def comes_from_another_site(*friends: str) -> bool:
    """Whether a page of another site made the browser send this request. Pages of `friends`, such as Request Tracker, are no strangers.

    A token proves that no page did: browsers do not add one by themselves. Without a Referer, browsers still say whether the request
    crossed sites; clients that say neither are programs, bookmarks and typed addresses.
    """
    if "Authorization" in request.headers:
        return False
    referrer = request.headers.get("Referer", "")
    if not referrer:
        return request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
    known = [settings().public_address(), f"{request.scheme}://{_requested_host() or ''}", *friends]
    return _site(referrer) is None or _site(referrer) not in map(_site, known)


def previous_page() -> str | None:
    """The path and query of the page of this program from which the browser came; None for other sites and for the page itself."""
    referrer = request.headers.get("Referer", "")
    if not referrer or comes_from_another_site():
        return None
    parts = urlsplit(referrer)
    address = f"/{parts.path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")
    return None if address == request.full_path.rstrip("?") or not address.isprintable() else address


def without_host(location: str) -> str:
    """The address as a path, for redirects of the router: it completes them with the Host header, whatever that contains."""
    parts = urlsplit(location)
    return f"/{parts.path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")


def redirect_former_addresses(app: Flask, former_addresses: Mapping[str, str]) -> None:
    """Maps each former rule of a page to the endpoint that has replaced it, since bookmarks and printed instructions still contain it.
    The endpoint decides who may see the page."""
    for rule, endpoint in former_addresses.items():
        name = f"{PREFIX}{rule}"
        app.add_url_rule(rule, name, _redirect_to(endpoint), methods=["GET"])
        open_endpoint(app, name, Access(public=True, reason="redirects to the present address"))


def _redirect_to(endpoint: str) -> Callable[..., Response]:
    def view(**arguments: Any) -> Response:
        query = urlencode(request.args.to_dict(flat=False), doseq=True)
        return redirect(url_for(endpoint, **arguments) + (f"?{query}" if query else ""), 308)

    return view


def _requested_host() -> str | None:
    """The Host header, or the one of a trusted proxy; None if it is not a host."""
    try:
        host = request.host
    except SecurityError:
        return None
    return host if _HOST.fullmatch(host) else None


def _site(address: str) -> tuple[str, int | None] | None:
    """Host and port. The scheme does not count: behind a proxy that is not trusted, ours is unknown."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return parts.hostname, None if port in (None, *_DEFAULT_PORTS.values()) else port
