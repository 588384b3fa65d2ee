"""Security headers of every response, the request id, and which addresses to redirect to."""

import random
import re
import secrets

import structlog
from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.routing import RequestRedirect

from request_tracker_utils.web.addresses import without_host

ALWAYS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "same-origin"}
YEAR = 365 * 24 * 3600
REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}")


def nonce() -> str:
    """The CSP nonce for style and script blocks of this response."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


class TlsAwareSessions(SecureCookieSessionInterface):
    """Marks cookies as secure if the request came over TLS. Caches the serializer, which Flask would create for each request."""

    def __init__(self) -> None:
        self._serializer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self._serializer is None:
            self._serializer = super().get_signing_serializer(app)
        return self._serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Flask also rejects cookies that are too old, or newer than the clock: setting the clock back would sign everybody out. The row of
        the session decides how long it lasts."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        try:
            return SecureCookieSession(serializer.loads(request.cookies.get(self.get_cookie_name(app), "")))
        except BadSignature:
            return SecureCookieSession()

    def get_cookie_secure(self, app: Flask) -> bool:
        return bool(app.config["SESSION_COOKIE_SECURE"]) or request.is_secure


def install(app: Flask) -> None:
    app.session_interface = TlsAwareSessions()
    app.before_request(_assign_request_id)
    app.after_request(_add_headers)
    app.jinja_env.globals["csp_nonce"] = nonce


def _assign_request_id() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID_FORM.fullmatch(given) else f"{random.getrandbits(64):016x}"
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _add_headers(response: Response) -> Response:
    headers = response.headers
    if isinstance(request.routing_exception, RequestRedirect) and response.location:
        response.location = without_host(response.location)
        response.set_data(b"")
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    headers["X-Request-ID"] = g.get("request_id", "")
    if request.is_secure:
        headers["Strict-Transport-Security"] = f"max-age={YEAR}"
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", policy(g.get("csp_nonce")))
    if not (request.endpoint or "").endswith("static"):
        headers.setdefault("Cache-Control", "no-store")
    return response


def is_local_path(address: str) -> bool:
    """Whether the address is a path of this program. Browsers treat `//host` and `/\\host` as other hosts."""
    return address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()


def policy(used: str | None, *, inline_style: bool = False, embedded_fonts: bool = False) -> str:
    """Content-Security-Policy of a page. `used` is its nonce, if it has one. With `inline_style`, for pages with a site's own markup,
    inline styles are allowed but only scripts with the nonce run."""
    own = f"'self' 'nonce-{used}'" if used else "'self'"
    script, style = (f"'nonce-{used}'", "'self' 'unsafe-inline'") if inline_style else (own, own)
    fonts = "'self' data:" if embedded_fonts else "'self'"
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data:; font-src {fonts}; connect-src 'self'; "
        "form-action 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'"
    )
