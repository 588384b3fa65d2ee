"""Imports in a real browser: scanned, dropped, by keyboard alone, and without JavaScript."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.core.db import reading
from tests.services.apps import PASSWORD, run_job
from tests.services.chromium import watched
from tests.services.scanner import PERSON, press_keys
from tests.services.showroom import served

pytestmark = pytest.mark.chromium

HERE = "/assets/import"
LIST = "Serial numbers, one per line"
DROP = """([target, kind, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], "cart.csv", {type: "text/csv"}));
  document.querySelector(target).dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def app(served_app: Flask) -> Flask:
    return served_app


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with served(app) as url:
        yield url


@contextmanager
def opened(browser: Browser, url: str, **settings: Any) -> Iterator[Page]:
    """The page, signed in."""
    with watched(browser, **settings) as page:
        page.goto(f"{url}/sign-in?next={HERE}")
        page.get_by_label("Name").fill("staff")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Import assets")).to_be_visible()
        yield page


def serials(app: Flask) -> set[str]:
    with app.app_context(), reading() as session:
        return set(session.scalars(select(EmbeddedAsset.serial)))


def drag(page: Page, kind: str, text: str = "A1\n", target: str = "h1") -> None:
    expect(page.get_by_text("Or drop the file here.")).to_be_visible()  # the page's script shows it once it listens
    page.evaluate(DROP, [target, kind, text])


def test_sixty_are_scanned_checked_and_created_with_the_keyboard_alone(app: Flask, url: str, browser: Browser) -> None:
    with opened(browser, url) as page:
        expect(page.get_by_label(LIST)).to_be_focused()  # automatically
        for number in range(60):  # Enter, which a scanner types, is a new line
            page.keyboard.type(f"cart-{number:03d}\n")
        page.keyboard.type("CART-007\n")
        expect(page.locator("[data-count]")).to_have_text("61 rows, 1 repeated: CART-007")
        page.keyboard.press("Tab")  # the file
        page.keyboard.press("Tab")
        press_keys(page, "Dell\tChromebook 3100", apart=PERSON)
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("button", name="Create 60 assets, skip 1")).to_be_focused()
        expect(page.get_by_role("status")).to_contain_text("60")
        expect(page.locator(".import-rows tbody tr").first).to_contain_text("Serial number is already in line 8")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{url}/tasks/1")
        run_job(app, "run-tasks")
        page.reload()
        expect(page.get_by_role("link", name="Print labels")).to_be_visible()
    assert serials(app) == {f"cart-{number:03d}" for number in range(60)}


def test_a_file_can_be_dropped_anywhere_and_its_columns_mapped_manually(app: Flask, url: str, browser: Browser) -> None:
    with opened(browser, url) as page:
        drag(page, "dragover")
        expect(page.locator("[data-drop]")).to_have_class("list-drop is-over")
        drag(page, "drop", "Nummer;Gerät;Marke\nA1;G10;HP\nB2;G11;HP\n")
        expect(page.locator("[data-drop]")).to_have_class("list-drop")
        expect(page.get_by_label("CSV file")).to_be_focused()
        page.get_by_role("button", name="Check list").click()
        expect(page.get_by_role("heading", name="Choose the columns")).to_be_visible()
        page.get_by_label("Serial number").select_option(label="1. Nummer")
        page.get_by_label("Manufacturer").select_option(label="3. Marke")
        page.get_by_label("Model").select_option(label="2. Gerät")
        page.get_by_label("The first row is a header row").check()
        page.get_by_role("button", name="Check list").click()
        expect(page.get_by_role("heading", name="cart.csv")).to_be_visible()
        page.get_by_role("button", name="Create 2 assets").click()
        page.wait_for_url(f"{url}/tasks/1")
        run_job(app, "run-tasks")
    assert serials(app) == {"A1", "B2"}


def test_text_that_is_dragged_into_the_list_is_not_a_file(url: str, browser: Browser) -> None:
    with opened(browser, url) as page:
        prevented = """(kind) => {
          const data = new DataTransfer();
          data.setData("text/plain", "A1");
          const event = new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
          return !document.querySelector("#lines").dispatchEvent(event);
        }"""
        assert [page.evaluate(prevented, kind) for kind in ("dragover", "drop")] == [False, False]


def test_an_edited_list_is_counted_immediately(url: str, browser: Browser) -> None:
    with opened(browser, url) as page:
        expect(page.locator("[data-count]")).to_have_text("No rows yet")
        page.get_by_label(LIST).fill("A1\nB_2\n\na1")
        expect(page.locator("[data-count]")).to_have_text("3 rows, 1 repeated: A1")
        page.get_by_label("Manufacturer").fill("Dell")
        page.get_by_label("Model").fill("Chromebook 3100")
        page.get_by_role("button", name="Check list").click()
        page.get_by_role("link", name="Edit list").click()
        expect(page.get_by_label(LIST)).to_have_value("A1\nB_2\na1\n")
        expect(page.get_by_label("Model")).to_have_value("Chromebook 3100")
        expect(page.locator("[data-count]")).to_have_text("3 rows, 1 repeated: A1")


def test_without_javascript_a_file_is_chosen_checked_and_created(app: Flask, url: str, browser: Browser) -> None:
    with opened(browser, url, java_script_enabled=False) as page:
        for words in ("Or drop the file here.", "Ctrl + Enter", "No rows yet"):
            expect(page.get_by_text(words)).to_be_hidden()
        data = {"name": "cart.csv", "mimeType": "text/csv", "buffer": b"Serial,Make,Model\r\nA1,HP,G10\r\n"}
        page.get_by_label("CSV file").set_input_files(files=[data])  # type: ignore[list-item]
        page.get_by_role("button", name="Check list").click()
        page.get_by_role("button", name="Create 1 asset").click()
        page.wait_for_url(f"{url}/tasks/1")
        run_job(app, "run-tasks")
    assert serials(app) == {"A1"}


def test_the_problem_of_a_file_is_visible_without_scrolling_on_a_phone(url: str, browser: Browser) -> None:
    with opened(browser, url, viewport={"width": 360, "height": 740}) as page:
        workbook = {"name": "cart.xlsx", "mimeType": "application/octet-stream", "buffer": b"PK\x03\x04"}
        page.get_by_label("CSV file").set_input_files(files=[workbook])  # type: ignore[list-item]
        page.get_by_role("button", name="Check list").click()
        expect(page.get_by_label("CSV file")).to_be_focused()
        expect(page.get_by_text("Save the sheet as CSV, then upload that file.")).to_be_in_viewport()
