"""A small HTTP proxy in front of a server: it counts what passes, and does to it what a bad network does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Self

import requests

from tests.services.local_server import Call, LocalServer, Reply

Forward = Callable[[], Reply]
Meddle = Callable[[Call, Forward], Reply]
"""Is given the call and the way to pass it on, and returns what the caller gets."""

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "host", "accept-encoding"}


def passed_on(_: Call, forward: Forward) -> Reply:
    return forward()


def nobody_there(_: Call, __: Forward) -> Reply:
    """The connection breaks off, and nothing is passed on."""
    return Reply(hang_up=True)


def answers(reply: Reply) -> Meddle:
    """Answers so in the server's place, and passes nothing on."""
    return lambda _, __: reply


class Proxy(LocalServer):
    """Passes each call to `target`, which may change at any time. `calls` holds what came in, in order.

    `meddle` may be replaced at any time too; `meddling` does so for a block.
    """

    def __init__(self, target: str = "") -> None:
        self.target = target
        self.meddle: Meddle = passed_on
        super().__init__(self._respond)

    @contextmanager
    def meddling(self, meddle: Meddle) -> Iterator[None]:
        before, self.meddle = self.meddle, meddle
        try:
            yield
        finally:
            self.meddle = before

    def _respond(self, call: Call) -> Reply:
        return self.meddle(call, partial(self._forward, call))

    def _forward(self, call: Call) -> Reply:
        headers = {name: value for name, value in call.headers.items() if name not in HOP_BY_HOP}
        try:
            # A session of its own each: Request Tracker trusts a cookie that is left over before any token.
            with requests.Session() as session:
                session.trust_env = False
                request = requests.Request(call.method, self.target + call.path, headers=headers | {"Accept-Encoding": "identity"})
                prepared = session.prepare_request(request)
                prepared.body = call.body or None
                prepared.headers["Content-Length"] = str(len(call.body))
                answer = session.send(prepared, timeout=60, allow_redirects=False)
        except requests.RequestException:
            return Reply(hang_up=True)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return Reply(answer.content, answer.status_code, kept)


class Gate:
    """A place where calls wait: `wait` is what a meddler calls, `arrived` tells that somebody stands there, `open` lets all pass."""

    def __init__(self) -> None:
        self._arrived, self._open = threading.Event(), threading.Event()

    def wait(self) -> None:
        self._arrived.set()
        if not self._open.wait(120):
            raise TimeoutError("nobody opened the gate")

    def arrived(self, within: float = 30.0) -> bool:
        return self._arrived.wait(within)

    def open(self) -> None:
        self._open.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nobody is left standing when a test fails."""
        self.open()
