"""A web session of Request Tracker, so that it does not check the token on every REST call.

Request Tracker checks a token with bcrypt on each call (about 0.24 s). REST 2.0 accepts the cookie of a web session before it checks the
token, and answers in about 0.01 s. A request of any web page with the token starts such a session.

The cookie is as sensitive as the token: it is stored in memory only, and is sent only with the token that it was issued for, since Request
Tracker answers as the cookie's user. A session outlives the revocation of its token, so it is renewed every few minutes; a renewal fails
once the token is revoked. If web pages do not accept tokens (because of single sign-on), calls send the token only.
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
"""Seconds. Limits how long a revoked token continues to work."""
RETRY_AFTER = 60.0
"""Seconds until the next attempt after a failed one."""
LONGEST_WAIT = 5.0
"""Seconds for the page. Calls work without a session too, so they do not wait longer."""


@dataclass(frozen=True)
class _Session:
    """`cookie` is empty without a session; `ends_at` is then the time of the next attempt."""

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
        """The text without the secrets, in case Request Tracker echoed them."""
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
        """The value of the header `Cookie`. Empty without a session, or while another thread is starting one: then send the token only."""
        if time.monotonic() >= self._current.ends_at and self._signing_in.acquire(blocking=False):
            try:
                if time.monotonic() >= self._current.ends_at:
                    self._current = _Session()  # other threads do not use the expired one
                    self._current = self._sign_in()
            finally:
                self._signing_in.release()
        current = self._current
        return current.cookie if time.monotonic() < current.ends_at else ""

    def forget(self, cookie: str) -> None:
        """Discards the session of this cookie, which may have ended. The next call starts another."""
        if self._current.cookie == cookie:
            self._current = _Session()

    def _sign_in(self) -> _Session:
        started_at, cookie, outcome = time.monotonic(), "", "ok"
        try:
            with self._http.get(
                self._page, auth=Credentials(self._token), timeout=self._timeouts, allow_redirects=False, stream=True
            ) as response:
                # A sign-in form sets a cookie too, for a session without a user.
                if response.status_code == 200 and not response.raw.read(1):
                    cookie = _session_cookie(response)
            outcome = "ok" if cookie else "refused"
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            outcome = "unreachable"  # the call that wants the session reports it
        if self._on_request is not None:
            self._on_request("GET", "session", time.monotonic() - started_at, outcome)
        return _Session(cookie, time.monotonic() + (RENEW_AFTER if cookie else RETRY_AFTER))


def _session_cookie(response: requests.Response) -> str:
    """`NAME=VALUE`, or empty if the response sets no session cookie."""
    for header in response.raw.headers.getlist("Set-Cookie"):
        try:
            morsels = SimpleCookie(header)
        except CookieError:
            continue
        for name, morsel in morsels.items():
            if name.startswith(COOKIE_PREFIX) and morsel.coded_value.isalnum():
                return f"{name}={morsel.coded_value}"
    return ""
