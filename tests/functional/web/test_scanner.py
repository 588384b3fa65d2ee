"""Scans are told from typing on every page with a scan field: ended by Enter or Tab, fast or slow, whatever has the focus."""

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from tests.functional.assets.creation_page.scanning import Server, created, has_focus
from tests.functional.students.scan.page.conftest import database_url, school, server  # noqa: F401 — fixtures
from tests.services.creations import create_confirmed
from tests.services.scan_station import entries, opened, says
from tests.services.scanner import FAST, PERSON, SLOW, press_keys
from tests.services.school import School

pytestmark = pytest.mark.chromium
HINT = "your scanner ends with Tab"
EVENTS = """for (const name of ["input", "change"]) document.addEventListener(name, ({ target }) => {
  window.told = [...(window.told ?? []), `${target.id} ${name} ${target.value}`];
});"""


def value(page: Page, field: str) -> str:
    return page.locator(f"#{field}").input_value()


def hint(page: Page) -> None:
    expect(page.get_by_text(HINT)).to_be_visible()


def test_the_station_takes_scans_with_either_ending_wherever_the_focus_is(browser: Browser, school: School, server: Server) -> None:  # noqa: F811
    school.student("026049")
    school.device("W12-7004")
    with opened(browser, server) as page:
        # into the scan field
        press_keys(page, "026049\tW12-7004\t")
        says(page, "W12-7004", "Assigned to Grace Hopper (026049) with charger and case.")
        assert (value(page, "code"), has_focus(page)) == ("", "code")
        expect(page.get_by_text(HINT)).to_have_count(0)

        # into another field, which gets back its text: the scan uses and clears it
        page.keyboard.press("F8")
        page.evaluate(EVENTS)
        for ending in ("\n", "\t", "\t\n", "\n\n"):
            page.locator("#ticket").fill("Hinge broken")
            page.evaluate("told = []")
            press_keys(page, f"nobody{ending}")
            says(page, "Failed", "“nobody” does not match a student or a device. Scan again.")
            assert (value(page, "ticket"), has_focus(page)) == ("", "code")
            told = page.evaluate("told.filter((each) => each.startsWith('ticket'))")
            assert told[-2:] == ["ticket input Hinge broken", "ticket change Hinge broken"]  # it was filled in without leaving the field
        failed = 4
        expect(entries(page, "failed")).to_have_count(failed)

        # into a date and a choice, and onto a button, which is not pressed
        for control in ("#due", 'input[value="return"]', 'button[type="submit"]'):
            page.keyboard.press("F2")
            page.locator(control).first.focus()
            press_keys(page, "nobody\n")
            failed += 1
            expect(entries(page, "failed")).to_have_count(failed)
            assert (value(page, "due"), has_focus(page)) == ("", "code")


def test_typing_repetition_and_pauses_are_told_from_scans(browser: Browser, school: School, server: Server) -> None:  # noqa: F811
    with opened(browser, server) as page:
        page.keyboard.press("F8")
        for keys, apart, repeated in (
            ("W12-0001", PERSON, False),
            ("W12-0001", SLOW, False),
            ("aaaaaaaa", 0.03, True),
            ("ab", FAST, False),
        ):
            page.locator("#ticket").fill("")
            press_keys(page, keys, apart=apart, repeated=repeated)
            press_keys(page, "\t", apart=0.02)
            assert (value(page, "ticket"), has_focus(page) == "ticket") == (keys, False)
        page.locator("#ticket").fill("")
        page.evaluate("navigator.clipboard?.writeText('')")
        page.locator("#ticket").evaluate(
            "(field) => { field.value = 'W12-0001'; field.dispatchEvent(new ClipboardEvent('paste', { bubbles: true })) }"
        )
        press_keys(page, "\n")
        assert value(page, "ticket") == "W12-0001"
        expect(entries(page)).to_have_count(0)

        # a pause within a scan, of the computer or the radio link, does not cut it
        page.keyboard.press("F9")
        for pauses in ({1: 0.2}, {2: 0.25}, {4: 1.5}, {3: 0.4, 6: 0.9}, {8: 0.1}):
            page.locator("#sound").focus()
            press_keys(page, "W12-0001\t", pauses=pauses)
            says(page, "W12-0001")
            page.keyboard.press("F9")
            expect(page.locator('#said [data-of="line"]')).to_have_text("Look up")


def test_a_slow_scanner_that_ends_with_tab_is_explained(browser: Browser, school: School, server: Server) -> None:  # noqa: F811
    school.student("026049")
    school.device("W12-7004")
    with opened(browser, server) as page:
        press_keys(page, "026049\t", apart=SLOW)
        hint(page)
        assert has_focus(page) != "code"  # Tab works for people
        press_keys(page, "W12-7004\t", apart=SLOW)
        assert value(page, "code") == "W12-7004"  # it does not pile up
        expect(entries(page)).to_have_count(0)
        page.locator("#code").fill("")
        press_keys(page, "026049\n", apart=SLOW)
        says(page, "Grace Hopper")
        expect(page.get_by_text(HINT)).to_have_count(0)
        press_keys(page, "1001\t", apart=PERSON)
        expect(page.get_by_text(HINT)).to_have_count(0)


