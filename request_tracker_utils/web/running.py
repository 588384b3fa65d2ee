"""The requests that the threads of this process are working on, and how long they have waited for their bodies."""

import io
import time
from collections.abc import Iterable, Iterator
from threading import get_ident
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import ClientDisconnected

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

PIECE = 64 * 1024
"""Bytes that are read at once: the server returns from reading only when it has all of them."""


class Allowance:
    """Seconds that may be spent waiting for a client. Each byte that it sends or reads adds to them, up to the initial number: a client
    that is slower than `rate` bytes per second eventually runs out, and a faster one never does."""

    __slots__ = ("_full", "_rate", "seconds")

    def __init__(self, seconds: float, rate: float) -> None:
        self.seconds = self._full = seconds
        self._rate = rate

    def spend(self, seconds: float, transferred: int) -> None:
        self.seconds = min(self._full, self.seconds - seconds + transferred / self._rate)


class RunningRequest:
    """A request from the moment a thread starts to work on it. Times are those of `time.monotonic`."""

    __slots__ = (
        "address",
        "allowance",
        "complete_at",
        "continued_at",
        "cut_off",
        "expects_continue",
        "queued_for",
        "reading_since",
        "responding_since",
        "started",
    )

    def __init__(self, address: str, started: float, *, queued_for: float = 0.0, allowance: Allowance | None = None) -> None:
        self.address = address
        """The other end of the connection: the client, or the nearest proxy."""
        self.started = started
        self.queued_for = queued_for
        """Seconds that it may have waited for a thread, at most."""
        self.allowance = allowance
        """None without a body."""
        self.complete_at: float | None = None
        """When the last of the body had been read."""
        self.expects_continue = False
        self.continued_at: float | None = None
        """When the server sent `100 Continue`, which it does when reading begins."""
        self.reading_since: float | None = None
        self.responding_since: float | None = None
        self.cut_off = False
        """Its connection was closed before its body was complete."""

    def is_overdue(self, now: float) -> bool:
        """Whether its thread waits for a body that arrives too slowly."""
        since, allowance = self.reading_since, self.allowance
        return since is not None and allowance is not None and now - since > allowance.seconds


class RunningRequests:
    """WSGI middleware; the outermost, because it needs the address of the connection."""

    def __init__(self, app: "WSGIApplication", *, threads: int, grace: float, rate: float) -> None:
        self._app, self._threads, self._grace, self._rate = app, threads, grace, rate
        self._by_thread: dict[int, RunningRequest] = {}
        self._waiting_since: float | None = None
        self._busy_at = 0.0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        now = time.monotonic()
        request = RunningRequest(
            environ.get("REMOTE_ADDR", ""), now, queued_for=now - self._waiting_since if self._waiting_since is not None else 0.0
        )
        if environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ:
            request.allowance = Allowance(self._grace, self._rate)
            request.expects_continue = "HTTP_EXPECT" in environ
            environ["wsgi.input"] = TimedBody(environ["wsgi.input"], request, _length(environ))
        self._by_thread[get_ident()] = request
        if len(self._by_thread) >= self._threads:
            self._note_wait(now)
        try:
            response = self._app(environ, _closing_unread(start_response, request))
        except BaseException:
            self._finish()
            raise
        request.responding_since = time.monotonic()
        return _Response(response, self._finish)

    def now_running(self) -> list[RunningRequest]:
        return list(self._by_thread.values())

    def note_pause(self, since: float) -> None:
        """The whole process has been standing still: requests may have been waiting since then."""
        self._waiting_since, self._busy_at = since, time.monotonic()

    def forget_wait(self, quiet_for: float) -> None:
        """Requests no longer wait for a thread if one has been free for so many seconds."""
        if len(self._by_thread) < self._threads and time.monotonic() - self._busy_at > quiet_for:
            self._waiting_since = None

    @property
    def may_be_queued(self) -> bool:
        """Whether there may be requests that no thread works on yet."""
        return self._waiting_since is not None

    def _note_wait(self, now: float) -> None:
        self._busy_at = now
        if self._waiting_since is None:
            self._waiting_since = now

    def _finish(self) -> None:
        if len(self._by_thread) >= self._threads:
            self._note_wait(time.monotonic())
        self._by_thread.pop(get_ident(), None)


class TimedBody(io.RawIOBase):
    """The body of a request. Measures how long its reader waits for it."""

    def __init__(self, body: "InputStream", request: RunningRequest, length: int | None) -> None:
        self._body, self._request, self._missing = body, request, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Raises ClientDisconnected once the connection has been closed for being slow: the part that has arrived could look complete."""
        view = memoryview(cast(Any, buffer)).cast("B")
        size = min(len(view), PIECE)
        request, started = self._request, time.monotonic()
        request.reading_since = started
        if request.expects_continue and request.continued_at is None:
            request.continued_at = started
        try:
            data = self._body.read(size)
        finally:
            request.reading_since = None
        now = time.monotonic()
        if request.cut_off:
            raise ClientDisconnected
        if request.allowance is not None:
            request.allowance.spend(now - started, len(data))
        if self._missing is not None:
            self._missing -= len(data)
        if len(data) < size or self._missing == 0:
            request.complete_at = now
        view[: len(data)] = data
        return len(data)


def _closing_unread(start_response: "StartResponse", request: RunningRequest) -> "StartResponse":
    """Says that the connection closes if the request was answered without its whole body: the server does not wait for the rest, and a
    client or proxy that does not know would lose its next request."""

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        if request.allowance is not None and request.complete_at is None:
            headers = [*headers, ("Connection", "close")]
        return start_response(status, headers, *error)

    return cast("StartResponse", start)


def _length(environ: "WSGIEnvironment") -> int | None:
    """Bytes of the body; None if they are not known in advance."""
    length = environ.get("CONTENT_LENGTH", "")
    return int(length) if length.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ else None


class _Response:
    """The response's body. Its request is running until it is closed."""

    __slots__ = ("_body", "_finish")

    def __init__(self, body: Iterable[bytes], finish: Any) -> None:
        self._body, self._finish = body, finish

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._finish()
