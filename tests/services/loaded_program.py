"""The program, loaded once and then forked for each command: to load it takes longer than most of what tests do with it.

A process of its own loads it, with nothing of the settings of whoever runs the tests. For each command it forks a parent, which forks the
command, waits for its end and reports the exit code, so that no test process has to clear away processes that are not its children.
"""

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO

CHECKOUT = Path(__file__).parents[2]
MESSAGE_SIZE = 1 << 20


class Command:
    """A command that runs, in a session of its own; what tests need of `subprocess.Popen`."""

    def __init__(self, arguments: Sequence[str], line: socket.socket) -> None:
        self._arguments, self._line = arguments, line
        self.pid = self._number(None)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._line], [], [], 0)[0]:
            self.returncode = self._number(None)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._number(timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _number(self, timeout: float | None) -> int:
        self._line.settimeout(timeout)
        try:
            received = self._line.recv(100)
        except TimeoutError:
            raise subprocess.TimeoutExpired(list(self._arguments), timeout or 0) from None
        if not received:
            raise RuntimeError("The process that loaded the program has ended.")
        return int(received)


def start(
    arguments: Sequence[str], *, environ: dict[str, str], cwd: Path, stdin: IO[bytes], stdout: IO[bytes], stderr: IO[bytes]
) -> Command:
    """Runs `rtutils` with these arguments and exactly this environment."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        job = json.dumps({"arguments": list(arguments), "environ": environ, "cwd": str(cwd)}).encode()
        socket.send_fds(_loader(os.getpid()), [job], [theirs.fileno(), stdin.fileno(), stdout.fileno(), stderr.fileno()])
    return Command(arguments, ours)


@cache
def _loader(_of_process: int) -> socket.socket:
    """The way to the process that loads the program. It ends with the test process: nobody else has the other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_SIZE)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", "tests.services.loaded_program", str(theirs.fileno())],
            env=kept | {"LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=CHECKOUT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    return ours


def _serve(control: socket.socket) -> None:
    """Forks a process for each command until the other end is closed. Returns in the process of each command as well, after it."""
    import request_tracker_utils.cli
    import request_tracker_utils.server  # noqa: F401

    gc.collect()
    gc.freeze()  # the forked processes share the memory longer
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended ones are cleared away by the system
    while True:
        received, files, _flags, _address = socket.recv_fds(control, MESSAGE_SIZE, 4)
        if not received:
            return
        if not os.fork():
            control.close()
            _run(json.loads(received), *files)
            return
        for file in files:
            os.close(file)


def _run(job: dict[str, object], line_number: int, *streams: int) -> None:
    line = socket.socket(fileno=line_number)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.setsid()
    line.send(str(os.getpid()).encode())
    line.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(job["environ"])  # type: ignore[call-overload]
    time.tzset()
    os.chdir(str(job["cwd"]))
    sys.argv = ["rtutils", *job["arguments"]]  # type: ignore[misc]
    from request_tracker_utils.cli import main

    main(prog_name="rtutils")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
