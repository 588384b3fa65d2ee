"""The processes that read terminals are killed, get stuck, or lose their server. People can punch again all the same."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from request_tracker_utils.attendance.errors import TerminalProcessEnded, TerminalTimedOut
from request_tracker_utils.attendance.reading import Layout, Log, TerminalReader
from tests.services.attendance_logs import expected, punches, target, terminal_with
from tests.services.attendance_network import AttendanceNetwork
from tests.services.attendance_terminal import EXIT, PREPARE_BUFFER, READ_BUFFER, SimulatedTerminal

DEADLINE = 60.0


def read(reader: TerminalReader, terminal: SimulatedTerminal) -> Log:
    log = reader.read(target(terminal), deadline=DEADLINE).log
    assert log is not None
    return log


def children(reader: TerminalReader) -> list[int]:
    """The processes that read terminals now."""
    process = reader._processes._process
    assert process is not None
    return [int(child) for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()]


def test_a_process_killed_at_any_step_leaves_the_terminal_enabled(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(2000, comm_key=5))
    read(reader, terminal)
    steps = len(terminal.commands)
    assert steps > 10
    for step in range(1, steps + 1):
        terminal.commands.clear()

        def kill(_command: int, step: int = step) -> None:
            if len(terminal.commands) == step:
                for child in children(reader):
                    os.kill(child, signal.SIGKILL)

        terminal.on_command = kill
        with pytest.raises(TerminalProcessEnded):
            reader.read(target(terminal), deadline=DEADLINE)
        assert terminal.enabled, step
    terminal.on_command = None
    assert list(read(reader, terminal).records) == expected(punches(2000), Layout.BYTES_40)


def test_a_process_that_is_stuck_is_killed(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(3))

    def stop(command: int) -> None:
        if command == READ_BUFFER:
            terminal.on_command = None
            for child in children(reader):
                os.kill(child, signal.SIGSTOP)

    terminal.log *= 100
    terminal.on_command = stop
    with pytest.raises(TerminalTimedOut) as caught:
        reader.read(target(terminal), deadline=1)
    assert caught.value.fields == {}
    assert terminal.enabled


def test_a_server_killed_in_the_middle_leaves_the_terminal_enabled(network: AttendanceNetwork) -> None:
    terminal = network.add(terminal_with(2000))
    started, finished = threading.Event(), threading.Event()

    def on_command(command: int) -> None:
        if command == PREPARE_BUFFER and started.wait(30):
            server.kill()
        if command == EXIT:
            finished.set()

    terminal.on_command = on_command
    program = (
        "import sys; from request_tracker_utils.attendance.reading import Target, TerminalReader;"
        "TerminalReader().read(Target('127.0.0.1', int(sys.argv[1])), deadline=60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(terminal.port)]) as server:
        started.set()
        assert server.wait(60) == -signal.SIGKILL
    assert finished.wait(60)
    assert terminal.enabled


def test_the_process_that_forks_is_started_again(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(3))
    read(reader, terminal)
    process = reader._processes._process
    assert process is not None
    process.kill()
    process.wait()
    assert read(reader, terminal).total == 3
