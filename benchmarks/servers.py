"""Servers of a measure: this program as it is installed, in processes of its own, on loopback, ended when the measure is over."""

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
BARE = ("benchmarks.bare",)


class NotServing(Exception):
    """It did not start; the text ends with the last lines that it wrote."""


@dataclass(frozen=True)
class Served:
    url: str
    headers: dict[str, str]
    """With the token of an administrator."""
    folder: Path

    def wait_until_tags_are_given(self) -> None:
        """Request Tracker's names are taken over by a job before the first tag is given."""
        _wait_for(f"{self.url}/next-asset-tag", self.headers)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextlib.contextmanager
def program(folder: Path, settings: dict[str, str] | None = None, *, port: int = 0) -> Iterator[Served]:
    """This program, served as `rtutils serve` does it, with these settings (names in small letters) and its data in the folder."""
    port, settings = port or free_port(), settings or {}
    app = ready(make_app(folder, **settings))
    headers = token(app, "admin")
    environment = {name.upper(): value for name, value in settings.items()} | {"INSTANCE_PATH": str(folder), "PORT": str(port)}
    with _running(PROGRAM, environment, folder / "server.log", f"http://127.0.0.1:{port}/sign-in"):
        yield Served(f"http://127.0.0.1:{port}", headers, folder)


@contextlib.contextmanager
def bare(folder: Path) -> Iterator[Served]:
    """One route of a bare Flask app, on the server that the program uses."""
    port = free_port()
    environment = {"INSTANCE_PATH": str(folder), "PORT": str(port), "SCHEDULER": "false"}
    with _running(BARE, environment, folder / "server.log", f"http://127.0.0.1:{port}/next-asset-tag"):
        yield Served(f"http://127.0.0.1:{port}", {}, folder)


@contextlib.contextmanager
def _running(module: tuple[str, ...], settings: dict[str, str], log: Path, page: str) -> Iterator[None]:
    kept = {name: value for name in ("PATH", "HOME", "LANG", "TMPDIR") if (value := os.environ.get(name))}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            env=kept | {"LOG_LEVEL": "WARNING"} | settings,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        _wait_for(page, {}, process, log)
        yield
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
    raise NotServing(f"{page} does not answer.\n{log.read_text(errors='replace')[-2000:] if log else ''}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """The process, which ends its workers; and after a while whatever of its own group is left."""
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
