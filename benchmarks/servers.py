"""Servers for benchmarks: the program or a bare app, in its own processes on loopback."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.services.apps import make_app, ready, token

READY_WITHIN = 60.0
ROOT = Path(__file__).parents[1]
PROGRAM = ("request_tracker_utils.cli", "serve")
BARE = ("benchmarks.bare_app",)
NOTIFYING = ("benchmarks.notifying_app",)


class NotServing(Exception):
    """The server did not start. The message ends with its last output."""


@dataclass(frozen=True)
class Served:
    url: str
    headers: dict[str, str]
    """The Authorization header of an administrator."""
    folder: Path
    pid: int

    def worker_pids(self) -> list[int]:
        """Of the processes that answer requests."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def wait_until_tags_are_adopted(self) -> None:
        """Before the first tag is assigned, a job adopts the names in Request Tracker."""
        _wait_for(f"{self.url}/next-asset-tag", self.headers)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextlib.contextmanager
def program(folder: Path, settings: dict[str, str] | None = None, *, port: int = 0, module: tuple[str, ...] = PROGRAM) -> Iterator[Served]:
    """The program, started with `rtutils serve`, with these settings (lowercase names) and its data in `folder`."""
    port, settings = port or free_port(), settings or {}
    app = ready(make_app(folder, **settings))
    headers = token(app, "admin")
    environment = {name.upper(): value for name, value in settings.items()} | {"INSTANCE_PATH": str(folder), "PORT": str(port)}
    with _running(module, environment, folder / "server.log", f"http://127.0.0.1:{port}/sign-in") as pid:
        yield Served(f"http://127.0.0.1:{port}", headers, folder, pid)


@contextlib.contextmanager
def bare(folder: Path) -> Iterator[Served]:
    """A bare Flask app with one route, on the same server as the program."""
    port = free_port()
    environment = {"INSTANCE_PATH": str(folder), "PORT": str(port), "SCHEDULER": "false"}
    with _running(BARE, environment, folder / "server.log", f"http://127.0.0.1:{port}/next-asset-tag") as pid:
        yield Served(f"http://127.0.0.1:{port}", {}, folder, pid)


@contextlib.contextmanager
def _running(module: tuple[str, ...], settings: dict[str, str], log: Path, page: str) -> Iterator[int]:
    """Yields the id of the process."""
    inherited = {name: value for name in ("PATH", "HOME", "LANG", "TMPDIR") if (value := os.environ.get(name))}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            env=inherited | {"LOG_LEVEL": "WARNING"} | settings,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        _wait_for(page, {}, process, log)
        yield process.pid
    finally:
        _end(process)


def _wait_for(page: str, headers: dict[str, str], process: "subprocess.Popen[bytes] | None" = None, log: Path | None = None) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        with contextlib.suppress(requests.RequestException), requests.Session() as session:
            session.trust_env = False
            if session.get(page, headers=headers, timeout=5).ok:
                return
        time.sleep(0.1)
    raise NotServing(f"{page} did not answer.\n{log.read_text(errors='replace')[-2000:] if log else ''}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Stops the process and its workers. Kills what is left of its process group after 15 seconds."""
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
