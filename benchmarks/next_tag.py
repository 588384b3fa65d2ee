"""`GET /next-asset-tag` with a token, compared with a bare Flask route on the same server."""

import statistics
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import servers
from benchmarks.load import CONNECTIONS, apply_load
from benchmarks.report import SHARE, Row, say

TARGET = 0.15
ROUNDS, SECONDS = 7, 2
PATH = "/next-asset-tag"


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as folder, servers.program(Path(folder, "ours")) as ours, servers.bare(Path(folder, "bare")) as bare:
        both = {"bare": bare, "ours": ours}
        rates: dict[str, list[float]] = {name: [] for name in both}
        for served in both.values():
            apply_load(served, PATH, 1)
        for number in range(ROUNDS):
            for name in list(both) if number % 2 else reversed(both):
                rates[name].append(apply_load(both[name], PATH, SECONDS).rate)
            say(f"round {number + 1} of {ROUNDS}: {rates['ours'][-1]:,.0f}/s vs. {rates['bare'][-1]:,.0f}/s")
    ratios = [ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True)]
    now, most = (statistics.median(rates[name]) for name in ("ours", "bare"))
    detail = (
        f"{now:,.0f} requests/s vs. {most:,.0f}; {CONNECTIONS} connections, SQLite, a personal token; "
        f"median of {ROUNDS} rounds ({min(ratios):.0%} to {max(ratios):.0%})"
    )
    yield Row("GET /next-asset-tag, vs. a bare Flask route", statistics.median(ratios), TARGET, SHARE, detail)