def test_the_test_code_says_how_the_scanner_is_set_up(browser: Browser, school: School, server: Server) -> None:  # noqa: F811
    with opened(browser, server) as page:
        for ending, words in (("\n", "It ends with Enter."), ("\t", "It ends with Tab,")):
            press_keys(page, f"TEST:Qwazy-M019{ending}")
            says(page, "Scanner ready")
            expect(page.locator('#said [data-of="words"]')).to_contain_text(words)
        for code, words in (("TESTÖQwayzßM019", "keyboard language differs"), ("test:qWAZY-m019", "Caps Lock is on")):
            press_keys(page, f"{code}\n")
            says(page, "Failed")
            expect(page.locator('#said [data-of="words"]')).to_contain_text(words)
        press_keys(page, "]C1TEST:Qwazy-M019\n")
        says(page, "Scanner ready")
        press_keys(page, "Z&é)ààà&\t")
        says(page, "Failed")
        expect(page.locator('#said [data-of="words"]')).to_contain_text("“Z&é)ààà&” is probably W12-0001.")


def test_create_assets_takes_scans_with_either_ending(browser: Browser, app: Flask, server: Server) -> None:  # noqa: F811
    with app.app_context():
        create_confirmed(asset_store(), "5CD2198XK")
    with opened(browser, server) as page:
        page.goto(f"{server.url}/assets/create")
        page.get_by_label("Print labels automatically").uncheck()

        # without a manufacturer: neither scan gets into it, and neither is lost silently
        press_keys(page, "TABSER01\t")
        expect(page.get_by_label("Manufacturer")).to_be_focused()
        press_keys(page, "TABSER02\t\n")
        words = "TABSER02 was not added. Fill in Manufacturer for TABSER01, press Enter, then scan TABSER02 again."
        says(page, "Not created", words)
        assert (value(page, "serial_number"), value(page, "manufacturer"), value(page, "model")) == ("TABSER01", "", "")
        press_keys(page, "Dell\t", apart=PERSON)
        assert has_focus(page) == "model"
        press_keys(page, "Chromebook 3100\n", apart=PERSON)
        says(page, "W12-0002", "TABSER01 · Dell Chromebook 3100")

        # from the scan field, and from another one
        press_keys(page, "TABSER02\tTABSER03\t\n")
        page.get_by_label("Manufacturer").focus()
        page.evaluate(EVENTS)
        page.evaluate("manufacturer.setSelectionRange(1, 3)")
        press_keys(page, "TABSER04\n")
        assert page.evaluate("[manufacturer.value, manufacturer.selectionStart, manufacturer.selectionEnd]") == ["Dell", 1, 3]
        assert page.evaluate("told.filter((each) => each.startsWith('manufacturer')).at(-1)") == "manufacturer input Dell"
        press_keys(page, "ENTSER05\n")
        page.get_by_label("Model").focus()
        press_keys(page, "]C1TABSER06\t")
        press_keys(page, "s/n: tab\u2010ser-07\n")
        expect(page.locator('#list [data-state="created"]')).to_have_count(7)
        assert (value(page, "manufacturer"), value(page, "model")) == ("Dell", "Chromebook 3100")

        # what a manufacturer puts before a serial number that exists
        press_keys(page, "S5CD2198XK\nSREAL0001\n")
        expect(page.locator('#list [data-state="created"]')).to_have_count(8)
        twin = page.locator('#list [data-serial="s5cd2198xk"]')
        expect(twin).to_contain_text("5CD2198XK already exists (W12-0001). The S before it is probably the manufacturer’s prefix.")
        twin.get_by_role("button", name="Retry").click()
        expect(page.locator('#list [data-state="created"]')).to_have_count(9)
    serials = [f"TABSER{number:02}" for number in range(1, 5)] + ["ENTSER05", "TABSER06", "tab-ser-07", "SREAL0001", "S5CD2198XK"]
    assert [serial for serial, _tag in created(app)] == ["5CD2198XK", *serials]
    with app.app_context():
        assert {(asset.manufacturer, asset.model) for asset in asset_store().find_by_serials(serials)} == {("Dell", "Chromebook 3100")}


