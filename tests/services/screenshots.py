"""Takes a picture of each page into docs/screenshots: `python -m tests.services.screenshots`."""

import io
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page
from sqlalchemy import update
from werkzeug.serving import WSGIRequestHandler, make_server

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.assets.demo import demo
from request_tracker_utils.core.actor import REQUEST_TRACKER
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.directory.current import directory
from request_tracker_utils.directory.service import NewAsset
from request_tracker_utils.tags import service as tags
from request_tracker_utils.tags.models import Tag
from tests.services.chromium import chromium
from tests.services.house import PASSWORD, make_app, ready, user

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
WIDTHS = {360: 740, 1280: 800}
"""Width → height of the window."""
THEMES = ("light", "dark")
NAME = "ada"


@dataclass(frozen=True)
class Showroom:
    """A running app. The full one holds the demonstration's assets, and some without a tag, one that waits, one with a problem."""

    url: str
    pages: dict[str, str]
    """Name → path, for somebody who is signed in as an administrator."""
    open_pages: dict[str, str]
    """Name → path, for somebody who is not."""


@contextmanager
def full_showroom(folder: Path) -> Iterator[Showroom]:
    app = ready(make_app(folder, app_url="http://utils.example.org"))
    with app.app_context():
        demo.fill()
        untagged, troubled = _special_assets()
    user(app, "admin", NAME)
    pages = {
        "home": "/",
        "assets": "/assets",
        "assets-found": "/assets?q=Chromebook&catalog=Chromebooks",
        "assets-not-found": "/assets?q=nothing+like+this",
        "asset": "/assets/60",
        "asset-untagged": f"/assets/{untagged}",
        "asset-problem": f"/assets/{troubled}",
        "new-asset": "/assets/new",
        "tags-waiting": "/tags/waiting",
        "webhook": "/webhook",
        "error-404": "/no/such/page",
        "label-large": "/labels/print?asset_id=1&size=large",
        "label-small": "/labels/print?asset_id=1&size=small",
    }
    with _served(app) as url:
        yield Showroom(url, pages, {"sign-in": "/sign-in"})


@contextmanager
def empty_showroom(folder: Path) -> Iterator[Showroom]:
    """Nobody has an account yet."""
    app = ready(make_app(folder))
    with app.app_context(), transaction() as session:
        key = accounts.new_setup_key(session, now=utc_now())
    with _served(app) as url:
        yield Showroom(url, {"assets-none": "/assets", "home-none": "/"}, {"set-up": f"/set-up/{key}"})


def sign_in(page: Page, showroom: Showroom) -> None:
    page.goto(f"{showroom.url}/sign-in")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{showroom.url}/")


def set_up(page: Page, showroom: Showroom) -> None:
    """Makes the first administrator, who is signed in from then on."""
    page.goto(showroom.url + showroom.open_pages["set-up"])
    page.get_by_label("Your name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url(f"{showroom.url}/")


def _special_assets() -> tuple[int, int]:
    held = directory()
    for number, holder in ((58, "marie.curie"), (57, "a.turing"), (55, "g.hopper")):
        held.set_holder(number, holder)
    held.create(NewAsset("Cart 4, front", "General assets", "EPX40021", "PowerLite L210W", "Epson"))
    untagged = held.create(NewAsset("Office laptop", "General assets", "PF3ZK19Q", "ThinkPad L14 Gen 4", "Lenovo"))
    waiting = held.create(NewAsset("Room 12, front desk", "General assets", "5CD2198XKL", "ProBook 440 G10", "HP"))
    troubled = held.create(NewAsset("Library, shelf", "Chromebooks", "8KQ2LM3", "Chromebook 3100", "Dell"))
    for asset in (waiting, troubled):
        tags.on_asset_created(transaction, asset_id=asset.id, asset_name=asset.name, prefix="W12-", now=utc_now(), actor=REQUEST_TRACKER)
    with transaction() as session:
        problem = "The directory does not let us rename the asset: Permission Denied. We try again."
        session.execute(update(Tag).where(Tag.asset_id == troubled.id).values(problem=problem))
    return untagged.id, troubled.id


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def _served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        with app.app_context():
            db.engine.dispose()


def _pictures(browser: Browser, full: Showroom, empty: Showroom) -> Iterator[tuple[str, bytes]]:
    for number, (width, theme) in enumerate((width, theme) for width in WIDTHS for theme in THEMES):
        for showroom, enter in ((empty, sign_in if number else set_up), (full, sign_in)):
            context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme)
            page = context.new_page()
            # The way in is shut behind the first administrator: its picture is taken in each look before.
            yield from _of_pages(page, showroom, {} if showroom is empty else showroom.open_pages, f"{width}-{theme}")
            if showroom is empty and not number:
                yield from _of_set_up(browser, empty)
            enter(page, showroom)
            yield from _of_pages(page, showroom, showroom.pages, f"{width}-{theme}")
            context.close()


def _of_set_up(browser: Browser, empty: Showroom) -> Iterator[tuple[str, bytes]]:
    for width, height in WIDTHS.items():
        for theme in THEMES:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
            yield from _of_pages(page, empty, empty.open_pages, f"{width}-{theme}")
            page.close()


def _of_pages(page: Page, showroom: Showroom, pages: dict[str, str], look: str) -> Iterator[tuple[str, bytes]]:
    for name, path in pages.items():
        page.goto(showroom.url + path)
        yield f"{name}-{look}", page.screenshot()


def _keep(name: str, picture: bytes) -> int:
    file = FOLDER / f"{name}.png"
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE, kmeans=1).save(file, optimize=True)
    return file.stat().st_size


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        full_showroom(Path(folder, "full")) as full,
        empty_showroom(Path(folder, "empty")) as empty,
    ):
        sizes = [_keep(name, picture) for name, picture in _pictures(browser, full, empty)]
    sys.stdout.write(f"{len(sizes)} pictures, {sum(sizes) / 1e6:.1f} MB, in {FOLDER}\n")


if __name__ == "__main__":
    main()
