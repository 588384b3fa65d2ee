"""Clients that send nothing, send slowly or do not read: they are disconnected, and nobody else is. Real sockets, real server."""

import contextlib
import re
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests

from tests.services import strict_server
from tests.services.local_server import wait_until
from tests.services.server import RunningServer
from tests.services.strict_server import LIMITS

PROXY = "127.0.0.9"
METRICS_TOKEN = "metrics-token-of-the-tests"
GET = b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n"
WORK = b"GET /work?seconds=2.5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SILENT = 1_100
"""More than the 1,024 that stopped the program."""
Connect = Callable[..., socket.socket]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"workers": "1", "threads": "32", "scheduler": "false", "trusted_proxies": PROXY, "metrics_token": METRICS_TOKEN}
    with RunningServer(tmp_path_factory.mktemp("strict"), program=strict_server.PROGRAM, **settings) as running:
        yield running


@pytest.fixture
def connect(server: RunningServer) -> Iterator[Connect]:
    """Connects from an address and sends the data. The connections are closed after the test."""
    with ExitStack() as stack:

        def connected(data: bytes = b"", *, address: str = "127.0.0.1") -> socket.socket:
            client = socket.create_connection(("127.0.0.1", server.port), timeout=10, source_address=(address, 0))
            stack.enter_context(closing(client))
            client.sendall(data)
            return client

        yield connected


def is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def still_open(clients: list[socket.socket]) -> int:
    return sum(map(is_open, clients))


def everything(client: socket.socket) -> bytes:
    """What arrives until the connection ends."""
    client.settimeout(20)
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            data += chunk
    return data


def closed(server: RunningServer) -> dict[str, int]:
    """How many connections have been closed, by reason."""
    text = requests.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}, timeout=10).text
    found = re.findall(r'rtutils_connections_closed_total\{reason="(\w+)"\} ([\d.]+)', text)
    return {reason: int(float(count)) for reason, count in found}


def post(*headers: bytes) -> bytes:
    return b"\r\n".join((b"POST /body HTTP/1.1", b"Host: x", *headers, b"", b""))


