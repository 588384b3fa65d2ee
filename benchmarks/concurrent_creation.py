"""Eight clients create fifty assets each while a real Request Tracker fails often: the number of errors after recovery."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import databases
from benchmarks.report import COUNT, Row, say
from tests.services.crowd import PATIENCE, BadDay, Crowd
from tests.services.installation import Installation, Surroundings
from tests.services.local_server import wait_until
from tests.services.proxy import Proxy
from tests.services.request_tracker import NOT_INSTALLED, RequestTracker

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

CLIENTS, EACH = 8, 50
TITLE = f"Wrong tags, serial numbers and responses for {CLIENTS} clients × {EACH} assets while RT fails"
NOT_RUN = [Row(f"{TITLE}, {name}", None, 0, COUNT, f"not run: {NOT_INSTALLED}", at_least=False) for name in ("SQLite", "PostgreSQL")]


def measure() -> Iterator[Row]:
    for row, (_, server) in zip(NOT_RUN, databases.both(), strict=True):
        yield _of(row, server)


def _of(row: Row, server: "SQLite | PostgreSQL") -> Row:
    with (
        TemporaryDirectory() as name,
        server.fresh() as url,
        RequestTracker(Path(name) / "rt", workers=6) as rt,
        Proxy() as hook,
        Proxy(rt.url) as proxy,
    ):
        settings = {"rt_url": proxy.url, "rt_token": rt.token, "rt_timeout": str(PATIENCE)}
        installation = Installation(Path(name) / "ours", url, "W12-", settings)
        try:
            wait_until(lambda: installation.call("GET", "/next-asset-tag").ok)
            Surroundings(rt, hook, proxy).tells(installation.server.url)
            crowd, day = Crowd(installation, CLIENTS, EACH), BadDay(seed=1)
            with proxy.meddling(day):
                crowd.create(tries=2)
            left_open = crowd.unanswered()
            crowd.settle()
            wrongs = crowd.wrongs(rt)
        finally:
            installation.close()
    for wrong in wrongs:
        say(wrong)
    bad = day.fates.total() - day.fates["as it should"]
    detail = f"{bad} of {day.fates.total()} responses of RT failed; {left_open} of {CLIENTS * EACH} assets were unknown until recovered"
    return replace(row, value=len(wrongs), detail=detail)
