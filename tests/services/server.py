"""The program itself, as people run it: `rtutils serve` in processes of its own, which know nothing but the settings given."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import requests

from tests.services import loaded_program
from tests.services.loaded_program import CHECKOUT, Command

PROGRAM = (sys.executable, "-m", "request_tracker_utils.cli")
READY_WITHIN = 60.0
"""Seconds. A loaded machine takes ten."""
STOPS_WITHIN = 40.0


class ServerFailed(Exception):
    """It did not start, or did not end when told to; the text ends with the last lines of its log."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def environment(settings: dict[str, str]) -> dict[str, str]:
    """The machine's bare essentials, and the settings: nothing that the person who runs the tests has set."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"} | {name.upper(): value for name, value in settings.items()}


def start_program(
    arguments: Sequence[str],
    *,
    settings: dict[str, str],
    program: Sequence[str] | None,
    cwd: Path,
    stdin: IO[bytes],
    stdout: IO[bytes],
    stderr: IO[bytes],
) -> subprocess.Popen[bytes] | Command:
    """In a session of its own. Without a program, it is a fork of ours that is already loaded."""
    environ = environment(settings)
    if program is None:
        return loaded_program.start(arguments, environ=environ, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr)
    return subprocess.Popen([*program, *arguments], env=environ, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)


def run_program(
    *arguments: str, settings: dict[str, str], program: Sequence[str] | None = None, cwd: Path = CHECKOUT, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs a command of the program to its end. Raises TimeoutExpired after a minute."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        stdin.write(typed.encode())
        stdin.seek(0)
        process = start_program(arguments, settings=settings, program=program, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        output, errors = (_text(file) for file in (stdout, stderr))
    return subprocess.CompletedProcess(arguments, code, output, errors)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


class RunningServer:
    """Starts on construction and answers when the constructor returns. Its data are in `folder`, unless settings (in small letters)
    say otherwise. `start` begins it anew after `stop` or `kill`, at the same address.
    """

    def __init__(self, folder: Path, *, program: Sequence[str] | None = None, cwd: Path = CHECKOUT, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.program, self.cwd = folder, program, cwd
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {"instance_path": str(folder / "instance"), "port": str(self.port), **settings}
        self._log = folder / f"server-{self.port}.log"
        self._log_length = 0
        self._process: subprocess.Popen[bytes] | Command | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Of the first process, which is also the number of the group."""
        if self._process is None:
            raise ServerFailed("It does not run.")
        return self._process.pid

    def start(self) -> None:
        self.launch()
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def launch(self) -> None:
        """Starts it without waiting for its first answer."""
        with self._log.open("ab") as log, open(os.devnull, "rb") as nothing:
            self._log_length = log.tell()
            self._process = start_program(
                ["serve"], settings=self.settings, program=self.program, cwd=self.cwd, stdin=nothing, stdout=log, stderr=log
            )

    def stop(self) -> float:
        """Asks it to end, as a service manager does, and returns how many seconds it took. Raises ServerFailed unless all its
        processes have ended, with exit code 0."""
        process, begun = self._taken(), time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._end(process)
            raise ServerFailed(f"It had not ended {STOPS_WITHIN:.0f} s after SIGTERM.\n{self._tail()}") from None
        seconds = time.monotonic() - begun
        if self._group_remains(process.pid):
            self._end(process)
            raise ServerFailed(f"Processes were left behind.\n{self._tail()}")
        if code:
            raise ServerFailed(f"It ended with exit code {code}.\n{self._tail()}")
        return seconds

    def kill(self) -> None:
        """Ends all its processes at once, as a power failure does. Does nothing when it does not run."""
        if self._process is not None:
            self._end(self._taken())

    def log(self) -> str:
        """Everything that it wrote to its output and error output since it was constructed."""
        return self._log.read_text(errors="replace")

    def log_since_start(self) -> str:
        return self._log.read_bytes()[self._log_length :].decode(errors="replace")

    def run(self, *arguments: str, typed: str = "") -> str:
        """Another command of the program with the same settings; returns its output. Raises ServerFailed when it fails."""
        done = run_program(*arguments, settings=self.settings, program=self.program, cwd=self.cwd, typed=typed)
        if done.returncode:
            raise ServerFailed(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def _taken(self) -> subprocess.Popen[bytes] | Command:
        process, self._process = self._process, None
        if process is None:
            raise ServerFailed("It does not run.")
        return process

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise ServerFailed(f"It ended at once.\n{self._tail()}")
            with contextlib.suppress(requests.RequestException), requests.Session() as session:
                session.trust_env = False
                # The port is open before anybody serves it, so the answer is waited for, not the connection.
                if session.get(f"{self.url}/sign-in", timeout=20).ok:
                    return
            time.sleep(0.05)
        raise ServerFailed(f"It did not answer within {READY_WITHIN:.0f} s.\n{self._tail()}")

    def _end(self, process: subprocess.Popen[bytes] | Command) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def _group_remains(self, group: int) -> bool:
        """Whether processes are left; those that ended are counted until the system has cleared them away."""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return False
            time.sleep(0.05)
        return True

    def _tail(self) -> str:
        return self.log()[-3000:]
