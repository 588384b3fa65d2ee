"""Two servers that poll the same terminals at the same time."""

import subprocess
import sys
from pathlib import Path

import pytest

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.core.db import reading
from tests.services.attendance import added, punches, shown
from tests.services.polling_server import RECORDS

TERMINALS = 5


@pytest.mark.both_databases
@pytest.mark.usefixtures("inside")
def test_two_servers_read_no_terminal_at_once_and_store_every_punch_once(database_url: str, tmp_path: Path) -> None:
    ids = [added(f"T{number}", f"10.0.0.{number}").id for number in range(1, 1 + TERMINALS)]
    command = [sys.executable, "-m", "tests.services.polling_server", str(tmp_path), database_url]
    servers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _server in range(2)]
    try:
        for server in servers:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
        for server in servers:
            assert server.stdin is not None
            server.stdin.write("begin\n")
            server.stdin.flush()
        outcomes = [server.communicate(timeout=120)[0].splitlines() for server in servers]
    finally:
        for server in servers:
            server.kill()
    assert [server.returncode for server in servers] == [0, 0]
    assert {"success None"} <= {*outcomes[0], *outcomes[1]} <= {"success None", "polling terminal_busy"}
    for number, terminal_id in enumerate(ids, start=1):
        records = range(RECORDS * (tmp_path / f"10.0.0.{number}").stat().st_size)
        assert shown(punches(terminal_id)) == [(str(each % 7), f"2026-03-02 08:{each // 60:02}:{each % 60:02}", 1) for each in records]
        with reading() as session:
            assert session.get_one(Terminal, terminal_id).lease_id is None
