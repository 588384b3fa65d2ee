"""The scan station in a real browser, operated with a scanner."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
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
    """The station, signed in."""
    state: Any = {"cookies": signed_in(server.url, name), "origins": []}
    with watched(browser, before=RECORDER, expected=AWAY, storage_state=state, **settings) as page:
        page.goto(f"{server.url}/students/scan")
        yield page


def signed_in(url: str, name: str) -> list[dict[str, str]]:
    """Cookies of a new session, as browsers take them."""
    with requests.Session() as session:
        session.trust_env = False
        form = session.get(f"{url}/sign-in", headers={"Accept": "text/html"}, timeout=30).text
        csrf = form.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
        values = {"name": name, "password": PASSWORD, "csrf_token": csrf}
        answer = session.post(f"{url}/sign-in", data=values, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text
        host = urlsplit(url).hostname or ""
        return [{"name": cookie.name, "value": cookie.value or "", "domain": host, "path": "/"} for cookie in session.cookies]


def scan(page: Page, *scanned: str) -> None:
    """As a scanner does: fast, then Enter."""
    for code in scanned:
        page.keyboard.type(f"{code}\n")


def entries(page: Page, state: str = "done") -> Locator:
    return page.locator(f'#list > [data-state="{state}"]')


def entry(page: Page, name: str) -> Locator:
    """The newest of that name."""
    return page.locator("#list > li").filter(has=page.locator('[data-of="name"]', has_text=re.compile(f"^{re.escape(name)}$"))).first


def says(page: Page, title: str, message: str = "") -> None:
    expect(page.locator('#said [data-of="line"]')).to_have_text(title, timeout=15_000)
    if message:
        expect(page.locator('#said [data-of="words"]')).to_have_text(message)


def idle(page: Page) -> None:
    """Waits until every scan is processed or has failed."""
    expect(page.locator('#list > [data-state="waiting"], #list > [data-state="sending"]')).to_have_count(0, timeout=30_000)


def current_student(page: Page) -> Locator:
    return page.locator("#student")


def lose_answers(page: Page, route: str, many: int = 1) -> list[int]:
    """The server processes the next requests, and their answers never arrive. Returns their statuses in order."""
    lost: list[int] = []

    def lose(asked: Route) -> None:
        if len(lost) < many:
            lost.append(asked.fetch().status)
            asked.abort()
        else:
            asked.continue_()

    page.route(re.compile(f"/api/scan/{route}$"), lose)
    return lost
