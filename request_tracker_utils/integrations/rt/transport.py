"""HTTP to Request Tracker: pooled connections, time-outs, a bound on size, and retries of what is safe to repeat."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from request_tracker_utils.integrations.rt.errors import RtConflict, RtError, RtInvalid, RtNotFound, RtRefused, RtUnreachable

Method = Literal["GET", "POST", "PUT"]
OnRequest = Callable[[str, str, float, str], None]
"""Called after each HTTP request with method, kind (`asset`, `assets`, `user` ...), seconds, and outcome: `ok` or the error's kind
(`unreachable`, `refused`, `not_found`, `conflict`, `invalid`)."""

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes. A page of a hundred assets has some hundred thousand."""
ATTEMPTS = 3
TRY_AGAIN = frozenset({502, 503, 504})
OUTCOMES: dict[type[RtError], str] = {
    RtUnreachable: "unreachable",
    RtRefused: "refused",
    RtNotFound: "not_found",
    RtConflict: "conflict",
    RtInvalid: "invalid",
}


@dataclass(frozen=True)
class Answer:
    body: Any
    etag: str


class TokenAuth(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"token {self._token}"
        return request

    def __repr__(self) -> str:
        return "TokenAuth()"


class Transport:
    """May be used by several threads at once. Times are seconds; `retry_within` bounds when a last attempt may begin."""

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
        on_request: OnRequest | None,
    ) -> None:
        if not token.isascii() or not token.isprintable() or " " in token or not token:
            raise ValueError("The token for Request Tracker is empty or holds letters that no token has. Set RT_TOKEN anew.")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError("The address of Request Tracker must look like https://rt.example.org. Set RT_URL anew.")
        self.url = url.rstrip("/")
        self._base = f"{self.url}/{api_endpoint.strip('/')}"
        self._token, self._timeouts, self._retry_within = token, (connect_timeout, read_timeout), retry_within
        self._on_request = on_request
        self._session = requests.Session()
        # A .netrc would replace the token, and Request Tracker trusts a session's cookie before any token.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.verify = ca_bundle or True
        self._session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "request-tracker-utils"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=2, pool_maxsize=pool_size, pool_block=True))

    def __repr__(self) -> str:
        return f"Transport({self._base!r})"

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, *, params: Mapping[str, Any] | None = None, auth_token: str | None = None) -> Answer:
        return self._repeated("GET", path, params=params, auth_token=auth_token)

    def search(self, path: str, query: list[dict[str, Any]] | str, params: Mapping[str, Any]) -> Answer:
        """A JSON search (a list) or one in RT's query language (text). It changes nothing, so it may be repeated."""
        if isinstance(query, str):
            # In a form, not in the address: what is asked can be long, and addresses end up in logs.
            return self._repeated("POST", path, params=params, form={"query": query})
        return self._repeated("POST", path, params=params, data=query)

    def write(self, method: Method, path: str, data: Any, *, etag: str = "") -> Answer:
        """Asked once: after RtUnreachable nobody knows whether it was carried out."""
        return self._once(method, path, data=data, headers={"If-Match": etag} if etag else {})

    def _repeated(self, method: Method, path: str, **arguments: Any) -> Answer:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(self._retry_within),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=1),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, RtUnreachable) or getattr(error, "status", 0) in TRY_AGAIN),
            reraise=True,
        )
        answer: Answer = retrying(self._once, method, path, **arguments)
        return answer

    def _once(self, method: Method, path: str, **arguments: Any) -> Answer:
        begun, outcome = time.monotonic(), "ok"
        try:
            return self._exchange(method, path, **arguments)
        except RtError as error:
            outcome = OUTCOMES[type(error)]
            raise
        finally:
            if self._on_request is not None:
                self._on_request(method, path.partition("/")[0], time.monotonic() - begun, outcome)

    def _exchange(
        self,
        method: Method,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth_token: str | None = None,
    ) -> Answer:
        failure: RtError
        try:
            with self._session.request(
                method,
                f"{self._base}/{path}",
                params=params,
                json=data,
                data=form,
                headers=dict(headers or {}),
                auth=TokenAuth(auth_token or self._token),
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._content(response)
                return self._answer(response, content)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            failure = RtUnreachable(f"Request Tracker did not answer within {self._timeouts[1]:g} s. Try again; if it stays so, see to RT.")
        except requests.exceptions.SSLError:
            failure = RtUnreachable(f"The certificate of {self.url} is not trusted. Name the issuer's file in RT_CA_BUNDLE, or renew it.")
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            failure = RtUnreachable(f"Request Tracker cannot be reached at {self.url}. Check that it runs, and RT_URL.")
        # Raised out here: the exception of `requests` carries the request, and with it the token.
        raise failure

    def _content(self, response: requests.Response) -> bytes:
        """The body, bounded in size and in time: a read time-out alone begins anew with each byte."""
        deadline = time.monotonic() + self._timeouts[1]
        content = bytearray()
        while piece := response.raw.read1(65536, decode_content=True):
            content += piece
            if len(content) > LARGEST_ANSWER:
                raise RtRefused(
                    f"Request Tracker's answer is larger than {LARGEST_ANSWER >> 20} MiB. Check RT_URL.", status=response.status_code
                )
            if time.monotonic() > deadline:
                raise RtUnreachable(f"Request Tracker's answer was not complete within {self._timeouts[1]:g} s. Try again.")
        expected = response.headers.get("Content-Length", "")
        if expected.isdigit() and len(content) < int(expected):
            raise RtUnreachable("Request Tracker's answer broke off. Try again.")
        return bytes(content)

    def _answer(self, response: requests.Response, content: bytes) -> Answer:
        status = response.status_code
        if status in range(300, 400):
            self._redirected(response)
        body = _body(content)
        if status == 401:
            raise RtRefused(
                "Request Tracker does not accept the token. Make a new one in RT (Settings, Auth Tokens) and set RT_TOKEN.", status=401
            )
        if "html" in response.headers.get("Content-Type", "").lower():
            raise RtRefused(
                f"Request Tracker answered {status} with a web page instead of REST 2.0. Check RT_URL and API_ENDPOINT; "
                "a proxy or a single sign-on before RT must let the token through.",
                status=status if status in TRY_AGAIN else None,  # it is not Request Tracker's: a proxy's 403 says nothing about a token
            )
        message = _clean(body.get("message"), response) if isinstance(body, dict) else ""
        if status >= 400:
            self._refused(status, message)
        if body is None:
            raise RtRefused("Request Tracker answered with something that is not JSON. Check RT_URL and API_ENDPOINT.", status=status)
        return Answer(body, response.headers.get("ETag", ""))

    def _refused(self, status: int, message: str) -> NoReturn:
        said = f" It said: {message}" if message else ""
        if status == 403:
            raise RtRefused(
                f"Request Tracker does not allow that to the token's user. Check the rights, and that the names exist.{said}", status=403
            )
        if status in (404, 410):
            raise RtNotFound(f"Request Tracker has no such record, or hides it from the token's user.{said}", status=status)
        if status in (409, 412):
            raise RtConflict("The record was changed in Request Tracker meanwhile. Look at it, and try again.", status=status)
        if status in (400, 422):
            raise RtInvalid(f"Request Tracker does not take that.{said or ' It did not say why.'}", status=status)
        if status >= 500:
            raise RtRefused(f"Request Tracker failed inside ({status}). Try again; if it stays so, its log says why.{said}", status=status)
        raise RtRefused(f"Request Tracker answered {status}, which is not expected.{said}", status=status)

    def _redirected(self, response: requests.Response) -> NoReturn:
        host = urlsplit(response.headers.get("Location", "")).hostname
        where = f"to {_clean(host, response)}" if host else "to another page, probably to sign in"
        raise RtRefused(
            f"Request Tracker sends us on {where}, and the token is not taken there. Set RT_URL to the final address, "
            "and let the token through where somebody must sign in.",
            status=response.status_code,
        )


def _body(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):  # ValueError is bad UTF-8 too
        return None


def _clean(value: Any, response: requests.Response) -> str:
    """One line of what another system said, without the token should it have been echoed."""
    line = " ".join(str(value or "").split())[:300]
    sent = (response.request.headers.get("Authorization") or "").removeprefix("token ")
    return line.replace(sent, "[token]") if sent else line
