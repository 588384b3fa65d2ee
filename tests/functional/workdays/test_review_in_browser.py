"""Reviewing workdays in a real browser: by keyboard alone, and without JavaScript."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from request_tracker_utils.workdays.models import ReviewState
from tests.services.apps import PASSWORD, user
from tests.services.attendance import added
from tests.services.chromium import watched
from tests.services.reviewed_days import MONDAY, day, instant, person, stored_day
from tests.services.showroom import served

pytestmark = pytest.mark.chromium
QUEUE = "/workdays/review"


@pytest.fixture(autouse=True)
def stored(app: Flask) -> None:
    """Three days of Ada without clock-out."""
    with app.app_context():
        added()
        ada = person("Ada", "17")
        for number in range(3):
            stored_day(day=MONDAY + timedelta(days=number), clock_out=None, person_id=ada)


@contextmanager
def queue(browser: Browser, app: Flask, **settings: object) -> Iterator[Page]:
    user(app, "admin", "grace")
    with served(app) as url, watched(browser, base_url=url, **settings) as page:
        page.goto(f"/sign-in?next={QUEUE}")
        page.get_by_label("Name").fill("grace")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}{QUEUE}")
        yield page


def test_days_are_reviewed_by_keyboard(app: Flask, browser: Browser) -> None:
    with queue(browser, app) as page:
        first, second, third = (page.locator(f"#day-{number}") for number in (1, 2, 3))
        expect(first).to_be_focused()
        for key, row in (("j", second), ("ArrowDown", third), ("j", third), ("k", second), ("ArrowUp", first)):
            page.keyboard.press(key)
            expect(row).to_be_focused()
        outline = first.evaluate("(element) => getComputedStyle(element).outlineStyle")
        assert outline != "none", "the focus is visible"
        page.keyboard.press("a")
        expect(page.get_by_text("The workday was accepted.")).to_be_visible()
        expect(second).to_be_focused()
        expect(first).to_have_count(0)
        page.keyboard.press("c")
        expect(second.get_by_label("Clock-out", exact=True)).to_be_focused()
        page.keyboard.press("Escape")
        expect(second).to_be_focused()
        page.keyboard.press("c")
        page.keyboard.type("0530PM")
        while not second.get_by_label("Reason").evaluate("(element) => element === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.type("ack, just forgot")  # letters in a field are no commands
        page.keyboard.press("Enter")
        expect(page.get_by_text("The workday was corrected.")).to_be_visible()
        expect(third).to_be_focused()
        page.keyboard.press("u")
        expect(page.get_by_text("The decision was undone.")).to_be_visible()
        expect(second).to_be_focused()
        expect(page.get_by_text("2 workdays wait for a review.")).to_be_visible()
    with app.app_context():
        assert [day(number).review_state for number in (1, 2, 3)] == [ReviewState.ACCEPTED, ReviewState.OPEN, ReviewState.OPEN]


def test_a_day_is_corrected_without_javascript(app: Flask, browser: Browser) -> None:
    with queue(browser, app, java_script_enabled=False) as page:
        row = page.locator("#day-1")
        row.get_by_text("Correct", exact=False).first.click()
        row.get_by_label("Clock-out", exact=True).fill("17:15")
        row.get_by_label("Reason").fill("Forgot")
        row.get_by_role("button", name="Correct workday").click()
        expect(page.get_by_text("The workday was corrected.")).to_be_visible()
    with app.app_context():
        assert day(1).clock_out == instant(MONDAY, "17:15")
