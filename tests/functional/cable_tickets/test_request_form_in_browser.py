"""People request cable on a phone, in a real browser: how many taps it takes, what survives, and what fits on the screen."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from request_tracker_utils.cable_tickets.models import Kit, Ticket, TicketItem
from request_tracker_utils.core.db import reading, transaction
from tests.functional.web.test_pages import FAINT, OVERFLOW, SMALL_TARGETS
from tests.services.apps import PASSWORD, user
from tests.services.chromium import watched
from tests.services.showroom import served
from tests.services.stocking import delivered
from tests.services.ticket_taps import MOST_TO_ASK, PHONE, Taps, ask_with_chip

pytestmark = pytest.mark.chromium

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
BELOW = """() => [...document.querySelectorAll("#ask *")].filter((element) => element.checkVisibility())
  .map((element) => [element.getBoundingClientRect().bottom, element.outerHTML.slice(0, 80)]).filter(([bottom]) => bottom > innerHeight)"""

CUT_OFF = """() => [...document.querySelectorAll(".flush")].filter((panel) => panel.scrollWidth > panel.clientWidth + 1)
  .map((panel) => panel.outerHTML.slice(0, 80))"""


@pytest.fixture(autouse=True)
def school(app: Flask) -> None:
    """An approver, a teacher who asks, cable on the shelf, and a kit."""
    user(app, "admin", "ada")
    user(app, "teacher", "tess")
    with app.app_context():
        delivered(("Cat6", "100 ft", 5), ("Fiber LC", "3 m", 2))
        with transaction() as session:
            cords = {"cable_type": "Cat6", "cable_length": "7 ft", "cable_gauge": "", "quantity": 2}
            session.add(Kit(name="Classroom", position=0, items=[cords, {**cords, "cable_length": "100 ft", "quantity": 1}]))


@contextmanager
def opened(browser: Browser, app: Flask, path: str, name: str = "tess", **settings: Any) -> Iterator[Page]:
    """A page, signed in."""
    with served(app) as url, watched(browser, **settings) as page:
        page.goto(f"{url}/sign-in?next={path}")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}{path}")
        yield page


def requests(app: Flask) -> list[list[tuple[str, str, int]]]:
    """The items of each ticket."""
    with app.app_context(), reading() as session:
        found = session.scalars(select(Ticket.id).order_by(Ticket.id)).all()
        items = session.scalars(select(TicketItem).order_by(TicketItem.id)).all()
        return [[(each.cable_type, each.cable_length, each.quantity) for each in items if each.ticket_id == number] for number in found]


def entered(page: Page) -> list[list[str]]:
    names = ("cable_type", "cable_length", "quantity")
    rows = [[row.locator(f'[name="{name}"]').input_value() for name in names] for row in page.locator("#rows > li").all()]
    return [row for row in rows if row[0] or row[1]]


def looks_right(page: Page, *, phone: bool = True) -> None:
    assert page.evaluate(OVERFLOW) == [0, []]
    assert page.evaluate(CUT_OFF) == [], "wider than its panel"
    assert page.evaluate(FAINT) == []
    assert not phone or page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_form_is_one_screen_of_a_small_phone(app: Flask, browser: Browser, theme: str) -> None:
    with opened(browser, app, "/tickets/new", color_scheme=theme, **PHONE) as page:
        chips = page.get_by_role("group", name="Request again")
        expect(chips.get_by_role("button")).to_have_count(1)
        assert page.evaluate(BELOW) == [], "without scrolling"
        assert page.evaluate("scrollY") == 0
        expect(page.get_by_role("alert")).to_have_count(0)
        for control in ("type-1", "length-1", "quantity-1", "location", "assigned_to_id", "needed_by"):
            expect(page.locator(f"#{control}")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("radio")).to_have_count(3)
        expect(page.get_by_role("radio", name="Medium")).to_be_checked()
        expect(page.get_by_role("option", name="Default: ada")).to_be_attached()
        expect(page.get_by_role("button", name="Add another")).to_be_in_viewport(ratio=1)
        expect(page.locator("summary")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("button", name="Send request").last).to_be_in_viewport(ratio=1)
        looks_right(page)
        page.locator("summary").tap()
        expect(page.get_by_role("textbox", name="Notes")).to_be_visible()
        expect(page.get_by_label("Gauge")).to_be_visible()
        looks_right(page)


def test_a_request_with_a_chip_takes_three_taps(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/", **PHONE) as page:
        taps = ask_with_chip(page, "Classroom")
        looks_right(page)
        assert taps == 3 <= MOST_TO_ASK
        assert requests(app) == [[("Cat6", "7 ft", 2), ("Cat6", "100 ft", 1)]]

        again = Taps()
        page.goto(re.sub(r"/tickets.*", "/", page.url))
        again(page.get_by_role("link", name="Request cable"))
        again(page.get_by_role("button", name="2 × Cat6, 7 ft + 1 more"))
        again(page.get_by_role("button", name="Remove item").first)
        again(page.get_by_role("button", name="Send request").last)
        expect(page.get_by_text("Ticket 2 was created.")).to_be_visible()
        assert again.count == 4, "with one item less"
        assert requests(app)[1] == [("Cat6", "100 ft", 1)]


def test_chips_are_pressed_and_released(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/tickets/new", **PHONE) as page:
        chip = page.get_by_role("button", name="Classroom")
        page.get_by_label("Cable", exact=True).fill("Fiber LC")
        page.get_by_label("Length").fill("3 m")
        chip.tap()
        expect(chip).to_have_attribute("aria-pressed", "true")
        assert entered(page) == [["Fiber LC", "3 m", "1"], ["Cat6", "7 ft", "2"], ["Cat6", "100 ft", "1"]]
        looks_right(page)
        chip.tap()
        expect(chip).to_have_attribute("aria-pressed", "false")
        assert entered(page) == [["Fiber LC", "3 m", "1"]]
        chip.tap()
        page.get_by_label("Pieces").nth(1).fill("9")  # by hand: this row stays
        chip.tap()
        assert entered(page) == [["Fiber LC", "3 m", "1"], ["Cat6", "7 ft", "9"]]


def test_a_draft_survives_a_reload_and_ends_with_its_ticket(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/tickets/new", **PHONE) as page:
        page.get_by_role("button", name="Classroom").tap()
        page.get_by_role("button", name="Add another").tap()
        page.keyboard.type("Fiber LC")
        page.get_by_label("Location").fill("Room 12")
        page.get_by_role("radio", name="High").tap()
        page.locator("summary").tap()
        page.get_by_role("textbox", name="Notes").fill("Ms Lee’s room 🔌")
        expected = [["Cat6", "7 ft", "2"], ["Cat6", "100 ft", "1"], ["Fiber LC", "", "1"]]
        for _ in range(2):
            page.reload()
            assert entered(page) == expected
            expect(page.get_by_role("button", name="Classroom")).to_have_attribute("aria-pressed", "true")
            expect(page.get_by_label("Location")).to_have_value("Room 12")
            expect(page.get_by_role("radio", name="High")).to_be_checked()
            expect(page.get_by_role("textbox", name="Notes")).to_have_value("Ms Lee’s room 🔌")
        page.get_by_role("button", name="Send request").last.tap()
        error = page.locator(".field-error")
        expect(error).to_contain_text("Enter the length")
        looks_right(page)
        page.get_by_label("Length").last.fill("3 m")
        page.get_by_role("button", name="Send request").last.tap()
        expect(page.get_by_text("Ticket 1 was created.")).to_be_visible()
        page.goto(re.sub(r"/tickets.*", "/tickets/new", page.url))
        assert entered(page) == []
        expect(page.get_by_label("Location")).to_have_value("")
        expect(page.get_by_role("button", name="2 × Cat6, 7 ft + 2 more")).to_be_visible()


def test_a_double_tap_and_a_lost_answer_create_one_ticket(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/tickets/new", expected="ERR_FAILED|status of", **PHONE) as page:
        page.get_by_role("button", name="Classroom").tap()
        page.route("**/tickets/new", lambda route: (route.fetch(max_redirects=0), route.abort())[1], times=1)
        page.get_by_role("button", name="Send request").last.click()
        page.wait_for_url("chrome-error://**")
        assert len(requests(app)) == 1, "the server has created it, but the person does not know"
        page.go_back()
        assert entered(page) == [["Cat6", "7 ft", "2"], ["Cat6", "100 ft", "1"]]
        page.get_by_role("button", name="Send request").last.dblclick()
        expect(page.get_by_role("heading", name="Ticket 1")).to_be_visible()
        assert len(requests(app)) == 1


def test_the_form_works_with_the_keyboard_alone(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/tickets/new", **DESKTOP) as page:
        page.get_by_label("Cable", exact=True).focus()
        for text in ("Cat6", "100 ft", "2"):
            page.keyboard.press("ControlOrMeta+A")
            page.keyboard.type(text)
            page.keyboard.press("Tab")
        page.keyboard.type("23 AWG")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Add another")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.type("Fiber LC")
        page.keyboard.press("Tab")
        page.keyboard.type("3 m")
        page.get_by_role("radio", name="Medium").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("radio", name="High")).to_be_checked()
        looks_right(page, phone=False)
        page.get_by_label("Location").focus()
        page.keyboard.press("Enter")  # sends the form, whatever comes first in it
        expect(page.get_by_role("heading", name="Ticket 1")).to_be_visible()
        assert requests(app) == [[("Cat6", "100 ft", 2), ("Fiber LC", "3 m", 1)]]
        looks_right(page, phone=False)


def test_the_form_works_without_javascript(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/tickets/new", java_script_enabled=False, **PHONE) as page:
        page.get_by_label("Location").fill("Room 12")
        page.get_by_role("button", name="Classroom").tap()
        expect(page.locator("#rows > li")).to_have_count(2)
        assert entered(page) == [["Cat6", "7 ft", "2"], ["Cat6", "100 ft", "1"]]
        expect(page.get_by_label("Location")).to_have_value("Room 12")
        page.get_by_role("button", name="Add another").tap()
        expect(page.locator("#rows > li")).to_have_count(3)
        page.locator("#rows > li").last.get_by_label("Cable").fill("Fiber LC")
        page.locator("#rows > li").last.get_by_label("Length").fill("3 m")
        page.get_by_label("Location").press("Enter")
        expect(page.get_by_text("Ticket 1 was created.")).to_be_visible()
        assert requests(app) == [[("Cat6", "7 ft", 2), ("Cat6", "100 ft", 1), ("Fiber LC", "3 m", 1)]]


def test_a_ticket_is_edited_and_a_kit_is_added(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/tickets/new?kit=1", **PHONE) as page:
        page.get_by_role("button", name="Send request").last.tap()
        page.get_by_role("link", name="Edit").tap()
        expect(page.get_by_text("new links go to ada")).to_be_visible()
        assert entered(page) == [["Cat6", "7 ft", "2"], ["Cat6", "100 ft", "1"]]
        looks_right(page)
        page.get_by_role("button", name="Remove item").first.tap()
        page.get_by_label("Pieces").fill("3")
        page.get_by_role("button", name="Save ticket").tap()
        expect(page.get_by_text("Ticket 1 was saved.")).to_be_visible()
        assert requests(app) == [[("Cat6", "100 ft", 3)]]
        looks_right(page)
    with opened(browser, app, "/tickets/kits", name="ada", **PHONE) as page:
        looks_right(page)
        page.get_by_role("link", name="Add kit").tap()
        page.get_by_label("Name").fill("Office")
        page.get_by_label("Cable", exact=True).fill("Cat6")
        page.get_by_label("Length").fill("14 ft")
        page.get_by_role("button", name="Add another").tap()
        page.keyboard.type("Cat6")
        page.keyboard.press("Tab")
        page.keyboard.type("50 ft")
        looks_right(page)
        page.get_by_role("button", name="Save kit").last.tap()
        expect(page.get_by_role("link", name="Office")).to_be_visible()
        page.get_by_role("button", name="Move Office up").tap()
        expect(page.locator("tbody tr").first).to_contain_text("Office")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lists_and_tickets_are_readable_on_phones_and_wide_screens(app: Flask, browser: Browser, theme: str) -> None:
    place = "Wolfeschlegelsteinhausenbergerdorff Elementary, Building C, closet 4"
    with opened(browser, app, "/tickets/new?kit=1", color_scheme=theme, **PHONE) as page:
        page.get_by_label("Location").fill(place)
        page.get_by_role("radio", name="High").tap()
        page.get_by_role("button", name="Send request").last.tap()
        expect(page.get_by_role("heading", name="Ticket 1")).to_be_visible()
    for size in (PHONE, DESKTOP):
        with opened(browser, app, "/tickets/list?tab=all", name="ada", color_scheme=theme, **size) as page:
            looks_right(page, phone=size is PHONE)
            expect(page.get_by_text("Waiting for approval", exact=True).last).to_be_visible()
            page.get_by_role("link", name="2 × Cat6, 7 ft").click()
            looks_right(page, phone=size is PHONE)
            page.get_by_text("Reject …").click()
            page.get_by_role("button", name="Reject request").click()
            expect(page.get_by_text("Enter a reason.")).to_be_visible()
            expect(page.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")
            looks_right(page, phone=size is PHONE)
