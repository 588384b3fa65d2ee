"""Requests to Request Tracker with its token and nothing else: what tasks that create or rename assets are compared with."""

import threading
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy

import requests

from tests.services.request_tracker import RequestTracker


class BareRequests:
    """As a script sends them that follows Request Tracker's documentation: each thread has a connection of its own, and each request
    carries the token, which Request Tracker checks."""

    def __init__(self, rt: RequestTracker) -> None:
        self._rt, self._threads = rt, threading.local()

    def send(self, method: str, path: str, body: Mapping[str, object]) -> None:
        """`path` is below `/REST/2.0/`. The response is ignored, unless it is an error."""
        if not hasattr(self._threads, "http"):
            self._threads.http = self._new_connection()
        self._threads.http.request(method, f"{self._rt.url}/REST/2.0/{path}", json=body, timeout=60).raise_for_status()

    def _new_connection(self) -> requests.Session:
        http = requests.Session()
        http.trust_env = False
        http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        http.headers["Authorization"] = f"token {self._rt.token}"
        return http
