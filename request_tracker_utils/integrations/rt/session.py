"""A web session of Request Tracker, so that it does not check the token on every REST call.

Request Tracker checks a token with bcrypt on each call (about 0.24 s). REST 2.0 accepts the cookie of a web session before it checks the
token, and answers in about 0.01 s. A request of any web page with the token starts such a session.

The cookie is as sensitive as the token: it is stored in memory only, and is sent only with the token that it was issued for, since Request
Tracker answers as the cookie's user. A session outlives the revocation of its token, so it is renewed every few minutes; a renewal fails
once the token is revoked. If web pages do not accept tokens (because of single sign-on), calls send the token only.

If Request Tracker has forgotten the session, it checks the token that is sent with each call, and its response does not say so: the call is
only slow. So after a slow response the same page is requested with the cookie: it returns the cookie of the session if it still exists, and
otherwise the cookie of a new one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
SLOW = 0.15
"""Seconds. Checking a token takes longer, and calls in a session usually do not, unless their response is large."""
SMALL = 16 * 1024
"""Bytes of a response that Request Tracker should return quickly: a few assets."""
CHECK_INTERVAL = 5.0
"""Seconds between two checks of whether the session still exists. A check takes 0.01 s."""
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
        self._suspect, self._checked_at = "", float("-inf")

    def __repr__(self) -> str:
        return f"RtSession({self._page!r})"

    def cookie(self) -> str:
        """The value of the header `Cookie`. Empty without a session, or while another thread is starting one: then send the token only."""
        if self._is_due() and self._signing_in.acquire(blocking=False):
            try:
                if time.monotonic() >= self._current.ends_at:
                    self._current = _Session()  # other threads do not use the expired one
                    self._current = self._sign_in()
                elif self._is_due():
                    self._check()
            finally:
                self._signing_in.release()
        current = self._current
        return current.cookie if time.monotonic() < current.ends_at else ""

    def forget(self, cookie: str) -> None:
        """Discards the session of this cookie, which may have ended. The next call starts another."""
        if self._current.cookie == cookie:
            self._current = _Session()

    def answered(self, cookie: str, *, seconds: float, size: int) -> None:
        """A call with this cookie took so long for a response of so many bytes. If that is suspicious, the next call checks the session."""
        if cookie and seconds >= SLOW and size <= SMALL:
            self._suspect = cookie

    def _is_due(self) -> bool:
        now, current = time.monotonic(), self._current
        is_suspect = bool(current.cookie) and current.cookie == self._suspect
        return now >= current.ends_at or (is_suspect and now >= self._checked_at + CHECK_INTERVAL)

    def _check(self) -> None:
        current, self._suspect = self._current, ""
        renewed = self._sign_in(current.cookie)
        self._checked_at = time.monotonic()
        # Its end remains: a session that still exists was found without checking the token.
        self._current = replace(renewed, ends_at=min(current.ends_at, renewed.ends_at)) if renewed.cookie else renewed

    def _sign_in(self, cookie_sent: str = "") -> _Session:
        started_at, cookie, outcome = time.monotonic(), "", "ok"
        try:
            with self._http.get(
                self._page, auth=Credentials(self._token, cookie_sent), timeout=self._timeouts, allow_redirects=False, stream=True
            ) as response:
                # A sign-in form sets a cookie too, for a session without a user.
                if response.status_code == 200 and not response.raw.read(1):
                    cookie = _session_cookie(response) or cookie_sent
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
