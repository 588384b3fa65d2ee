"""HTTP to Request Tracker: pooled connections, timeouts, a size limit, and retries of what is safe to repeat."""

import json
import time
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal, NoReturn, Self
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.errors import RtConflict, RtError, RtInvalid, RtNotFound, RtRefused, RtUnreachable
from request_tracker_utils.integrations.rt.session import Credentials, OnRequest, RtSession

Method = Literal["GET", "POST", "PUT"]

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes. A page of a hundred assets has a few hundred thousand."""
ATTEMPTS = 3
"""Of one read. Pending work is retried by its outbox (`core/outbox.py`)."""
RETRY_WITHIN = 15.0
"""Seconds within which the last attempt of a read may start."""
TEMPORARY = frozenset({502, 503, 504})
"""Statuses after which a read is repeated."""
OUTCOMES: dict[type[RtError], str] = {
    RtUnreachable: "unreachable",
    RtRefused: "refused",
    RtNotFound: "not_found",
    RtConflict: "conflict",
    RtInvalid: "invalid",
}


@dataclass(frozen=True)
class Answer:
    """`size` is the length of the body in bytes."""

    body: Any
    etag: str
    size: int


class _SignedOut(Exception):
    """Request Tracker accepts neither the cookie nor the token. Nothing was carried out."""


class Transport:
    """Thread-safe. Timeouts are seconds; `retry_within` limits when the last attempt may start.

    Calls send a session's cookie beside the token (see `session`), unless `use_session` is false or the call is to check a token.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        api_endpoint: str,
        connect_timeout: float,
        read_timeout: float,
        retry_within: float,
        pool_size: int,
        ca_bundle: str | None,
        use_session: bool,
        on_request: OnRequest | None,
    ) -> None:
        if not token.isascii() or not token.isprintable() or " " in token or not token:
            raise ValueError(_("The Request Tracker token is empty or contains invalid characters. Correct RT_TOKEN."))
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(_("The address of Request Tracker must look like https://rt.example.org. Correct RT_URL."))
        self.url = url.rstrip("/")
        self._base = f"{self.url}/{api_endpoint.strip('/')}"
        self._token, self._timeouts, self._retry_within = token, (connect_timeout, read_timeout), retry_within
        self._on_request = on_request
        self._http = requests.Session()
        # Only our credentials: a .netrc would replace the token, and a stored cookie would be sent with the token of another caller.
        self._http.trust_env = False
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._http.verify = ca_bundle or True
        self._http.headers.update({"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "request-tracker-utils"})
        for scheme in ("http://", "https://"):
            self._http.mount(scheme, HTTPAdapter(pool_connections=2, pool_maxsize=pool_size, pool_block=True))
        self._session = RtSession(self._http, self.url, token, timeouts=self._timeouts, on_request=on_request) if use_session else None

    def __repr__(self) -> str:
        return f"Transport({self._base!r})"

    def close(self) -> None:
        self._http.close()

    def has_session(self) -> bool:
        """Whether calls are quick because of a session. Starts one if possible."""
        return bool(self._session and self._session.cookie())

    def within(self, seconds: float) -> Self:
        """The same connections and session, with this timeout and without repetitions."""
        brief = copy(self)
        brief._timeouts, brief._retry_within = (seconds, seconds), 0.0
        return brief

    def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> Answer:
        return self._repeated("GET", path, params=params)

    def get_with_token(self, path: str, token: str = "") -> Answer:
        """Sends only this client's token or another caller's: a session would hide that a token has become invalid."""
        return self._repeated("GET", path, credentials=Credentials(token or self._token))

    def search(self, path: str, query: list[dict[str, Any]] | str, params: Mapping[str, Any]) -> Answer:
        """A JSON search (a list) or one in RT's query language (text). It changes nothing, so it may be repeated."""
        if isinstance(query, str):
            # As a form, not in the address: queries can be long, and addresses are logged.
            return self._repeated("POST", path, params=params, form={"query": query})
        return self._repeated("POST", path, params=params, data=query)

    def write(self, method: Method, path: str, data: Any, *, etag: str = "") -> Answer:
        """Sent once: after RtUnreachable it is unknown whether it was carried out."""
        return self._once(method, path, data=data, headers={"If-Match": etag} if etag else {})

    def _repeated(self, method: Method, path: str, **arguments: Any) -> Answer:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(self._retry_within),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=1),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, RtUnreachable) or getattr(error, "status", 0) in TEMPORARY),
            reraise=True,
        )
        answer: Answer = retrying(self._once, method, path, **arguments)
        return answer

    def _once(self, method: Method, path: str, *, credentials: Credentials | None = None, **arguments: Any) -> Answer:
        """Uses this client's token and session unless other credentials are given."""
        cookie = self._session.cookie() if self._session and credentials is None else ""
        started_at = time.monotonic()
        try:
            answer = self._counted(method, path, credentials or Credentials(self._token, cookie), **arguments)
            if self._session and "form" not in arguments:  # a search in RT's query language may be slow in a session too
                self._session.answered(cookie, seconds=time.monotonic() - started_at, size=answer.size)
            return answer
        except _SignedOut:
            self._forget(cookie)
        except RtError as error:
            if isinstance(error, RtUnreachable) or error.status == 401 or error.status in TEMPORARY:
                self._forget(cookie)  # a session may not survive a restart of Request Tracker
            raise
        return self._counted(method, path, Credentials(self._token), **arguments)  # which says why, if the token is not accepted either

    def _forget(self, cookie: str) -> None:
        if self._session and cookie:
            self._session.forget(cookie)

    def _counted(self, method: Method, path: str, credentials: Credentials, **arguments: Any) -> Answer:
        started_at, outcome = time.monotonic(), "ok"
        try:
            return self._exchange(method, path, credentials, **arguments)
        except RtError as error:
            outcome = OUTCOMES[type(error)]
            raise
        except _SignedOut:
            outcome = "refused"
            raise
        finally:
            if self._on_request is not None:
                self._on_request(method, path.partition("/")[0], time.monotonic() - started_at, outcome)

    def _exchange(
        self,
        method: Method,
        path: str,
        credentials: Credentials,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        failure: RtError
        try:
            with self._http.request(
                method,
                f"{self._base}/{path}",
                params=params,
                json=data,
                data=form,
                headers=dict(headers or {}),
                auth=credentials,
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._content(response)
                return self._answer(response, content, credentials)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            failure = RtUnreachable(
                _(
                    "Request Tracker did not answer within %(seconds)s s. Try again; if the problem persists, check Request Tracker.",
                    seconds=f"{self._timeouts[1]:g}",
                )
            )
        except requests.exceptions.SSLError:
            failure = RtUnreachable(
                _(
                    "The certificate of %(url)s is not trusted. Set RT_CA_BUNDLE to its issuer's file, or renew it.",
                    url=self.url,
                )
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            failure = RtUnreachable(
                _("Request Tracker could not be reached at %(url)s. Check that it is running, and check RT_URL.", url=self.url)
            )
        # Raised here, outside: the exception of `requests` contains the request with its token and cookie.
        raise failure

    def _content(self, response: requests.Response) -> bytes:
        """The body, limited in size and time, because a read timeout restarts with each byte."""
        deadline = time.monotonic() + self._timeouts[1]
        content = bytearray()
        while piece := response.raw.read1(65536, decode_content=True):
            content += piece
            if len(content) > LARGEST_ANSWER:
                raise RtRefused(
                    _("Request Tracker's response is larger than %(size)s MiB. Check RT_URL.", size=LARGEST_ANSWER >> 20),
                    status=response.status_code,
                )
            if time.monotonic() > deadline:
                seconds = f"{self._timeouts[1]:g}"
                raise RtUnreachable(_("Request Tracker's response was not complete within %(seconds)s s. Try again.", seconds=seconds))
        expected = response.headers.get("Content-Length", "")
        if expected.isdigit() and len(content) < int(expected):
            raise RtUnreachable(_("Request Tracker's response was truncated. Try again."))
        return bytes(content)

    def _answer(self, response: requests.Response, content: bytes, credentials: Credentials) -> Answer:
        status = response.status_code
        if status in range(300, 400):
            self._redirected(response, credentials)
        body = _parsed(content)
        if status == 401:
            message = _("Request Tracker does not accept the token. Create a new one in RT (Settings, Auth Tokens), and set RT_TOKEN.")
            raise RtRefused(message, status=401)
        if "html" in response.headers.get("Content-Type", "").lower():
            raise RtRefused(
                _(
                    "Request Tracker answered %(status)s with a web page instead of REST 2.0. Check RT_URL and API_ENDPOINT; "
                    "a proxy or single sign-on in front of RT must forward the token.",
                    status=status,
                ),
                status=status if status in TEMPORARY else None,  # not Request Tracker's: a proxy's 403 says nothing about the token
            )
        message = _one_line(body.get("message"), credentials) if isinstance(body, dict) else ""
        if status >= 400:
            self._refused(status, message)
        if body is None:
            raise RtRefused(_("Request Tracker's response is not JSON. Check RT_URL and API_ENDPOINT."), status=status)
        return Answer(body, response.headers.get("ETag", ""), len(content))

    def _refused(self, status: int, message: str) -> NoReturn:
        detail = quoted_message(message)
        if status == 403:
            raise RtRefused(
                _("The token's user does not have permission for this in Request Tracker. Check the user's rights and all names.") + detail,
                status=403,
            )
        if status in (404, 410):
            raise RtNotFound(_("The record does not exist in Request Tracker, or the token's user may not see it.") + detail, status=status)
        if status in (409, 412):
            raise RtConflict(_("Another user changed the record in Request Tracker. Check it, and try again."), status=status)
        if status in (400, 422):
            raise RtInvalid(_("Request Tracker rejected the request.") + (detail or " " + _("It did not give a reason.")), status=status)
        if status >= 500:
            raise RtRefused(
                _("Request Tracker had an internal error (%(status)s). Try again; if the problem persists, check its log.", status=status)
                + detail,
                status=status,
            )
        raise RtRefused(
            _(
                "Request Tracker returned an unexpected status (%(status)s). Try again; if the problem persists, check its log.",
                status=status,
            )
            + detail,
            status=status,
        )

    def _redirected(self, response: requests.Response, credentials: Credentials) -> NoReturn:
        location = urlsplit(response.headers.get("Location", ""))
        ours = urlsplit(self.url)
        to_front_page = location.path == f"{ours.path}/" and location.hostname in (None, ours.hostname)
        if response.status_code == 302 and to_front_page and credentials.has_cookie:
            raise _SignedOut
        target = _one_line(location.hostname, credentials) or _("another page, probably a sign-in page")
        raise RtRefused(
            _(
                "Request Tracker redirects to %(target)s, where the token is not accepted. Set RT_URL to the final address, "
                "and make sure that a proxy or single sign-on in front of RT forwards the token.",
                target=target,
            ),
            status=response.status_code,
        )


def quoted_message(message: str) -> str:
    """Request Tracker's message as a sentence to append; empty without a message."""
    return " " + _("Its message was: %(text)s", text=message) if message else ""


def _parsed(content: bytes) -> Any:
    """None if it is not JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):  # ValueError is bad UTF-8 too
        return None


def _one_line(value: Any, credentials: Credentials) -> str:
    """The text of another system on one line, without secrets."""
    return credentials.redact(" ".join(str(value or "").split()))[:300]
