"""The bodies of requests: an object where they are JSON, and whole or refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import IO, Any, cast

from flask import Flask, Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from request_tracker_utils.core.errors import Invalid, Unavailable
from request_tracker_utils.web.registry import registry, registry_of


class StrangerBodies(BoundedSemaphore):
    """How many bodies of callers who are not authenticated yet may be read at once."""


PATIENCE = 0.5
"""Seconds until a stranger who finds no place is sent away."""


class BodyOfUnknownLength(LimitedStream):
    """Refuses a body that goes on past the limit. The parent ends there as if the body did, and a part would pass for the whole."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit, is_max=True)

    @property
    def is_exhausted(self) -> bool:
        """Known only once there is nothing more to read."""
        return False

    def on_exhausted(self) -> None:
        if self._stream.read(1):
            raise RequestEntityTooLarge


class WholeRequest(Request):
    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, no longer than the limit says."""
        if self.content_length is None and self.environ.get("wsgi.input_terminated") and self.max_content_length is not None:
            return cast(IO[bytes], BodyOfUnknownLength(self.environ["wsgi.input"], self.max_content_length))
        return super().stream

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> dict[str, Any]:
        """Raises Invalid for anything but a JSON object, also where it is asked to be silent: flask-openapi3 does, and then reads
        a JSON text as JSON once more."""
        if not (force or self.is_json):
            raise Invalid("Send a JSON object, with Content-Type: application/json.")
        sent = super().get_json(force, silent, cache)
        if not isinstance(sent, dict):
            raise Invalid("Send a JSON object.")
        return sent


def install(app: Flask, threads: int) -> None:
    app.request_class = WholeRequest
    registry_of(app).provide(StrangerBodies, StrangerBodies(max(1, threads // 2)))


@contextmanager
def place_of_stranger() -> Iterator[None]:
    """One of the places of those who send a body and are not known yet: half of the threads at most.

    A body may come as slowly as its sender likes, and each holds a thread until it is there. Raises Unavailable when none is free.
    """
    places = registry().get(StrangerBodies)
    if not places.acquire(timeout=PATIENCE):
        raise Unavailable("Too many forms are being sent at this moment. Try again in a few seconds.")
    try:
        yield
    finally:
        places.release()
