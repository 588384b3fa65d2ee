"""Somebody at the scan station, with a scanner, in a real browser."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.functional.assets.creation_page.scanning import AWAY, Server
from tests.services.apps import PASSWORD
from tests.services.chromium import watched
from tests.services.server import RunningServer

RECORDER = """
  const play = window.AudioContext && AudioContext.prototype.createOscillator;
  window.tones_heard = [];
  AudioContext.prototype.createOscillator = function () {
    const tone = play.call(this);
    queueMicrotask(() => window.tones_heard.push(tone.type));
    return tone;
  };
"""


@contextmanager
def opened(browser: Browser, server: Server | RunningServer, *, name: str = "staff", **settings: Any) -> Iterator[Page]:
    """The station, for somebody who is signed in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/sign-in?next=/students/scan")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Scan station")).to_be_visible()
    kept = context.storage_state()
    context.close()
    with watched(browser, before=RECORDER, expected=AWAY, storage_state=kept, **settings) as page:
        page.goto(f"{server.url}/students/scan")
        yield page


def scan(page: Page, *scanned: str) -> None:
    """As a scanner does: fast, then Enter."""
    for code in scanned:
        page.keyboard.type(f"{code}\n")


def scan_at_pace(page: Page, code: str, *, apart: float) -> None:
    """With this many seconds from key to key by the clock of the keys, however busy this machine is."""
    session = page.context.new_cdp_session(page)
    begun = time.time()
    for number, character in enumerate(f"{code}\r"):
        key = {"key": "Enter", "windowsVirtualKeyCode": 13} if character == "\r" else {"key": character}
        at = begun + number * apart
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": character, "timestamp": at, **key})
        session.send("Input.dispatchKeyEvent", {"type": "keyUp", "timestamp": at, **key})
    session.detach()


def lines(page: Page, state: str = "done") -> Locator:
    return page.locator(f'#list > [data-state="{state}"]')


def line(page: Page, name: str) -> Locator:
    """The newest of that name."""
    return page.locator("#list > li").filter(has=page.locator('[data-of="name"]', has_text=re.compile(f"^{re.escape(name)}$"))).first


def says(page: Page, line_: str, words: str = "") -> None:
    expect(page.locator('#said [data-of="line"]')).to_have_text(line_, timeout=15_000)
    if words:
        expect(page.locator('#said [data-of="words"]')).to_have_text(words)


def idle(page: Page) -> None:
    """Waits until everything that was scanned is done, or could not be."""
    expect(page.locator('#list > [data-state="waiting"], #list > [data-state="sending"]')).to_have_count(0, timeout=30_000)


def at_table(page: Page) -> Locator:
    return page.locator("#student")


def lose_answers(page: Page, what: str, many: int = 1) -> list[int]:
    """The server does what is asked, and the next answers never arrive. Returns their statuses, as they come."""
    lost: list[int] = []

    def lose(route: Route) -> None:
        if len(lost) < many:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(f"/api/scan/{what}$"), lose)
    return lost
