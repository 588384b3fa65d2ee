"""Request bodies: complete or rejected, and a JSON object where they are JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import IO, Any, cast

from flask import Flask, Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from request_tracker_utils.core.errors import Invalid, Unavailable
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.registry import registry, registry_of


class StrangerBodies(BoundedSemaphore):
    """How many bodies of callers who are not authenticated yet may be read at once."""


SLOT_TIMEOUT = 0.5
"""Seconds that a caller waits for a slot."""


class ChunkedBody(LimitedStream):
    """Rejects a body that exceeds the limit. The parent class would truncate it silently."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit, is_max=True)

    @property
    def is_exhausted(self) -> bool:
        """Unknown until the end of the stream."""
        return False

    def on_exhausted(self) -> None:
        if self._stream.read(1):
            raise RequestEntityTooLarge


class StrictRequest(Request):
    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, limited in size."""
        if self.content_length is None and self.environ.get("wsgi.input_terminated") and self.max_content_length is not None:
            return cast(IO[bytes], ChunkedBody(self.environ["wsgi.input"], self.max_content_length))
        return super().stream

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> dict[str, Any]:
        """Raises Invalid for anything but a JSON object, even with `silent`: flask-openapi3 passes it and would then parse a JSON string as
        JSON again."""
        if not (force or self.is_json):
            raise Invalid(_("Send a JSON object with Content-Type: application/json."))
        sent = super().get_json(force, silent, cache)
        if not isinstance(sent, dict):
            raise Invalid(_("Send a JSON object."))
        return sent


def install(app: Flask, threads: int) -> None:
    app.request_class = StrictRequest
    registry_of(app).provide(StrangerBodies, StrangerBodies(max(1, threads // 2)))


@contextmanager
def stranger_body_slot() -> Iterator[None]:
    """A slot for reading the body of an unauthenticated caller; at most half of the threads are slots.

    A body may arrive as slowly as its sender likes, and occupies a thread until it is complete. Raises Unavailable if no slot is free.
    """
    slots = registry().get(StrangerBodies)
    if not slots.acquire(timeout=SLOT_TIMEOUT):
        raise Unavailable(_("Too many forms are being submitted right now. Try again in a few seconds."))
    try:
        yield
    finally:
        slots.release()
