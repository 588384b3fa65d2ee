"""A running server: many terminals push while people read lists, bodies that no test client can send, and a server that is killed."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
import requests
from flask import Flask

from request_tracker_utils.attendance.models import PushStamp, Terminal
from request_tracker_utils.core.db import db, reading, transaction
from tests.services.apps import make_app, token
from tests.services.attendance import added, punches, shown
from tests.services.attendance_push import PushingTerminal, by_http, lines
from tests.services.server import RunningServer

TERMINALS, EACH = 50, 40
"""Terminals, and the punches that each of them has."""
LINE = b"17\t2026-03-02 08:00:00\t0\t1\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[RunningServer, Flask]]:
    """A server to which terminals may push, and an app with the same data."""
    settings = {"terminal_push": "true", "scheduler": "false"}
    with RunningServer(tmp_path, **settings) as server:
        app = make_app(tmp_path / "instance", **settings)
        yield server, app
        with app.app_context():
            db.engine.dispose()


def accepted(app: Flask, server: RunningServer, *serial_numbers: str) -> list[PushingTerminal]:
    """Terminals that may push."""
    with app.app_context():
        for number, serial_number in enumerate(serial_numbers, start=1):
            found = added(serial_number, f"10.0.0.{number}")
            with transaction() as session:
                terminal = session.get_one(Terminal, found.id)
                terminal.serial_number, terminal.push_enabled = serial_number, True
    return [PushingTerminal(by_http(server.url), each, log=[*lines(EACH)], batch=4) for each in serial_numbers]


def test_fifty_terminals_push_while_people_read_lists(served: tuple[RunningServer, Flask]) -> None:
    server, app = served
    devices = accepted(app, server, *(f"PUSH{number}" for number in range(TERMINALS)))
    people, is_over = [token(app, "staff") for _ in range(4)], Event()

    def read(headers: dict[str, str]) -> set[int]:
        statuses = set()
        with requests.Session() as session:
            while not is_over.is_set():
                for path in ("/terminals/pending", "/api/students"):
                    statuses.add(session.get(server.url + path, headers=headers, timeout=30).status_code)
        return statuses

    def push(device: PushingTerminal) -> bool:
        """A busy server answers 503, and terminals send again."""
        return any(device.introduce() and device.push() for _ in range(50))

    with ThreadPoolExecutor(TERMINALS + len(people)) as pool:
        readers = [pool.submit(read, headers) for headers in people]
        assert all(pool.map(push, devices))
        is_over.set()
        assert set[int]().union(*(each.result() for each in readers)) <= {200, 503}
    assert {answer.status for device in devices for answer in device.answers} <= {200, 503}
    with app.app_context():
        expected = [tuple(line.split("\t")[:2]) for line in lines(EACH)]
        for number in range(1, TERMINALS + 1):
            assert [(each.user_id, str(each.terminal_time)) for each in punches(number)] == expected


def test_only_complete_bodies_are_stored_and_acknowledged_ones_survive(served: tuple[RunningServer, Flask]) -> None:
    server, app = served
    (device,) = accepted(app, server, "PUSH1")

    def raw(headers: bytes, body: bytes, *, path: bytes = b"cdata?SN=PUSH1&table=ATTLOG&Stamp=9", is_cut: bool = False) -> bytes:
        with closing(socket.create_connection(("127.0.0.1", server.port), 10)) as connection:
            connection.sendall(b"POST /iclock/" + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n" + body)
            if is_cut:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    for length in (b"5000", b"10000000"):
        assert b"\nOK" not in raw(b"Content-Length: " + length + b"\r\n", LINE * 3, is_cut=True)
    refused = raw(b"Content-Length: 81\r\n", LINE * 3, path=b"cdata?SN=STRANGER&table=ATTLOG")
    assert (refused.split(b" ")[1], b"\nOK" in refused) == (b"403", False)
    with app.app_context():
        assert punches() == []
    chunked = raw(b"Transfer-Encoding: chunked\r\n", b"%x\r\n" % len(LINE) + LINE + b"\r\n0\r\n\r\n")
    assert chunked.endswith(b"\r\n\r\nOK: 1")
    with app.app_context(), reading() as session:
        assert session.get(PushStamp, (1, "ATTLOG")) is None, "whether a chunked body is complete is unknown"
    assert chunked.lower().count(b"\r\ndate: ") == 1
    assert (device.introduce(), device.push()) == (True, True)
    server.kill()
    with app.app_context():
        assert shown(punches())[0] == ("17", "2026-03-02 08:00:00", 1)
        assert len(punches()) == EACH + 1
