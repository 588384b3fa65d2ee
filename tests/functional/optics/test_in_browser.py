"""A teacher requests a part that is not on the list, and an administrator decides from the message, in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.optics import parts
from request_tracker_utils.optics.models import OpticsRequest
from tests.functional.web.test_pages import FAINT, OVERFLOW, SMALL_TARGETS
from tests.services.apps import PASSWORD, user
from tests.services.chromium import watched
from tests.services.showroom import served

pytestmark = pytest.mark.chromium

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["360", "1280"])


@contextmanager
def opened(browser: Browser, url: str, name: str, path: str, **settings: Any) -> Iterator[Page]:
    """A page, signed in."""
    with watched(browser, **settings) as page:
        page.goto(f"{url}/sign-in?next={path}")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}{path}")
        yield page


def looks_right(page: Page, size: dict[str, Any]) -> None:
    assert page.evaluate(OVERFLOW) == [0, []]
    assert page.evaluate(FAINT) == []
    if size is PHONE:
        assert page.evaluate(SMALL_TARGETS) == []


@SIZES
def test_a_part_is_requested_and_decided(app: Flask, browser: Browser, size: dict[str, Any]) -> None:
    for role, name in (("teacher", "tom"), ("admin", "ada")):
        user(app, role, name)
    with app.app_context(), transaction() as session:
        parts.replace_parts(session, ["SFP-10G-SR", "SFP-10G-LR"])
    with served(app) as url:
        with opened(browser, url, "tom", "/optics", **size) as page:
            other = page.get_by_label("Other part")
            expect(other).to_be_hidden()
            page.get_by_label("Part", exact=True).select_option("Other")
            expect(other).to_be_focused()
            other.fill("QSFP-100G-LR4")
            page.get_by_label("Part", exact=True).select_option("SFP-10G-SR")
            expect(other).to_be_hidden()  # and what was entered there is not sent
            page.get_by_label("Quantity").fill("0")
            looks_right(page, size)
            page.get_by_role("button", name="Send request").click()
            expect(page.get_by_text("Enter a whole number from 1 to 1,000,000.")).to_be_visible()
            expect(page.get_by_label("Part", exact=True)).to_have_value("SFP-10G-SR")
            page.get_by_label("Part", exact=True).select_option("Other")
            other.fill("QSFP-100G-LR4")
            page.get_by_label("Quantity").fill("2")
            page.get_by_role("button", name="Send request").dblclick()
            expect(page.get_by_text("2 × QSFP-100G-LR4.")).to_be_visible()
            looks_right(page, size)
        with app.app_context(), reading() as session:
            (request_id,) = session.scalars(select(OpticsRequest.id))
        with opened(browser, url, "ada", f"/optics/requests/{request_id}", **size) as page:
            looks_right(page, size)
            page.get_by_label("Note").fill("Ordered.\nArrives on Monday.")
            page.get_by_role("button", name="Approve request").click()
            expect(page.get_by_text("The request of tom was approved.")).to_be_visible()
            page.goto(f"{url}/optics/requests?status=approved")
            page.get_by_text("Archive", exact=False).locator("visible=true").filter(has_text="request").click()
            looks_right(page, size)
            page.get_by_role("button", name="Archive request").click()
            expect(page.get_by_text("The request of tom was archived.")).to_be_visible()
        with opened(browser, url, "tom", "/optics", **size) as page:
            expect(page.get_by_text("Archived, approved")).to_be_visible()
            expect(page.get_by_text("Arrives on Monday.")).to_be_visible()


def test_the_list_is_sorted_with_the_keyboard_and_enter_saves_a_name(app: Flask, browser: Browser) -> None:
    user(app, "admin", "ada")
    with app.app_context(), transaction() as session:
        parts.replace_parts(session, ["B", "A"])
    with served(app) as url, opened(browser, url, "ada", "/optics/parts", **PHONE) as page:
        page.get_by_role("button", name="Move A up").press("Enter")
        expect(page.get_by_text("A was moved.")).to_be_visible()
        name = page.get_by_label("Name of B")
        name.fill("C")
        name.press("Enter")
        expect(page.get_by_text("C was saved.")).to_be_visible()
        page.get_by_role("button", name="Remove A").click()
        expect(page.get_by_text("A was removed from the list.")).to_be_visible()
        looks_right(page, PHONE)
    with app.app_context(), reading() as session:
        assert parts.part_names(session) == ["C", "Other"]
