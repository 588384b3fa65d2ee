"""Load on one address of a server, and how fast it is answered."""

import http.client
import itertools
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from benchmarks.servers import Served  # the clients need not import the program

CONNECTIONS = 8
WAIT = 30
"""Seconds until a response counts as missing."""
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    rate: float
    """Requests per second."""
    p99: float
    """Seconds within which 99 % of the requests were answered."""


def apply_load(served: "Served", path: str, seconds: int) -> Load:
    """Raises AssertionError for any response but 200. A missing response counts as one that took `WAIT`."""
    return (_by_wrk if shutil.which("wrk") else _by_processes)(served, path, seconds)


def post_load(served: "Served", path: str, seconds: int, bodies: Sequence[object]) -> Load:
    """The same with POST: each connection sends the bodies as JSON, one after another, again and again. They begin with
    different ones."""
    return _by_processes(served, path, seconds, bodies)


def _by_wrk(served: "Served", path: str, seconds: int) -> Load:
    headers = [part for name, value in served.headers.items() for part in ("-H", f"{name}: {value}")]
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"--timeout={WAIT}s", "--latency"]
    command = ["wrk", *options, *headers, f"{served.url}{path}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 2 * WAIT).stdout
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", out), re.search(r"99%\s+([\d.]+)(us|ms|s|m)", out)
    if rate is None or p99 is None or "Non-2xx" in out or re.search("Socket errors: (?!connect 0, read 0, write 0)", out):
        raise AssertionError(f"the server did not answer correctly:\n{out}")
    return Load(float(rate[1]), float(p99[1]) * UNITS[p99[2]])


def _by_processes(served: "Served", path: str, seconds: int, bodies: Sequence[object] = ()) -> Load:
    """Without wrk: one process per connection, which needs more CPU time."""
    clients = [
        subprocess.Popen([sys.executable, "-m", "benchmarks.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(CONNECTIONS)
    ]
    for client in clients:
        if client.stdout is None or client.stdout.readline() != "ready\n":
            raise AssertionError("a client did not start")
    for number, client in enumerate(clients):
        first = number * len(bodies) // CONNECTIONS
        if client.stdin is not None:
            client.stdin.write(json.dumps([served.url, path, served.headers, seconds, [*bodies[first:], *bodies[:first]]]))
            client.stdin.close()
    outputs = [client.stdout.read() if client.stdout else "" for client in clients]
    if any(client.wait(WAIT) for client in clients):
        raise AssertionError("the server did not answer correctly")
    times = [one for output in outputs for one in json.loads(output)]
    return Load(len(times) / seconds, statistics.quantiles(times, n=100)[98] if len(times) > 1 else float(WAIT))


def _ask(url: str, path: str, headers: dict[str, str], seconds: int, bodies: Sequence[object]) -> list[float]:
    """The seconds that each response took, over one persistent connection."""
    contents = itertools.cycle([json.dumps(body).encode() for body in bodies] or [None])
    method, headers = ("POST", {**headers, "Content-Type": "application/json"}) if bodies else ("GET", headers)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=WAIT)
    times, started = [], time.monotonic()
    while (begun := time.monotonic()) < started + seconds:
        try:
            connection.request(method, path, next(contents), headers)
            answer = connection.getresponse()
            answer.read()
        except TimeoutError:
            times.append(float(WAIT))
            break
        if answer.status != 200:
            raise AssertionError(f"the server answered {answer.status}")
        times.append(time.monotonic() - begun)
    connection.close()
    return times


if __name__ == "__main__":
    print("ready", flush=True)
    print(json.dumps(_ask(*json.load(sys.stdin))))
