"""The webhook that a real Request Tracker calls inside its transaction: the assets are tagged, and how long Request Tracker waits."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import servers
from benchmarks.report import SHARE, Row, say
from tests.services.apps import WEBHOOK_TOKEN
from tests.services.request_tracker import NOT_INSTALLED, REAL, RequestTracker, Webhook

TARGET = 0.10
CLIENTS, EACH = 4, 25
WARM = 2
"""Assets that each client creates before the measurement."""
PLUGINS = Path(__file__).parent / "rt"

PART = Row(
    "The webhook, as a share of the time in which RT creates an asset", None, TARGET, SHARE, f"not run: {NOT_INSTALLED}", at_least=False
)
NOT_RUN = [PART]


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as name:
        folder, port = Path(name), servers.free_port()
        times = folder / "times"
        times.touch()
        _configure_times(folder / "rt", times)
        webhook = Webhook(f"http://127.0.0.1:{port}/webhook/asset-created", WEBHOOK_TOKEN, stage="inside")
        with RequestTracker(folder / "rt", workers=CLIENTS + 1, webhook=webhook, token_cost=REAL) as rt:
            settings = {"rt_url": rt.url, "rt_token": rt.token, "webhook_token": WEBHOOK_TOKEN}
            with servers.program(folder / "ours", settings, port=port) as ours:
                ours.wait_until_tags_are_adopted()
                yield _of(rt, times)


def _of(rt: RequestTracker, times: Path) -> Row:
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda number: _create(rt, f"warm {number}", WARM), range(CLIENTS)))
        created = [each for some in clients.map(lambda number: _create(rt, f"laptop {number}", EACH), range(CLIENTS)) for each in some]
    seconds = dict(created)
    say(f"{len(seconds)} assets created")
    names = rt.all_assets()
    tags = [names[asset_id] for asset_id in seconds]
    if not all(tag.startswith("W12-") for tag in tags) or len(set(tags)) != CLIENTS * EACH:
        raise AssertionError(f"an asset has no tag, or two have the same: {sorted(tags)}")
    waited, inside = _times(times, "webhook"), _times(times, "create")
    mine = [waited[asset_id] for asset_id in seconds]
    value = sum(mine) / sum(seconds.values())
    within = sum(mine) / sum(inside[asset_id] for asset_id in seconds)
    detail = (
        f"the call takes {statistics.median(mine) * 1000:.0f} ms of {statistics.median(seconds.values()) * 1000:.0f} ms (medians), "
        f"{within:.0%} of RT's own Create without HTTP and authentication; {CLIENTS} clients × {EACH} assets, each with its own tag"
    )
    return replace(PART, value=value, detail=detail)


def _create(rt: RequestTracker, name: str, count: int) -> list[tuple[int, float]]:
    """The ID of each asset, and the seconds until Request Tracker responded."""
    done = []
    for number in range(count):
        started = time.perf_counter()
        asset_id = rt.create_asset(f"{name} {number}")
        done.append((asset_id, time.perf_counter() - started))
    return done


def _times(file: Path, what: str) -> dict[int, float]:
    lines = (line.split() for line in file.read_text().splitlines())
    return {int(asset_id): float(seconds) for kind, asset_id, seconds in lines if kind == what}


def _configure_times(folder: Path, file: Path) -> None:
    """Adds a configuration file to the folder that Request Tracker reads."""
    (folder / "conf.d").mkdir(parents=True)
    text = f"$RT::PluginPath = '{PLUGINS}';\nPlugin('RT::Extension::WebhookTimes');\nSet($WebhookTimesFile, '{file}');\n1;\n"
    (folder / "conf.d" / "times.pm").write_text(text)
