"""Jobs for terminals, each in a child process: a terminal may block a process, but no thread of this program beyond its deadline."""

import importlib.util
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from request_tracker_utils.attendance.errors import (
    TerminalCutConnection,
    TerminalError,
    TerminalInvalidAnswer,
    TerminalProcessEnded,
    TerminalRefused,
    TerminalsNotInstalled,
    TerminalTimedOut,
    TerminalUnreachable,
    WrongCommKey,
)
from request_tracker_utils.core.translation import gettext as _

_PROGRAM = Path(__file__).with_name("terminal_process.py")
_ENABLE_SECONDS = 2.0  # what is left of a job's time for enabling the terminal after a failure
_GRACE = 0.25  # a child ends itself at its deadline; one that was stopped is killed this much later


@dataclass(frozen=True)
class Answer:
    """What a child answered: values, and tables as the terminal sent them."""

    values: dict[str, Any]
    tables: list[bytearray] = field(default_factory=list)


class JobProcesses:
    """One process that has imported pyzk and forks a child per job. It starts at the first job, and ends with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0

    def run(self, job: dict[str, Any], seconds: float) -> Answer:
        """Do a job within its time, or raise the TerminalError that says why it failed."""
        ends = time.monotonic() + seconds
        # A read disables the terminal, so a part of its time is for enabling it again.
        work_ends = ends - min(_ENABLE_SECONDS if job["action"] == "read" else 0.1, seconds / 4)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._hand_over(theirs)
            try:
                return self._answer(ours, job | {"deadline": work_ends, "killed_at": ends}, ends)
            except (EOFError, OSError):
                late = time.monotonic() >= ends
        # The child was killed and could not enable the terminal.
        fields = {"left_disabled": True} if job["action"] == "read" and not self._enable(job) else {}
        if late:
            raise TerminalTimedOut(_("The terminal was not read within %(seconds)s seconds.", seconds=f"{seconds:g}"), **fields)
        raise TerminalProcessEnded(_("The process that read the terminal ended unexpectedly. Try again."), **fields)

    def close(self) -> None:
        """End the process. Children finish their jobs, so that they enable their terminals."""
        with self._lock:
            self._stop()

    def _enable(self, job: dict[str, Any]) -> bool:
        try:
            return not self.run(job | {"action": "enable"}, _ENABLE_SECONDS).values["left_disabled"]
        except TerminalError:
            return False

    def _answer(self, connection: socket.socket, job: dict[str, Any], ends: float) -> Answer:
        connection.sendall(json.dumps(job).encode() + b"\n")
        connection.settimeout(max(ends - time.monotonic(), 0) + _GRACE)
        with connection.makefile("rb") as incoming:
            child = int(_line(incoming))
            try:
                values = json.loads(_line(incoming))
                tables = [bytearray(length) for length in values.pop("lengths")]
                for table in tables:
                    if incoming.readinto(table) != len(table):
                        raise EOFError
            except TimeoutError:
                os.kill(child, signal.SIGKILL)  # it has its end of the connection, so the ID is still its own
                raise
        if "error" in values:
            raise _error(values)
        return Answer(values, tables)

    def _hand_over(self, connection: socket.socket) -> None:
        """Let the process fork a child for this connection; a process that has died is started again."""
        with self._lock:
            for _try in range(2):
                with suppress(BrokenPipeError, ConnectionResetError):
                    socket.send_fds(self._running(), [b"\0"], [connection.fileno()])
                    return
                self._stop()
        raise TerminalProcessEnded(_("The process that reads terminals does not start. Look at the log of the server."))

    def _running(self) -> socket.socket:
        if self._control and self._owner == os.getpid():
            return self._control
        if importlib.util.find_spec("zk") is None:
            raise TerminalsNotInstalled(_("The package pyzk, which reads terminals, is not installed. Install the extra “terminals”."))
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 — our own file
                [sys.executable, "-I", str(_PROGRAM)], stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env={}, cwd="/"
            )
        self._control, self._owner = ours, os.getpid()
        return ours

    def _stop(self) -> None:
        if self._control:
            self._control.close()
        if self._process and self._owner == os.getpid():
            self._process.wait()
        self._process = self._control = None


def _line(incoming: io.BufferedReader) -> bytes:
    line = incoming.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line


def _error(values: dict[str, Any]) -> TerminalError:
    left_disabled = {"left_disabled": True} if values.get("left_disabled") else {}
    match values["error"]:
        case "unreachable":
            return TerminalUnreachable(
                _("The terminal does not accept connections. Check its address, its port and its network."), **left_disabled
            )
        case "wrong_key":
            return WrongCommKey(
                _("The terminal rejected the communication key. Check the key in the menu of the terminal."), **left_disabled
            )
        case "timed_out":
            return TerminalTimedOut(_("The terminal did not answer in time. Check its network, or try again later."), **left_disabled)
        case "cut":
            return TerminalCutConnection(_("The terminal closed the connection in the middle of an answer. Try again."), **left_disabled)
        case "refused":
            return TerminalRefused(
                _("The terminal rejected a command. Another program may be connected to it. Try again later."), **left_disabled
            )
        case _:
            return TerminalInvalidAnswer(
                _("The answer does not come from a ZKTeco terminal, or it is damaged. Check the address."), **left_disabled
            )
