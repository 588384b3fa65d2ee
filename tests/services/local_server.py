"""A small HTTP server in a thread that answers as a test wants, badly too."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """`body` that is no bytes is sent as JSON. `wait` seconds pass first; with `every`, the body goes out byte by byte, that far apart."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0
    every: float = 0
    chunked: bool = False
    hang_up: bool = False


class LocalServer:
    """`respond` may be replaced at any time. `calls` holds what came in, in order."""

    def __init__(self, respond: Callable[[Call], Reply], *, tls: ssl.SSLContext | None = None) -> None:
        self.respond, self.calls = respond, list[Call]()
        self._closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                call = Call(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                server.calls.append(call)
                server._send(self, server.respond(call))

            do_GET = do_POST = do_PUT = do_OPTIONS = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128  # beyond this, connections made at the same time would wait a second

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that gave up is what some tests are about."""

        self._http = Server(("127.0.0.1", 0), Handler)
        if tls is not None:  # the handshake is left to the thread of the connection
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        if reply.hang_up:
            handler.close_connection = True
            return
        self._closing.wait(reply.wait)
        plain = isinstance(reply.body, bytes)
        body: bytes = reply.body if plain else json.dumps(reply.body).encode()
        headers = {"Content-Type": "text/plain" if plain else "application/json", "Content-Length": str(len(body))} | reply.headers
        if reply.chunked:
            headers = {"Transfer-Encoding": "chunked"} | {name: value for name, value in headers.items() if name != "Content-Length"}
            handler.protocol_version = "HTTP/1.1"
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        handler.send_response(reply.status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if not reply.every:
            handler.wfile.write(body)
            return
        for byte in body:
            handler.wfile.write(bytes([byte]))
            if self._closing.wait(reply.every):
                return


def wait_until(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about within {within:g} s"
        time.sleep(0.02)
