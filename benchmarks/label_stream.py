"""A page of a thousand labels of assets in a real Request Tracker: when the first label appears, and how much memory the page needs."""

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from playwright.sync_api import Browser

from benchmarks import servers
from benchmarks.report import SHARE, TIMES, Row, say
from tests.services.apps import PASSWORD, make_app, user
from tests.services.chromium import MISSING, chromium, executable
from tests.services.request_tracker import NOT_INSTALLED, REAL, RequestTracker

LABELS, FEW, ROUNDS = 1_000, 100, 3
SOONEST, MOST_MEMORY = 0.20, 1.3
WORKERS = 4
NAME = "ada"

FIRST = Row(f"First of {LABELS:,} labels in the browser, as a share of the time to the last", None, SOONEST, SHARE, "", at_least=False)
MEMORY = Row(f"Memory for {LABELS:,} labels, vs. {FEW}", None, MOST_MEMORY, TIMES, "", at_least=False)
NOT_RUN = [replace(row, detail=f"not run: {NOT_INSTALLED}") for row in (FIRST, MEMORY)]

# Milliseconds from the request to the first label, and to the last.
WATCH = """(() => {
  const labels = document.getElementsByClassName("label");
  window.print = () => undefined;
  window.arrived = { first: 0, last: 0, count: 0 };
  new MutationObserver(() => {
    if (labels.length === arrived.count) return;
    arrived.count = labels.length;
    arrived.last = performance.now();
    arrived.first ||= arrived.last;
  }).observe(document, { childList: true, subtree: true });
})();"""


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with RequestTracker(folder / "rt", workers=WORKERS, token_cost=REAL) as rt:
            say("filling Request Tracker")
            ids = list(rt.fill(LABELS, "bench"))
            settings = {"rt_url": rt.url, "rt_token": rt.token, "scheduler": "false", "workers": "1"}
            yield _memory(folder, settings, ids)
            if executable() is None:
                yield replace(FIRST, detail=f"not run: {MISSING}")
                return
            with servers.program(folder / "browsed", settings) as ours, chromium() as browser:
                user(make_app(folder / "browsed", **settings), "admin", NAME)
                yield _first(browser, ours, ids)


def _first(browser: Browser, ours: servers.Served, ids: list[int]) -> Row:
    shares, firsts, lasts = list[float](), list[float](), list[float]()
    _ask(ours, ids[:WORKERS])  # the first requests with a token take longer
    for number in range(ROUNDS):
        first, last = _browse(browser, ours, ids)
        firsts.append(first)
        lasts.append(last)
        shares.append(first / last)
        say(f"round {number + 1} of {ROUNDS}: the first after {first:.2f} s, the last after {last:.2f} s")
    detail = (
        f"{statistics.median(firsts):.2f} s of {statistics.median(lasts):.2f} s, in Chromium, from sending the request; "
        f"median of {ROUNDS} rounds ({min(shares):.0%} to {max(shares):.0%})"
    )
    return replace(FIRST, value=statistics.median(shares), detail=detail)


def _browse(browser: Browser, ours: servers.Served, ids: list[int]) -> tuple[float, float]:
    """Seconds until the first label and until the last label were in the page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{ours.url}/sign-in?next=/labels/batch")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{ours.url}/labels/batch")
    page.add_init_script(WATCH)
    page.evaluate(
        """ids => {
            const form = document.getElementById("batch");
            form.action = form.action.replace("/choose", "");
            form.innerHTML = [...form.querySelectorAll("[name=csrf_token]")].map((field) => field.outerHTML).join("")
                + `<input name="asset_ids" value="${ids}"><input name="size" value="small">`;
            form.submit();
        }""",
        ids,
    )
    page.locator("#print").wait_for(timeout=120_000)
    arrived, notices = page.evaluate("arrived"), page.locator(".notices").all_inner_texts()
    context.close()
    if arrived["count"] != len(ids):
        raise AssertionError(f"{arrived['count']} of {len(ids)} labels arrived: {notices}")
    return arrived["first"] / 1000, arrived["last"] / 1000


def _memory(folder: Path, settings: dict[str, str], ids: list[int]) -> Row:
    """Peak memory of the worker process for all labels, compared with its peak for few."""
    most, few = (_peak(folder / f"memory-{count}", settings, ids[:count]) for count in (LABELS, FEW))
    detail = (
        f"the worker process at its peak: {most.after / 1024:.1f} MiB ({(most.after - most.before) / 1024:.1f} MiB more than for a "
        f"single label) vs. {few.after / 1024:.1f} MiB ({(few.after - few.before) / 1024:.1f} MiB more); a fresh process each"
    )
    return replace(MEMORY, value=most.after / few.after, detail=detail)


@dataclass(frozen=True)
class PeakMemory:
    """Peak physical memory in KiB, before the page (after one label) and after it."""

    before: int
    after: int


def _peak(folder: Path, settings: dict[str, str], ids: list[int]) -> PeakMemory:
    with servers.program(folder, settings) as ours:
        _ask(ours, ids[:1])
        before = max(map(_peak_of_process, _processes_of(ours)))
        _ask(ours, ids)
        after = max(map(_peak_of_process, _processes_of(ours)))
        say(f"{len(ids)} labels: {after / 1024:.1f} MiB, {before / 1024:.1f} MiB before")
        return PeakMemory(before, after)


def _ask(ours: servers.Served, ids: list[int]) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{ours.url}/labels/batch", json={"asset_ids": ids, "size": "small"}, headers=ours.headers, timeout=300)
    found = answer.text.count('class="label"')
    if answer.status_code != 200 or found != len(ids):
        raise AssertionError(f"{answer.status_code}: {found} labels of {len(ids)}: {answer.text[:500]}")


def _processes_of(ours: servers.Served) -> list[int]:
    """Every process whose instance folder this is: the server and its workers."""
    mark = f"INSTANCE_PATH={ours.folder}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes() + b"\0":
                found.append(int(process.name))
        except OSError:
            continue  # the process has ended, or belongs to another user
    return found


def _peak_of_process(pid: int) -> int:
    """Peak physical memory of the process in KiB."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found.group(1)) if found else 0
