"""Creating assets one after another with a scanner, by keyboard, and without JavaScript."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.core.db import reading
from request_tracker_utils.labels.models import LabelPrint
from tests.functional.assets.creation_page.scanning import (
    SERIAL,
    Server,
    answered,
    created,
    fill_in,
    has_focus,
    opened,
    row,
    scan,
    tags_of,
    wait_for,
)
from tests.services.creations import create_confirmed

pytestmark = pytest.mark.chromium


def test_sixty_laptops_are_scanned_in_a_row_without_leaving_the_scanner(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"5CD{number:05}XK" for number in range(60)]
    with opened(browser, server) as page:
        checks: list[str] = []
        page.on("request", lambda request: checks.append(request.url) if "validate-serial" in request.url else None)
        page.keyboard.type(f"{serials[0]}\n")  # the field has the focus; Enter moves it to a missing field
        for value in ("Dell", "Chromebook 3100"):
            page.locator(":focus").fill(value)
            page.keyboard.press("Enter")
        scan(page, *serials[1:])
        assert (page.get_by_label(SERIAL).input_value(), has_focus(page)) == ("", "serial_number")
        wait_for(page, 60)
        expect(page.locator("#count")).to_have_text("60")
        expect(page.locator("#list [data-printed]")).to_have_count(60, timeout=60_000)
        assert page.evaluate("printed") == [tag for _, tag in tags_of(serials)]
        expect(page.locator("#next-tag")).to_have_text("W12-0061")
        assert (has_focus(page), page.locator(".print-frame").count()) == ("serial_number", 0)
        assert len(checks) < 6  # a busy machine types with a pause now and then, which looks like a person
        page.reload()
        expect(page.locator("#list [data-printed]")).to_have_count(60)
    assert created(app) == tags_of(serials)
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(LabelPrint)) == 60


def test_an_existing_serial_number_stays_in_the_field_for_the_next_scan_to_replace(browser: Browser, app: Flask, server: Server) -> None:
    with app.app_context():
        asset_store().create(NewAsset("Cart 4", serial="OLD-1"))
    with opened(browser, server) as page:
        fill_in(page)
        scan(page, "old-1")
        field = page.get_by_label(SERIAL)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_value("old-1")
        expect(field).to_have_accessible_description(re.compile(r"already exists \(Asset #1\)"))
        expect(row(page, "old-1")).to_contain_text("already exists (Asset #1)")
        assert page.evaluate("[getSelection().toString(), document.activeElement.id]")[1] == "serial_number"
        scan(page, "NEW-1")
        wait_for(page, 1)
        expect(field).not_to_have_attribute("aria-invalid", "true")
        row(page, "old-1").get_by_role("button", name="Remove").click()
        expect(row(page, "old-1")).to_have_count(0)
    assert [serial for serial, _ in created(app)] == ["OLD-1", "NEW-1"]


def test_scanning_an_asset_twice_is_reported_and_creates_no_duplicate(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server) as page:
        fill_in(page)
        scan(page, "SN-1")
        wait_for(page, 1)
        scan(page, "SN-1")
        expect(page.locator('#list [data-state="failed"]')).to_contain_text("already exists (Asset #1)")
        page.keyboard.press("Escape")
        assert page.get_by_label(SERIAL).input_value() == ""
    assert created(app) == tags_of(["SN-1"])


def test_an_invalid_serial_number_is_reported_immediately_and_not_sent(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        fill_in(page)
        sent: list[str] = []
        page.on(
            "request", lambda request: sent.append(request.url) if "/assets/" in request.url and "/static/" not in request.url else None
        )
        allowed = "only contain letters, digits and hyphens, not"
        for serial, words in (
            ("5CD 21/98", f"{allowed} a space"),
            ("5CDé2198", f"{allowed} “é” (U+00E9)"),
            ("5CD\u00ad2198", f"{allowed} U+00AD."),
            ("X" * 51, "at most 50 characters"),
        ):
            page.keyboard.type(serial)
            expect(page.locator("#serial-check")).to_contain_text(words)
            page.keyboard.press("Enter")
            expect(page.get_by_label(SERIAL)).to_have_accessible_description(re.compile(re.escape(words)))
            page.wait_for_timeout(600)
            assert (sent, page.get_by_label(SERIAL).input_value()) == ([], serial)
            page.keyboard.press("Escape")


def test_enter_moves_to_a_missing_field_and_retains_the_serial_number(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server) as page:
        asked = answered(page)
        page.get_by_label("Manufacturer").fill("Dell")
        page.get_by_label(SERIAL).focus()
        scan(page, "SN-1")
        expect(page.get_by_label("Model")).to_be_focused()
        expect(page.get_by_label("Model")).to_have_accessible_description("Model is required.")
        assert (asked, page.get_by_label(SERIAL).input_value()) == ([], "SN-1")
        page.get_by_label("Model").fill("Chromebook 3100")
        page.keyboard.press("Enter")
        wait_for(page, 1)
        assert has_focus(page) == "serial_number"


def test_common_fields_stay_until_they_are_cleared(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        fill_in(page, **{"Internal name": "Dell CB 3100 #09", "Category": "Laptop", "Funding source": "Title I"})
        asked = answered(page)
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
        assert [request.post_data_json["internal_name"] for request in asked] == ["Dell CB 3100 #09", "Dell CB 3100 #10"]
        page.reload()
        values = {label: page.get_by_label(label).input_value() for label in ("Manufacturer", "Model", "Internal name", "Funding source")}
        assert values == {
            "Manufacturer": "Dell",
            "Model": "Chromebook 3100",
            "Internal name": "Dell CB 3100 #11",
            "Funding source": "Title I",
        }
        with page.expect_response("**/assets/batch/clear-form") as cleared:
            page.get_by_role("button", name="Clear form").click()
        assert cleared.value.status == 200
        page.reload()
        assert [page.get_by_label(label).input_value() for label in values] == [""] * 4
        assert page.locator("#model-before option").get_attribute("value") == "Chromebook 3100"


def test_an_internal_name_without_a_number_does_not_stay(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        fill_in(page, **{"Internal name": "Front office"})
        scan(page, "SN-1")
        expect(page.get_by_label("Internal name")).to_have_value("")


def test_a_serial_number_is_checked_when_typing_pauses(browser: Browser, app: Flask, server: Server) -> None:
    with app.app_context():
        create_confirmed(asset_store(), "OLD-1")
    with opened(browser, server) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.rpartition("=")[2]) if "validate-serial" in request.url else None)
        said = page.locator("#serial-check")
        page.keyboard.type("OLD-1", delay=20)
        expect(said).to_have_text("Already used by W12-0001")
        assert said.get_by_role("link").get_attribute("href") == "/assets/1"
        page.keyboard.type("2", delay=20)
        expect(said).to_have_text("OLD-12 is available.")
        assert asked == ["OLD-1", "OLD-12"]
        page.keyboard.press("Escape")
        expect(said).to_have_text("")


def test_labels_are_not_printed_automatically_if_that_is_switched_off(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        page.get_by_label("Print labels automatically").uncheck()
        page.get_by_label("Label size").select_option("small")
        fill_in(page)
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
        page.reload()
        expect(page.get_by_label("Print labels automatically")).not_to_be_checked()
        expect(page.get_by_label("Label size")).to_have_value("small")
        with page.context.expect_page() as popup:
            page.get_by_role("button", name="Print missing labels").click()
        expect(popup.value.locator(".label")).to_have_count(2)
        popup.value.close()
        page.reload()
        expect(page.locator("#list [data-printed]")).to_have_count(2)
        expect(page.get_by_role("button", name="Print missing labels")).to_be_hidden()


TRANSITION_WHILE_GOOD = """() => {
  const edge = document.getElementById("edge").cloneNode(); // the page itself may be past that moment
  edge.className = "created-edge is-good";
  document.body.append(edge);
  const duration = getComputedStyle(edge).transitionDuration;
  edge.remove();
  return duration;
}"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_success_and_failure_are_signalled_by_sound_color_and_text(browser: Browser, server: Server, motion: str) -> None:
    with opened(browser, server, reduced_motion=motion) as page:
        fill_in(page)
        scan(page, "SN-1")
        expect(page.locator("#edge")).to_have_class("created-edge is-good")
        expect(page.locator("#said")).to_have_class("created-said is-good")
        expect(page.locator("#said")).to_contain_text("SN-1 · Dell Chromebook 3100")
        moves = page.evaluate(TRANSITION_WHILE_GOOD)
        expect(page.locator("#edge")).to_have_class("created-edge")
        assert (moves, page.evaluate("tonesHeard")) == ("0s", 2)
        scan(page, "SN-1")
        expect(page.locator("#edge")).to_have_class("created-edge is-bad")
        expect(page.locator("#said")).to_have_class("created-said is-bad")
        assert page.evaluate("tonesHeard") == 4
        page.get_by_label("Sound").uncheck()
        page.reload()
        expect(page.get_by_label("Sound")).not_to_be_checked()
        scan(page, "SN-2")
        wait_for(page, 2)
        assert page.evaluate("tonesHeard") == 0


def test_without_javascript_the_form_creates_an_asset_and_links_to_its_label(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server, java_script_enabled=False) as page:
        fill_in(page)
        page.get_by_label(SERIAL).fill("SN-1")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Print its label.")).to_be_visible()
        page.goto(f"{server.url}/assets/create")
        expect(row(page, "SN-1").get_by_role("link", name="Print label")).to_have_attribute("href", "/labels/print?asset_id=1&autoprint=1")
        page.get_by_label("Manufacturer").fill("Dell")
        page.get_by_label(SERIAL).fill("SN-2")
        page.get_by_role("button", name="Create asset").click()
        expect(page.get_by_label("Model")).to_have_accessible_description("Missing required field: model")
    with app.app_context(), reading() as session:
        assert list(session.scalars(select(Creation.state))) == [CreationState.CREATED]
