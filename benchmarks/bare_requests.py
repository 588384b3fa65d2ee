"""Requests to Request Tracker and nothing else: what a task that creates or renames assets is compared with."""

import threading
from collections.abc import Mapping

import requests

from request_tracker_utils.integrations.rt.session import SIGN_IN_PAGE
from tests.services.request_tracker import RequestTracker


class BareRequests:
    """Each thread has a connection and a web session of its own. The program uses a web session too, which spares Request Tracker most of
    a call's time: without one, the comparison would only show that."""

    def __init__(self, rt: RequestTracker) -> None:
        self._rt, self._threads = rt, threading.local()

    def send(self, method: str, path: str, body: Mapping[str, object]) -> None:
        """`path` is below `/REST/2.0/`. The response is ignored, unless it is an error."""
        if not hasattr(self._threads, "session"):
            self._threads.session = self._signed_in()
        self._threads.session.request(method, f"{self._rt.url}/REST/2.0/{path}", json=body, timeout=60).raise_for_status()

    def _signed_in(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"token {self._rt.token}"
        session.get(f"{self._rt.url}/{SIGN_IN_PAGE}", timeout=60).raise_for_status()
        if not session.cookies:
            raise AssertionError("Request Tracker started no web session")
        return session
