"""`GET /next-asset-tag` while others hold 1,200 silent connections, send 100 bodies slowly and leave 100 downloads unread."""

import multiprocessing
import multiprocessing.synchronize
import select
import socket
import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from benchmarks import school, servers
from benchmarks.load import CONNECTIONS, apply_load
from benchmarks.report import MILLISECONDS, SHARE, Row, say
from tests.services.apps import make_app, ready, sign_in, token, user

PATH = "/next-asset-tag"
RATE, P99 = 0.5, 2000.0
SILENT, BODIES, DOWNLOADS = 1_200, 100, 100
STUDENTS = 20_000
"""Their history is larger than what the buffers of a connection hold."""
ROUNDS, FLOODED, SECONDS = 3, 6, 5
"""Rounds before the flood and during it: for longer than the time that a slow client gets."""
PAUSE = 1.0
"""Seconds until a client that has been disconnected connects again, and between two bytes of a slow body."""


@dataclass(frozen=True)
class Attack:
    """Clients that do the same, from one address."""

    count: int
    address: str
    request: bytes = b""
    drips: bool = False


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder)))
        school.fill(app, STUDENTS)
        attacks = [
            Attack(SILENT, "127.0.0.2"),
            Attack(BODIES, "127.0.0.3", _slow_body(app), drips=True),
            Attack(DOWNLOADS, "127.0.0.4", _download(app)),
        ]
        with servers.program(Path(folder)) as served:
            apply_load(served, PATH, 1)
            calm = [apply_load(served, PATH, SECONDS) for _ in range(ROUNDS)]
            with _flood(served, attacks):
                flooded = []
                for number in range(FLOODED):
                    flooded.append(apply_load(served, PATH, SECONDS))
                    say(f"round {number + 1} of {FLOODED}: {flooded[-1].rate:,.0f}/s, p99 {flooded[-1].p99 * 1000:,.0f} ms")
    usual, now = statistics.median(load.rate for load in calm), statistics.mean(load.rate for load in flooded)
    what = f"{SILENT:,} silent connections, {BODIES} slow bodies of a student and {DOWNLOADS} unread downloads"
    detail = f"{now:,.0f} requests/s vs. {usual:,.0f} before; {CONNECTIONS} connections, SQLite, for {FLOODED * SECONDS} s"
    yield Row(f"GET /next-asset-tag with {what}, vs. without", now / usual, RATE, SHARE, detail)
    detail = f"the slowest of {FLOODED} rounds of {SECONDS} s; {statistics.median(load.p99 for load in calm) * 1000:.0f} ms before"
    yield Row("The same: 99 % of the responses within", max(load.p99 for load in flooded) * 1000, P99, MILLISECONDS, detail, at_least=False)


def _slow_body(app: Flask) -> bytes:
    """The start of a form that a student sends, with the session of a browser."""
    client = app.test_client()
    sign_in(client, user(app, "student"))
    cookie = client.get_cookie("rtutils")
    if cookie is None:
        raise AssertionError("signing in set no cookie")
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000"
    return f"POST /me/password HTTP/1.1\r\nHost: x\r\nCookie: rtutils={cookie.value}\r\n{form}\r\n\r\n".encode()


def _download(app: Flask) -> bytes:
    return f"GET /devices/logs.csv HTTP/1.1\r\nHost: x\r\nAuthorization: {token(app, 'staff')['Authorization']}\r\n\r\n".encode()


@contextmanager
def _flood(served: servers.Served, attacks: list[Attack]) -> Iterator[None]:
    """The attacks, by a process of their own."""
    context = multiprocessing.get_context("spawn")
    begun, ended = context.Event(), context.Event()
    process = context.Process(target=_attack, args=(int(served.url.rpartition(":")[2]), attacks, begun, ended))
    process.start()
    try:
        if not begun.wait(60):
            raise AssertionError("the clients of the flood could not connect")
        yield
    finally:
        ended.set()
        process.join(10)
        process.kill()


def _attack(
    port: int, attacks: list[Attack], begun: "multiprocessing.synchronize.Event", ended: "multiprocessing.synchronize.Event"
) -> None:
    clients: list[tuple[Attack, socket.socket]] = []
    opened: Counter[str] = Counter()
    while not ended.is_set():
        clients = [(attack, client) for attack, client in clients if _goes_on(attack, client)]
        numbers = Counter(attack.address for attack, _ in clients)
        for attack in attacks:
            for _ in range(attack.count - numbers[attack.address]):
                with suppress(OSError):
                    clients.append((attack, _connect(port, attack)))
                    opened[attack.address] += 1
        begun.set()
        ended.wait(PAUSE)
    say(", ".join(f"{attack.address}: {opened[attack.address]:,} connections for {attack.count:,}" for attack in attacks))


def _connect(port: int, attack: Attack) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(5)
    client.bind((attack.address, 0))
    client.connect(("127.0.0.1", port))
    client.sendall(attack.request)
    return client


def _goes_on(attack: Attack, client: socket.socket) -> bool:
    """Sends one more byte if it drips. Closes it and returns False if the server has ended it, or refused its request."""
    try:
        poll = select.poll()
        poll.register(client, select.POLLRDHUP)
        if poll.poll(0):
            raise ConnectionResetError
        if attack.drips:
            client.send(b"a")
    except OSError:
        client.close()
        return False
    return True
