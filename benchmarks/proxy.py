"""A proxy in front of Request Tracker that counts requests."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


class CountingProxy:
    """Forwards requests from `url` to `target`, and counts those of REST 2.0. `count` can be reset to 0 at any time."""

    def __init__(self, target: str) -> None:
        self.count = 0
        self._counting = threading.Lock()
        proxy, netloc = self, urlsplit(target).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                with proxy._counting:
                    proxy.count += self.path.startswith("/REST/")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                connection = http.client.HTTPConnection(netloc, timeout=120)
                try:
                    connection.request(self.command, self.path, body, headers | {"Host": netloc})
                    response = connection.getresponse()
                    content = response.read()
                finally:
                    connection.close()
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, format: str, *args: object) -> None:
                """Logs nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
