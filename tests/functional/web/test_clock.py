"""The machine's clock is set back while the program runs, with browsers signed in and jobs scheduled."""

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.services.apps import PASSWORD
from tests.services.server import PROGRAM, RunningServer

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
FORM = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class FakeClock:
    """A program whose clock can be set, but not its monotonic clock."""

    def __init__(self, folder: Path) -> None:
        if LIBRARY is None:
            pytest.skip("faketime is not installed: run `make services`")
        self._file = folder / "clock"
        self.set_to("+0")
        self.settings = {
            "ld_preload": str(LIBRARY),
            "faketime_timestamp_file": str(self._file),
            "faketime_no_cache": "1",
            "dont_fake_monotonic": "1",
            "faketime_dont_fake_monotonic": "1",
            "no_fake_stat": "1",
        }

    def set_to(self, offset: str) -> None:
        self._file.write_text(f"{offset}\n")


@pytest.fixture
def clock(tmp_path: Path) -> FakeClock:
    return FakeClock(tmp_path)


@pytest.fixture
def server(tmp_path: Path, clock: FakeClock) -> Iterator[RunningServer]:
    with RunningServer(tmp_path, program=PROGRAM, workers="1", **clock.settings) as running:  # the library is loaded with a new process
        running.run("users", "create", "ada", "--role", "staff", "--password-stdin", typed=PASSWORD)
        yield running


def attempt(browser: requests.Session, server: RunningServer, password: str) -> int:
    page = browser.get(f"{server.url}/sign-in", timeout=20)
    found = FORM.search(page.text)
    assert found is not None
    form = {"name": "ada", "password": password, "csrf_token": found.group(1)}
    return browser.post(f"{server.url}/sign-in", data=form, allow_redirects=False, timeout=20).status_code


def newest_runs(server: RunningServer) -> dict[str, int]:
    file = server.folder / "instance" / "database.sqlite"
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT job, max(id) FROM job_runs GROUP BY job"))


def test_a_clock_that_is_set_back_three_hours_stops_nothing(server: RunningServer, clock: FakeClock) -> None:
    signed_in, guesser = requests.Session(), requests.Session()
    assert attempt(signed_in, server, PASSWORD) == 303
    statuses = [attempt(guesser, server, "wrong") for _ in range(12)]
    assert statuses[-1] == 429
    before = newest_runs(server)
    assert "run-tasks" in before

    clock.set_to("-3h")
    begun = time.monotonic()
    assert signed_in.get(f"{server.url}/me", allow_redirects=False, timeout=20).status_code == 200
    assert attempt(requests.Session(), server, PASSWORD) == 303  # at once, with the old failures in the future
    assert attempt(guesser, server, PASSWORD) == 303  # the form's own cookie is from the future too
    while newest_runs(server).get("run-tasks") == before["run-tasks"]:
        assert time.monotonic() - begun < 30, "the schedule waits for the old time"
        time.sleep(0.2)
    clock.set_to("+0")
    assert signed_in.get(f"{server.url}/me", allow_redirects=False, timeout=20).status_code == 200
