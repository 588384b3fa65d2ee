"""Bodies of requests and responses: complete or rejected, and strict JSON objects where they are JSON."""

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, cast

from flask import Flask, Request, Response, request, stream_with_context
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.threads import take_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Answer = dict[str, Any] | tuple[dict[str, Any], int]
"""Return type of JSON routes. flask-openapi3 evaluates return annotations and cannot resolve Flask's own alias."""


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


class WholeBody(LimitedStream):
    """Rejects a body that ends before its Content-Length: the server passes on what has arrived when the connection ends, and a form that
    was cut within a number is still a form.
    """

    def on_disconnect(self, error: Exception | None = None) -> None:
        raise Invalid(_("The body is incomplete. Send it again.")) from error


class StrictRequest(Request):
    accepts_no_body = False
    """Whether a request without a body counts as an empty JSON object."""

    def __init__(self, environ: "WSGIEnvironment", populate_request: bool = True, shallow: bool = False) -> None:
        """Reads a NUL character in the address as U+FFFD, like bytes that are not UTF-8. PostgreSQL refuses NUL, and a streamed answer
        would have begun by then."""
        environ["PATH_INFO"] = environ.get("PATH_INFO", "").replace("\0", "\ufffd".encode().decode("latin-1"))
        environ["QUERY_STRING"] = environ.get("QUERY_STRING", "").replace("%00", "%EF%BF%BD")
        super().__init__(environ, populate_request, shallow)

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, limited in size. Reading it raises Invalid where it was cut."""
        limited = super().stream
        if not self.environ.get("wsgi.input_terminated"):
            return limited
        if self.content_length is not None:
            return cast(IO[bytes], WholeBody(self.environ["wsgi.input"], self.content_length))
        if self.max_content_length is not None:
            return cast(IO[bytes], ChunkedBody(self.environ["wsgi.input"], self.max_content_length))
        return limited

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> dict[str, Any]:
        """Raises Invalid for anything but a JSON object, even with `silent`: flask-openapi3 passes it and would then parse a JSON string as
        JSON again."""
        if self.accepts_no_body and not self.content_type and not self.get_data():
            return {}
        if not (force or self.is_json):
            raise Invalid(_("Send a JSON object with Content-Type: application/json."))
        sent = super().get_json(force, silent, cache)
        if not isinstance(sent, dict):
            raise Invalid(_("Send a JSON object."))
        return sent


def accept_no_body() -> None:
    """To call before the requests of a blueprint: its JSON routes then accept requests without a body."""
    cast(StrictRequest, request).accepts_no_body = True


def install(app: Flask) -> None:
    app.request_class = StrictRequest


def streamed(chunks: Iterator[str] | Iterator[bytes], *, mimetype: str, status: int = 200) -> Response:
    """A response that is sent while it is created. Raises TooManyRequests and Unavailable before the first chunk is created."""
    take_stream()
    return Response(stream_with_context(chunks), status, mimetype=mimetype)


SURROGATE = "\\ud"
"""Start of the escape of a surrogate, in lowercase."""


class StrictJson(DefaultJSONProvider):
    """Preserves the order of keys, and rejects JSON that parsers interpret differently or cannot read."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises Invalid for text that is not JSON, duplicate keys, NaN and Infinity, unpaired surrogates, and excessive nesting."""
        try:
            text = s if isinstance(s, str) else s.decode("utf-8-sig")
            value = super().loads(text, object_pairs_hook=_unique_keys, parse_constant=_reject_constant, **kwargs)
            if SURROGATE in text.lower():
                self.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise Invalid(_("The JSON is nested too deeply.")) from None
        except UnicodeError:
            raise Invalid(_("The text is not valid UTF-8, or contains an unpaired surrogate.")) from None
        except ValueError as error:
            raise Invalid(_("This is not valid JSON: %(error)s.", error=error)) from None
        return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Parsers disagree about duplicate keys: what one checks, another would execute."""
    named = dict(pairs)
    if len(named) < len(pairs):
        raise Invalid(_("A JSON object contains the same key twice."))
    return named


def _reject_constant(constant: str) -> Any:
    raise Invalid(_("%(constant)s is not valid JSON.", constant=constant))
