"""A web session of Request Tracker, which spares REST calls the token's check.

Request Tracker checks a token with bcrypt on each call (about 0.24 s). REST 2.0 accepts the cookie of a web session before it looks at the
token, and answers in about 0.01 s. Any web page that is asked with the token starts such a session.

The cookie is as good as the token: it is kept in memory only, and is sent only with the token that it was issued for, since Request Tracker
answers as the cookie's user. A session outlives the revocation of its token, so it is renewed every few minutes; a renewal fails once the
token is revoked. Where web pages do not accept tokens (a single sign-on in front of them), calls go on with the token alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from threading import Lock

import requests
import urllib3
from requests.auth import AuthBase

OnRequest = Callable[[str, str, float, str], None]
"""Called after each HTTP request with its method, its kind (`asset`, `assets`, `user`, `session` …), seconds, and outcome: `ok` or the
kind of error (`unreachable`, `refused`, `not_found`, `conflict`, `invalid`)."""

SIGN_IN_PAGE = "Helpers/Autocomplete/Users"
"""Answers a signed-in user with an empty body. Without arguments: with them, Request Tracker suspects a cross-site request."""
COOKIE_PREFIX = "RT_SID_"
RENEW_AFTER = 240.0
"""Seconds. Bounds for how long a revoked token keeps working."""
RETRY_AFTER = 60.0
"""Seconds until the next attempt after one that brought no session."""
LONGEST_WAIT = 5.0
"""Seconds for the page. Calls work without a session too, so they do not wait longer for one."""


@dataclass(frozen=True)
class _Session:
    """`cookie` is empty while there is no session; then `ends_at` is when to try again."""

    cookie: str = field(default="", repr=False)
    ends_at: float = float("-inf")


class Credentials(AuthBase):
    """Sends the token and, if given, a session's cookie."""

    def __init__(self, token: str, cookie: str = "") -> None:
        self._token, self._cookie = token, cookie

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"token {self._token}"
        if self._cookie:
            # Not by a cookie jar: Request Tracker 6 marks the cookie `secure`, and a jar would not send it over plain HTTP.
            request.headers["Cookie"] = self._cookie
        return request

    def __repr__(self) -> str:
        return "Credentials()"

    @property
    def has_cookie(self) -> bool:
        return bool(self._cookie)

    def redact(self, text: str) -> str:
        """The text without the secrets, should Request Tracker have echoed them."""
        for secret in (self._token, self._cookie, self._cookie.partition("=")[2]):
            text = text.replace(secret, "[secret]") if secret else text
        return text


class RtSession:
    """The session of one token, shared by all threads of a client."""

    def __init__(
        self, http: requests.Session, url: str, token: str, *, timeouts: tuple[float, float], on_request: OnRequest | None = None
    ) -> None:
        self._http, self._page, self._token, self._on_request = http, f"{url}/{SIGN_IN_PAGE}", token, on_request
        self._timeouts = (min(timeouts[0], LONGEST_WAIT), min(timeouts[1], LONGEST_WAIT))
        self._current, self._signing_in = _Session(), Lock()

    def __repr__(self) -> str:
        return f"RtSession({self._page!r})"

    def cookie(self) -> str:
        """As the header `Cookie` takes it. Empty while there is none, or another thread is getting one: then the token does alone."""
        if time.monotonic() >= self._current.ends_at and self._signing_in.acquire(blocking=False):
            try:
                if time.monotonic() >= self._current.ends_at:
                    self._current = _Session()  # an expired one is not used meanwhile
                    self._current = self._sign_in()
            finally:
                self._signing_in.release()
        current = self._current
        return current.cookie if time.monotonic() < current.ends_at else ""

    def forget(self, cookie: str) -> None:
        """Drops the session of this cookie, which may have ended; the next call starts another."""
        if self._current.cookie == cookie:
            self._current = _Session()

    def _sign_in(self) -> _Session:
        started_at, cookie, outcome = time.monotonic(), "", "ok"
        try:
            with self._http.get(
                self._page, auth=Credentials(self._token), timeout=self._timeouts, allow_redirects=False, stream=True
            ) as response:
                # A sign-in form comes with a cookie too, that of a session without a user.
                if response.status_code == 200 and not response.raw.read(1):
                    cookie = _session_cookie(response)
            outcome = "ok" if cookie else "refused"
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            outcome = "unreachable"  # the call that wants the session reports it
        if self._on_request is not None:
            self._on_request("GET", "session", time.monotonic() - started_at, outcome)
        return _Session(cookie, time.monotonic() + (RENEW_AFTER if cookie else RETRY_AFTER))


def _session_cookie(response: requests.Response) -> str:
    """`NAME=VALUE`, or empty where the response sets no session cookie."""
    for header in response.raw.headers.getlist("Set-Cookie"):
        try:
            morsels = SimpleCookie(header)
        except CookieError:
            continue
        for name, morsel in morsels.items():
            if name.startswith(COOKIE_PREFIX) and morsel.coded_value.isalnum():
                return f"{name}={morsel.coded_value}"
    return ""
