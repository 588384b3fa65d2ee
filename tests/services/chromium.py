"""Starts Debian's Chromium for tests that look at pages and print them."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

MISSING = "Chromium is not installed (make services)"


def executable() -> str | None:
    """Where Chromium lies, or None when it is not installed."""
    return shutil.which("chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; each test takes a context of its own from it. Skips the test when Chromium is missing."""
    path = executable()
    if path is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield started
        finally:
            started.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Import this name in a conftest or test module to use it."""
    with chromium() as started:
        yield started


@contextmanager
def watched(browser: Browser, *, before: str = "", expected: str = "status of 4", **settings: Any) -> Iterator[Page]:
    """A page that may leave nothing on the console: no error, and nothing that its content policy had to stop; but for what is `expected`,
    a regular expression. `before` is a script that runs before the page's own; `settings` are those of the context."""
    context = browser.new_context(**settings)
    if before:
        context.add_init_script(before)
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page
        unexpected = [text for text in said if not re.search(expected, text)]
        assert not unexpected, unexpected
    finally:
        context.close()
