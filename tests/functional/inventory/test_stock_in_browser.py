"""A person with a scanner and a phone receives, takes out and counts cable, in a real browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from request_tracker_utils.core.db import reading
from request_tracker_utils.inventory import service
from request_tracker_utils.inventory.models import CableReceipt, StockCountRow
from request_tracker_utils.inventory.stock import find_imbalances
from tests.functional.web.test_pages import FAINT, OVERFLOW, SMALL_TARGETS
from tests.services.apps import PASSWORD, user
from tests.services.chromium import watched
from tests.services.scanner import press_keys
from tests.services.showroom import served
from tests.services.stocking import delivered, taken

pytestmark = pytest.mark.chromium

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["360", "1280"])


@contextmanager
def opened(browser: Browser, app: Flask, path: str, **settings: Any) -> Iterator[Page]:
    """A page, signed in."""
    user(app, "staff", "grace")
    with served(app) as url, watched(browser, **settings) as page:
        page.goto(f"{url}/sign-in?next={path}")
        page.get_by_label("Name").fill("grace")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}{path}")
        yield page


def on_hand(app: Flask) -> dict[str, int]:
    with app.app_context(), reading() as session:
        assert find_imbalances(session) == []
        return {f"{row.cable_type} {row.cable_length}": row.on_hand for row in service.on_hand(session, include_zero=True)}


def receipts(app: Flask) -> int:
    with app.app_context(), reading() as session:
        return len(session.scalars(select(CableReceipt)).all())


def entered(page: Page) -> list[list[str]]:
    """The values of each row that has any."""
    rows = [[box.input_value() for box in row.locator("input").all()] for row in page.locator("#rows > li").all()]
    return [row for row in rows if any(row)]


def looks_right(page: Page, size: dict[str, Any]) -> None:
    assert page.evaluate(OVERFLOW) == [0, []]
    assert page.evaluate(FAINT) == []
    if size is PHONE:
        assert page.evaluate(SMALL_TARGETS) == []


@SIZES
def test_a_delivery_is_scanned_previewed_recorded_and_undone(app: Flask, browser: Browser, size: dict[str, Any]) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 1))
    with opened(browser, app, "/stock/receive", **size) as page:
        page.get_by_label("Vendor").focus()
        press_keys(page, "Graybar\nPO-7\nPS-4711\n")  # Enter moves on
        press_keys(page, "Cat6\n100 ft\n5\n")
        press_keys(page, "Fiber\tspool\t2\t")  # as Tab does
        press_keys(page, "cat6\n100ft\n1\n\n\n")  # a scanner that ends with two keys adds no empty rows
        assert entered(page) == [["Cat6", "100 ft", "5"], ["Fiber", "spool", "2"], ["cat6", "100ft", "1"]]
        expect(page.get_by_text("The same cable as in row 1: the pieces are added up.")).to_be_visible()
        expect(page.locator("#rows > li").last.get_by_label("Cable")).to_be_focused()
        looks_right(page, size)
        assert receipts(app) == 1, "a scan never sends the form"

        page.reload()
        assert entered(page) == [["Cat6", "100 ft", "5"], ["Fiber", "spool", "2"], ["cat6", "100ft", "1"]]
        expect(page.get_by_label("Packing slip")).to_have_value("PS-4711")

        page.get_by_role("button", name="Preview balances").click()
        preview = page.get_by_role("region", name="Resulting balances")
        expect(preview).to_contain_text(re.compile(r"Cat6, 100 ft.*1.*\+6.*7", re.DOTALL))
        expect(preview).to_be_focused()
        expect(preview).to_be_in_viewport()
        looks_right(page, size)

        preview.get_by_role("button", name="Record delivery").dblclick()
        expect(page.get_by_role("heading", name="Delivery")).to_be_visible()
        assert (receipts(app), on_hand(app)) == (2, {"Cat6 100 ft": 7, "Fiber spool": 2})
        looks_right(page, size)
        page.get_by_role("link", name="Receive another").click()
        assert entered(page) == []
        page.go_back()

        page.get_by_role("button", name="Undo delivery").click()
        expect(page.get_by_text("The delivery was undone.")).to_be_visible()
        assert on_hand(app) == {"Cat6 100 ft": 1, "Fiber spool": 0}


def test_a_delivery_whose_answer_was_lost_is_sent_again_and_recorded_once(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/stock/receive", expected="ERR_FAILED|status of") as page:
        page.locator("#rows").get_by_label("Cable").first.focus()
        press_keys(page, "Cat6\n100 ft\n5\n")
        page.route("**/stock/receive", lambda route: (route.fetch(max_redirects=0), route.abort())[1], times=1)
        page.get_by_role("button", name="Record delivery").click()
        page.wait_for_url("chrome-error://**")
        assert receipts(app) == 1, "the server has recorded it, but the person does not know"
        page.go_back()
        expect(page.locator("#rows > li").first.get_by_label("Cable")).to_have_value("Cat6")
        page.get_by_role("button", name="Record delivery").click()
        expect(page.get_by_text("This delivery was already recorded.")).to_be_visible()
        assert (receipts(app), on_hand(app)) == (1, {"Cat6 100 ft": 5})


def test_rows_are_added_removed_and_cleared_with_the_keyboard(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/stock/receive", **DESKTOP) as page:
        page.locator("#rows").get_by_label("Cable").first.focus()
        page.keyboard.type("Cat6")
        for text in ("100 ft", "5"):
            page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.get_by_role("button", name="Add row").click()
        page.keyboard.type("Fiber")
        assert entered(page) == [["Cat6", "100 ft", "5"], ["Fiber", "", ""]]
        page.get_by_role("button", name="Remove row").first.click()
        assert entered(page) == [["Fiber", "", ""]]
        page.get_by_role("button", name="Record delivery").click()
        row = page.locator("#rows > li").first
        expect(row.locator(".field-error")).to_contain_text("Enter the length")
        expect(row.get_by_label("Length")).to_have_attribute("aria-invalid", "true")
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("#rows > li").first.get_by_label("Cable")).to_have_value("")
        assert (entered(page), receipts(app)) == ([], 0)


def test_receiving_and_counting_work_without_javascript(app: Flask, browser: Browser) -> None:
    with opened(browser, app, "/stock/receive", java_script_enabled=False, **PHONE) as page:
        for values in (("Cat6", "100 ft", "5"), ("Fiber", "3 m", "2")):
            row = page.locator("#rows > li").filter(has=page.locator('input[autofocus], [name="cable_type"][value=""]')).first
            for label, value in zip(("Cable", "Length", "Pieces"), values, strict=True):
                row.get_by_label(label).fill(value)
            row.get_by_label("Pieces").press("Enter")
            expect(page.locator('#rows [name="cable_type"][autofocus]')).to_have_value("")
        page.get_by_role("button", name="Record delivery").click()
        expect(page.get_by_text("7 pieces were received.")).to_be_visible()
        page.goto(page.url.split("/stock")[0] + "/stock/count")
        page.get_by_role("button", name="Start counting").click()
        page.get_by_label("Pieces on the shelf").fill("4")
        page.get_by_role("button", name="Next").click()
        page.get_by_label("Reason for the difference").fill("Lost")
        page.get_by_role("button", name="Record the difference").click()
        expect(page.get_by_text("1 of 2 rows counted")).to_be_visible()
        assert on_hand(app) == {"Cat6 100 ft": 4, "Fiber 3 m": 2}


@SIZES
def test_the_shelf_is_counted_with_big_keys_while_others_work(app: Flask, browser: Browser, size: dict[str, Any]) -> None:
    with app.app_context():
        delivered(("Cat6", "50 ft", 12), ("Cat6", "100 ft", 5), ("Fiber", "3 m", 2))

    def key_in(page: Page, number: str) -> None:
        if size is DESKTOP:
            expect(page.get_by_label("Pieces on the shelf")).to_be_focused()
            page.keyboard.type(f"{number}\n")
            return
        for digit in number:
            page.get_by_role("button", name=digit, exact=True).tap()
        page.get_by_role("button", name="Next").tap()

    with opened(browser, app, "/stock/count", **size) as page:
        page.get_by_label("Area").fill("Shelf B")
        page.get_by_label("Cable type").select_option("Cat6")
        page.get_by_role("button", name="Start counting").click()
        row = page.locator("#row-heading")
        expect(row).to_have_text("Cat6, 50 ft")
        assert "12" not in page.locator("main").inner_text(), "what is expected is not shown before counting"
        looks_right(page, size)
        key_in(page, "12")
        expect(row).to_have_text("Cat6, 100 ft")

        address = page.url.split("?", maxsplit=1)[0]  # a break
        page.goto(address.rsplit("/", 1)[0])
        page.get_by_role("link", name="Shelf B").click()
        expect(row).to_have_text("Cat6, 100 ft")
        with app.app_context():
            taken("Cat6", "100 ft", 2)  # meanwhile
        key_in(page, "5")
        expect(page.get_by_text("Did you count before or after that?")).to_be_visible()
        looks_right(page, size)
        page.get_by_role("button", name="I counted before").click()
        expect(page.get_by_text("All rows are counted.")).to_be_visible()
        assert on_hand(app) == {"Cat6 50 ft": 12, "Cat6 100 ft": 3, "Fiber 3 m": 2}

        page.get_by_role("link", name="Cat6, 50 ft").click()
        key_in(page, "10")
        expect(page.get_by_label("Reason for the difference")).to_be_focused()
        expect(page.locator("#count .figures")).to_contain_text("−2")
        looks_right(page, size)
        page.keyboard.type("Damaged\n")
        expect(page.get_by_text("difference −2")).to_be_visible()
        page.get_by_role("button", name="Finish count").click()
        expect(page.get_by_text("The count is finished.")).to_be_visible()
        looks_right(page, size)
    with app.app_context(), reading() as session:
        counted = session.scalars(select(StockCountRow).order_by(StockCountRow.id)).all()
        assert [(each.counted, each.expected, each.reason) for each in counted] == [(10, 12, "Damaged"), (5, 5, "")]
    assert on_hand(app)["Cat6 50 ft"] == 10


def test_keys_of_the_keypad_replace_erase_and_add(app: Flask, browser: Browser) -> None:
    with app.app_context():
        delivered(("Cat6", "50 ft", 12))
    with opened(browser, app, "/stock/count", **PHONE) as page:
        page.get_by_role("button", name="Start counting").click()
        field = page.get_by_label("Pieces on the shelf")
        for name, value in (("0", "0"), ("7", "7"), ("3", "73"), ("Delete digit", "7"), ("One more", "8")):
            page.get_by_role("button", name=name, exact=True).tap()
            expect(field).to_have_value(value)
        expect(field).to_have_attribute("inputmode", "none")


@SIZES
def test_a_length_is_cut_from_the_shortest_sufficient_piece(app: Flask, browser: Browser, size: dict[str, Any]) -> None:
    with app.app_context():
        delivered(("Cat6", "1,000 ft", 1), ("Cat6", "250 ft", 1))
    with opened(browser, app, "/stock/take-out", **size) as page:
        page.get_by_role("combobox", name="Cable").fill("Cat6")
        page.get_by_label("Length").fill("100ft")
        page.get_by_role("button", name="Find pieces").click()
        expect(page.get_by_role("radio").first).to_be_checked()
        expect(page.locator(".offers li").first).to_contain_text("Cut 1 × 100ft from a piece of 250 ft")
        looks_right(page, size)
        page.get_by_role("button", name="Take out", exact=True).click()
        expect(page.get_by_text("A remnant of 150 ft is back on the shelf.")).to_be_visible()
        looks_right(page, size)
        assert on_hand(app) == {"Cat6 150 ft": 1, "Cat6 250 ft": 0, "Cat6 1,000 ft": 1}
        page.get_by_role("link", name="Movements", exact=True).click()
        page.get_by_text("Reverse movement 1").or_(page.locator("summary")).first.click()
        page.get_by_label("Reason").first.fill("Not needed")
        looks_right(page, size)
        page.get_by_role("button", name="Reverse movement").first.click()
        expect(page.get_by_text("The movement was reversed together with its remnant.")).to_be_visible()
        assert on_hand(app) == {"Cat6 150 ft": 0, "Cat6 250 ft": 1, "Cat6 1,000 ft": 1}


def test_the_order_is_printed_without_the_rest_of_the_page(app: Flask, browser: Browser) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 5))
    with opened(browser, app, "/stock/reorder", **DESKTOP, before="window.print = () => { window.printed = true; };") as page:
        page.get_by_label("Threshold: Cat6, 100 ft").fill("5")
        page.get_by_label("Target: Cat6, 100 ft").fill("20")
        page.keyboard.press("Enter")
        expect(page.get_by_text("The levels of 1 row were saved.")).to_be_visible()
        page.get_by_role("button", name="Print order").click()
        assert page.evaluate("window.printed") is True
        page.emulate_media(media="print")
        expect(page.get_by_role("heading", name="To order")).to_be_visible()
        for hidden in (page.locator(".stock-levels"), page.locator(".tabs"), page.get_by_role("button", name="Save levels")):
            expect(hidden).to_be_hidden()
