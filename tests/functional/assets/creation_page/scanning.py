"""A user with a scanner at the page that creates assets, in a real browser."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, Page, Request, Route, expect
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.core.db import reading
from tests.services.apps import PASSWORD
from tests.services.chromium import watched

RECORDER = """
  window.print = () => {
    top.printed = [...(top.printed ?? []), document.querySelector(".asset-tag").textContent];
    window.dispatchEvent(new Event("afterprint"));
  };
  const say = window.AudioContext && AudioContext.prototype.createOscillator;
  window.tonesHeard = 0;
  AudioContext.prototype.createOscillator = function () { window.tonesHeard += 1; return say.call(this); };
"""
SERIAL = "Serial number"
AWAY = "status of (4|5)|ERR_CONNECTION_REFUSED|ERR_FAILED"
"""What the browser itself reports about a server that does not answer or refuses."""


class Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Quiet."""


class Server:
    """The app at one address, which can be stopped and started again."""

    def __init__(self, app: Flask) -> None:
        self.app, self.port = app, 0
        self.start()

    def start(self) -> None:
        self._http = make_server("127.0.0.1", self.port, self.app, threaded=True, request_handler=Quiet)
        self.port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def opened(browser: Browser, server: Server, **settings: Any) -> Iterator[Page]:
    """The page, signed in. What it prints is recorded in `printed`."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/sign-in?next=/assets/create")
    page.get_by_label("Name").fill("staff")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Create assets")).to_be_visible()
    state = context.storage_state()
    context.close()
    with watched(browser, before=RECORDER, storage_state=state, **settings) as page:
        page.goto(f"{server.url}/assets/create")
        yield page


def fill_in(page: Page, **more: str) -> None:
    """Fills in the common fields; the serial number has the focus again."""
    for label, value in {"Manufacturer": "Dell", "Model": "Chromebook 3100", **more}.items():
        page.get_by_label(label).fill(value)
    page.get_by_label(SERIAL).focus()


def scan(page: Page, *serials: str) -> None:
    for serial in serials:
        page.keyboard.type(f"{serial}\n")


def created(app: Flask) -> list[tuple[str, str]]:
    """Serial number and name of all assets, in order."""
    with app.app_context(), reading() as session:
        return [(each.serial, each.name) for each in session.scalars(select(EmbeddedAsset).order_by(EmbeddedAsset.id))]


def tags_of(serials: list[str]) -> list[tuple[str, str]]:
    return [(serial, f"W12-{number:04}") for number, serial in enumerate(serials, 1)]


def wait_for(page: Page, count: int) -> None:
    expect(page.locator('#list [data-state="created"]')).to_have_count(count, timeout=60_000)


def row(page: Page, serial: str) -> Any:
    return page.locator(f'#list [data-serial="{serial.lower()}"]')


def answered(page: Page, *answers: tuple[int, dict[str, Any]]) -> list[Request]:
    """Answers the next creations; those after them reach the server. Returns the requests."""
    asked: list[Request] = []

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        asked.append(route.request)
        if len(asked) <= len(answers):
            status, body = answers[len(asked) - 1]
            route.fulfill(status=status, json=body)
        else:
            route.continue_()

    page.route(re.compile("/assets/create$"), answer)
    return asked


def has_focus(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))
