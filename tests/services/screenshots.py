"""Takes a picture of each page: `python -m tests.services.screenshots`. All go into the ignored folder `screenshots`, those in SHOWN into
`docs/screenshots` too.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.services.chromium import chromium
from tests.services.showroom import Showroom, empty_showroom, full_showroom, set_up, sign_in

ROOT = Path(__file__).parents[2]
ALL, IN_DOCS = ROOT / "screenshots", ROOT / "docs" / "screenshots"
WIDTHS = {360: 740, 1280: 800}
"""Width → height of the window."""
THEMES = ("light", "dark")
SHOWN = {
    "home-1280-light": "The home page",
    "assets-1280-light": "Assets with their tags",
    "asset-1280-light": "An asset",
    "new-assets-1280-light": "Creating assets with a scanner",
    "import-list-1280-light": "Importing a cart of assets",
    "label-sheet-1280-light": "Labels on a sheet",
    "students-1280-light": "Students by grade",
    "scan-station-1280-light": "The scan station",
    "scan-station-360-dark": "The scan station on a phone, in dark mode",
    "rollover-1280-light": "The rollover to a new school year",
    "asset-tags-audit-1280-light": "The audit log of tags",
    "terminals-1280-light": "Terminals for time and attendance",
    "punches-360-light": "Punches on a phone, updated while the page is open",
    "status-1280-light": "The status page",
}
"""The pictures in the documentation, and what they show."""


def main() -> None:
    for folder in (ALL, IN_DOCS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        full_showroom(Path(folder, "full")) as full,
        empty_showroom(Path(folder, "empty")) as empty,
    ):
        sizes = [_save(name, picture) for name, picture in _pictures(browser, full, empty)]
    for name in SHOWN:
        shutil.copy(ALL / f"{name}.png", IN_DOCS)
    (IN_DOCS / "README.md").write_text(_gallery(), encoding="utf-8")
    sys.stdout.write(f"{len(sizes)} pictures, {sum(sizes) / 1e6:.1f} MB, in {ALL}\n")


def _pictures(browser: Browser, full: Showroom, empty: Showroom) -> Iterator[tuple[str, bytes]]:
    for number, (width, theme) in enumerate((width, theme) for width in WIDTHS for theme in THEMES):
        for showroom, enter in ((empty, sign_in if number else set_up), (full, sign_in)):
            context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme)
            page = context.new_page()
            # The set-up link works once: its picture is taken in each look before the first administrator uses it.
            yield from _of_pages(page, showroom, {} if showroom is empty else showroom.open_pages, f"{width}-{theme}")
            if showroom is empty and not number:
                yield from _of_set_up(browser, empty)
            enter(page, showroom)
            yield from _of_pages(page, showroom, showroom.pages, f"{width}-{theme}")
            context.close()
            for name, pages in showroom.others.items():
                context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme)
                page = context.new_page()
                sign_in(page, showroom, name)
                yield from _of_pages(page, showroom, pages, f"{width}-{theme}")
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


def _save(name: str, picture: bytes) -> int:
    """Returns the size of the file."""
    file = ALL / f"{name}.png"
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE, kmeans=1).save(file, optimize=True)
    return file.stat().st_size


def _gallery() -> str:
    pictures = (f"## {title}\n\n![{title}]({name}.png)\n" for name, title in SHOWN.items())
    return "\n".join(
        ["# Screenshots\n\n`make screenshots` updates these pictures, and saves a picture of every page in `screenshots/`.\n", *pictures]
    )


if __name__ == "__main__":
    main()