def test_a_cart_gets_one_line_for_each_scan(browser: Browser, server: Server) -> None:  # noqa: F811
    with opened(browser, server) as page:
        page.goto(f"{server.url}/assets/import")
        press_keys(page, "CART-01\nCART-02\tCART-03\t\nCART-04\n")
        assert value(page, "lines") == "CART-01\nCART-02\nCART-03\nCART-04\n"
        page.get_by_label("Manufacturer").fill("Dell")
        press_keys(page, "CART-05\tCART-06\n")
        page.get_by_label("Catalog").focus()
        catalog = value(page, "catalog")
        press_keys(page, "CART-07\n")
        assert value(page, "lines") == "".join(f"CART-0{number}\n" for number in range(1, 8))
        assert (value(page, "manufacturer"), value(page, "catalog"), has_focus(page)) == ("Dell", catalog, "lines")
        expect(page.locator("[data-count]")).to_have_text("7 rows")
        page.get_by_label("Model").focus()
        assert page.locator("#manufacturer-before option").count() == 0
        press_keys(page, "Chromebook\t", apart=PERSON)
        assert (value(page, "model"), has_focus(page)) == ("Chromebook", "category")

        # values that were just used are offered for the next cart, and on Create assets
        page.get_by_role("button", name="Check list").click()
        expect(page.get_by_role("button", name="Create 7 assets")).to_be_visible()
        for address in ("/assets/import", "/assets/create"):
            page.goto(server.url + address)
            offered = [page.locator(f"#{field}-before option").get_attribute("value") for field in ("manufacturer", "model")]
            assert offered == ["Dell", "Chromebook"]
        expect(page.get_by_text(re.compile(r"The QR codes lead to 127\.0\.0\.1:\d+, which only this computer can reach"))).to_be_visible()


def test_a_list_of_labels_gets_one_line_for_each_scan(browser: Browser, app: Flask, server: Server) -> None:  # noqa: F811
    with app.app_context():
        for serial in ("SN-1", "SN-2", "SN-3"):
            create_confirmed(asset_store(), serial)
    with opened(browser, server) as page:
        page.goto(f"{server.url}/labels/batch")
        press_keys(page, "W12-0001\tW12-0002\t")
        page.get_by_label("Copies").focus()
        press_keys(page, "W12-0003\n")
        assert value(page, "lines") == "W12-0001\nW12-0002\nW12-0003\n"
        assert [value(page, field) for field in ("first", "last", "copies")] == ["", "", "1"]
        expect(page).to_have_url(f"{server.url}/labels/batch")


def test_labels_are_scanned_with_either_ending(browser: Browser, app: Flask, server: Server) -> None:  # noqa: F811
    with app.app_context():
        for serial in ("SN-1", "SN-2", "SN-3", "SN-4"):
            create_confirmed(asset_store(), serial)
    with opened(browser, server) as page:
        page.goto(f"{server.url}/labels/scan")
        press_keys(page, "W12-0001\tW12\u20130002\n")
        expect(page.locator("#last li")).to_have_count(2)
        page.locator("#mute").focus()
        press_keys(page, "W12-0003\t")
        says(page, "W12-0003")
        expect(page.locator("#mute")).to_have_text("Sound is on")
        page.locator("h1").click()
        press_keys(page, "]C1W12-0004\n")
        says(page, "W12-0004")
        expect(page.locator("#last li")).to_have_count(4)
        press_keys(page, "W12-0001\t", apart=SLOW)
        hint(page)

        # of two quick scans, the newest is the large text, even if it is answered first
        page.locator("#text").fill("")
        held: list[Route] = []
        page.route("**/labels/scan", lambda route: held.append(route) if not held else route.continue_())
        press_keys(page, "nothing\nW12-0002\n")
        says(page, "W12-0002")
        held[0].continue_()
        expect(page.locator("#last li.is-bad")).to_have_text(re.compile("nothing"))
        expect(page.locator("#said")).to_have_class("scan-said is-good")
        says(page, "W12-0002")
        assert page.locator("#last .tag-name").all_inner_texts()[:2] == ["W12-0002", "nothing"]


def test_searches_take_scans_from_anywhere_on_the_page(browser: Browser, app: Flask, school: School, server: Server) -> None:  # noqa: F811
    with app.app_context():
        asset_store().create(NewAsset("W12-0001", serial="SN00001"))
        asset_store().create(NewAsset("W12-0002", serial="SN00002"))
    with opened(browser, server) as page:
        for address, other in (("/assets", "#holder"), ("/devices", "#q"), ("/", "body")):
            for ending in ("\n", "\t"):
                page.goto(server.url + address)
                page.locator(other).first.focus()
                press_keys(page, f"W12-0002{ending}")
                expect(page).to_have_url(re.compile(r"[?&]q=W12-0002"))
                assert "holder=W12" not in urlsplit(page.url).query
                expect(page.get_by_role("main")).to_contain_text("W12-0002")
    with opened(browser, server) as page:
        # a scan that began before the page's script is not cut, and a person's Tab works
        begun = "() => { window.q?.focus(); window.q?.setRangeText('W', 0, 0, 'end'); }"
        page.add_init_script(f"document.addEventListener('readystatechange', {begun}, {{ once: true }})")
        page.goto(f"{server.url}/assets")
        press_keys(page, "12-0001\n")
        expect(page).to_have_url(re.compile(r"[?&]q=W12-0001"))
        page.goto(f"{server.url}/assets")
        page.locator("#q").fill("")
        press_keys(page, "cart\t", apart=PERSON)
        assert (urlsplit(page.url).query, value(page, "q"), has_focus(page)) == ("", "cart", "catalog")