def test_bodies_that_take_too_long_are_cut_off_and_a_slow_response_is_not(server: RunningServer, connect: Connect) -> None:
    before = closed(server).get("slow_body", 0)
    length = post(b"Content-Length: 100000")
    stalled = connect(length + b"a" * 1000, address="127.0.0.2")
    empty = connect(length, address="127.0.0.3")
    chunked = connect(post(b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n", address="127.0.0.4")
    expecting = connect(post(b"Expect: 100-continue", b"Content-Length: 100000"), address="127.0.0.5")
    dripping = connect(length, address="127.0.0.6")
    reused = connect(GET, address="127.0.0.7")
    assert b"200 OK" in reused.recv(65536)
    reused.sendall(length)
    pipelined = connect(GET + length, address="127.0.0.8")
    slow = [stalled, empty, chunked, expecting, dripping, reused, pipelined]
    # Of the same address as a slow body, at another time and at the same time: the program works on them for longer than the grace.
    working = [connect(WORK, address="127.0.0.3")]
    time.sleep(2 * LIMITS.tolerance)
    working += [connect(WORK, address="127.0.0.2")]

    def drip() -> None:
        with contextlib.suppress(OSError):
            while True:
                dripping.send(b"a")
                time.sleep(0.05)

    threading.Thread(target=drip, daemon=True).start()
    answers = [everything(client) for client in working]
    assert [answer[-4:] for answer in answers] == [b"done", b"done"]
    assert not any(b" bytes" in everything(client) for client in slow), "a part of a body counted as all of it"
    assert closed(server)["slow_body"] - before == len(slow)


def read_until(client: socket.socket, text: bytes) -> bytes:
    """What arrives up to the text, with which a packet may begin."""
    received = b""
    while text not in received:
        part = client.recv(65536)
        assert part, received
        received += part
    return received


def test_a_refusal_before_the_body_says_that_the_connection_closes(connect: Connect) -> None:
    refused = everything(connect(b"POST /api/students HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"))
    assert b" 401 " in refused
    assert b"\r\nconnection: close\r\n" in refused.lower()
    complete = connect(post(b"Content-Length: 5") + b"abcde")
    assert b"connection:" not in read_until(complete, b"5 bytes").lower()
    complete.sendall(GET)
    assert read_until(complete, b"200 OK")


def test_a_body_that_keeps_up_takes_as_long_as_it_needs(server: RunningServer, connect: Connect) -> None:
    size, pieces = 32 * 1024, 30
    client = connect(post(b"Connection: close", f"Content-Length: {size * pieces}".encode()))
    begun = time.monotonic()
    for number in range(pieces):
        client.sendall(b"a" * size)
        time.sleep(max(0.0, begun + number * 0.07 - time.monotonic()))
    assert everything(client).endswith(f"{size * pieces} bytes".encode())
    assert time.monotonic() - begun > 2 * LIMITS.grace


def test_a_response_that_nobody_reads_is_cut_off_and_one_that_is_read_goes_on(server: RunningServer, connect: Connect) -> None:
    before = closed(server).get("slow_reader", 0)
    unread, read = (connect(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", address=f"127.0.0.{n}") for n in (2, 3))
    begun = time.monotonic()
    while closed(server).get("slow_reader", 0) == before or time.monotonic() - begun < 3 * LIMITS.grace:
        assert read.recv(32 * 1024)
        time.sleep(0.05)
        assert time.monotonic() - begun < 15
    assert closed(server)["slow_reader"] == before + 1
    assert is_open(read)
    assert everything(unread)  # ends


def test_silent_connections_are_bounded_and_those_with_requests_are_not(server: RunningServer, connect: Connect) -> None:
    answered = []
    for _ in range(LIMITS.silent_per_address + 5):
        answered.append(connect(GET))
        assert b"200 OK" in answered[-1].recv(65536)
    same = [connect(data) for data in (b"", b"GET / HTTP/1.1\r\nHo") for _ in range(LIMITS.silent_per_address)]
    time.sleep(0.05)  # the kernel's clock ticks every few milliseconds
    same += [connect() for _ in range(LIMITS.silent_per_address)]
    wait_until(lambda: still_open(same) == LIMITS.silent_per_address)
    assert still_open(same[-LIMITS.silent_per_address :]) == LIMITS.silent_per_address, "not the oldest were closed"
    proxy = [connect(address=PROXY) for _ in range(LIMITS.silent + 10)]
    wait_until(lambda: still_open(same) + still_open(proxy) == LIMITS.silent)
    assert still_open(proxy) > LIMITS.silent_per_address
    others = [connect(address=f"127.0.1.{number}") for number in range(1, LIMITS.silent + 11)]
    wait_until(lambda: still_open(same) + still_open(proxy) + still_open(others) == LIMITS.silent)
    assert still_open(answered) == len(answered)
    assert requests.get(f"{server.url}/api/health", timeout=10).ok
    wait_until(lambda: "connections closed" in server.log())


def test_connections_without_a_whole_header_end_and_http_2_is_refused(server: RunningServer, connect: Connect) -> None:
    silent, half, preface = connect(), connect(b"GET / HTTP/1.1\r\nHo"), connect(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    pipelined = connect(GET * 3)
    assert everything(preface) == b""
    assert everything(pipelined).count(b"200 OK") == 3
    wait_until(lambda: still_open([silent, half]) == 0, within=LIMITS.header_timeout + 5)


def test_a_thousand_silent_connections_stop_nobody(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096) if hard > 0 else 4096, hard))
    try:
        with RunningServer(tmp_path, workers="1", threads="8") as server, ExitStack() as stack:
            for number in range(SILENT):
                source = (f"127.0.2.{number % 200 + 1}", 0)
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10, source_address=source))
            assert requests.get(f"{server.url}/api/health", timeout=5).ok
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
