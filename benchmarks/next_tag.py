"""`GET /next-asset-tag` with a token, compared with a bare Flask route on the same server."""

import http.client
import multiprocessing
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from benchmarks import servers
from benchmarks.report import SHARE, Row, say

TARGET = 0.15
ROUNDS, SECONDS, CONNECTIONS = 7, 2, 8
PATH = "/next-asset-tag"


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as folder, servers.program(Path(folder, "ours")) as ours, servers.bare(Path(folder, "bare")) as bare:
        load = _by_wrk if shutil.which("wrk") else _by_processes
        both = {"bare": bare, "ours": ours}
        rates: dict[str, list[float]] = {name: [] for name in both}
        for served in both.values():
            load(served, 1)
        for number in range(ROUNDS):
            for name in list(both) if number % 2 else reversed(both):
                rates[name].append(load(both[name], SECONDS))
            say(f"round {number + 1} of {ROUNDS}: {rates['ours'][-1]:,.0f}/s vs. {rates['bare'][-1]:,.0f}/s")
    ratios = [ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True)]
    now, most = (statistics.median(rates[name]) for name in ("ours", "bare"))
    detail = (
        f"{now:,.0f} requests/s vs. {most:,.0f}; {CONNECTIONS} connections, SQLite, a personal token; "
        f"median of {ROUNDS} rounds ({min(ratios):.0%} to {max(ratios):.0%})"
    )
    yield Row("GET /next-asset-tag, vs. a bare Flask route", statistics.median(ratios), TARGET, SHARE, detail)


def _by_wrk(served: servers.Served, seconds: int) -> float:
    """Requests per second."""
    headers = [part for name, value in served.headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *headers, f"{served.url}{PATH}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if found is None or "Non-2xx" in out or "Socket errors" in out:
        raise AssertionError(f"the server did not answer correctly:\n{out}")
    return float(found.group(1))


def _by_processes(served: servers.Served, seconds: int) -> float:
    """Without wrk: one process per connection, which needs more CPU time."""
    with multiprocessing.get_context("spawn").Pool(CONNECTIONS) as pool:
        pool.map(_ready, range(CONNECTIONS * 4))
        return sum(pool.starmap(_ask, [(served.url, served.headers, seconds)] * CONNECTIONS, chunksize=1))


def _ready(_number: int) -> None:
    time.sleep(0.02)


def _ask(url: str, headers: dict[str, str], seconds: int) -> float:
    """Requests per second over one persistent connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    count, started = 0, time.monotonic()
    while time.monotonic() < started + seconds:
        connection.request("GET", PATH, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise AssertionError(f"the server answered {answer.status}")
        count += 1
    connection.close()
    return count / (time.monotonic() - started)
