"""Bodies that come slowly: strangers hold some of the threads, never all of them."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.services.server import RunningServer

THREADS = 4
SLOW = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nname=a"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path, workers="1", threads=str(THREADS)) as running:
        yield running


def test_slow_bodies_of_unauthenticated_callers_do_not_block_the_program(server: RunningServer) -> None:
    with ExitStack() as stack:
        for _ in range(3 * THREADS):
            stranger = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            stranger.sendall(SLOW)
        for _ in range(5):
            assert requests.get(f"{server.url}/api/health", timeout=8).status_code == 200
        refused = requests.post(f"{server.url}/sign-in", data={"name": "ada"}, timeout=8)
        assert (refused.status_code, "Try again in a few seconds" in refused.text) == (503, True)
    assert requests.post(f"{server.url}/sign-in", data={"name": "ada"}, timeout=8).status_code == 403
