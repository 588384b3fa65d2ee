"""Pages in a real browser: with the keyboard alone, on a phone, without JavaScript, in the dark, and under their own content policy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.services.apps import PASSWORD
from tests.services.chromium import watched
from tests.services.showroom import NAME, Showroom, empty_showroom, full_showroom, set_up, sign_in

pytestmark = pytest.mark.chromium

PHONE = {"width": 360, "height": 740}

# The page may not scroll sideways, and nothing that is not meant to scroll may reach over the edge.
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => element && (getComputedStyle(element).overflowX === "auto" || scrolls(element.parentElement));
  const over = [...document.body.querySelectorAll("*")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.right > width + 1 && getComputedStyle(element).visibility !== "hidden" && !scrolls(element.parentElement);
  });
  return [document.documentElement.scrollWidth - width, over.map((element) => element.outerHTML.slice(0, 90))];
}"""

# Each text against what lies behind it, by WCAG 2.2's formula.
FAINT = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.body.querySelectorAll("*")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility() || element.closest(":disabled, .secret, .visually-hidden, option")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(parse(style.color)), light(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (contrast < (large ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 90)}`);
  }
  return faint;
}"""

SMALL_TARGETS = """() => [...document.querySelectorAll("button, input:not([type=hidden]), select, a.btn, nav a, .first a")]
  .filter((element) => element.checkVisibility())
  .map((element) => [(element.closest("label") || element).getBoundingClientRect(), element.outerHTML.slice(0, 90)])
  .filter(([box]) => box.height < 43.5).map(([box, html]) => `${box.height} ${html}`)"""


@pytest.fixture(scope="module")
def showroom(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Showroom]:
    with full_showroom(tmp_path_factory.mktemp("full")) as running:
        yield running


@pytest.fixture(scope="module")
def signed_in(showroom: Showroom, browser: Browser) -> Any:
    """What a browser keeps that ada signed in with."""
    context = browser.new_context()
    sign_in(context.new_page(), showroom)
    kept = context.storage_state()
    context.close()
    return kept


def focus(page: Page) -> str:
    """What the focus is on: its accessible text."""
    return str(
        page.evaluate("(e => e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent || '')(document.activeElement)")
    ).strip()


def tab_to(page: Page, name: str) -> None:
    for _ in range(60):
        if focus(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no number of tabs leads to {name!r}")


def test_signing_in_searching_and_printing_work_with_the_keyboard(showroom: Showroom, browser: Browser) -> None:
    with watched(browser) as page:
        page.goto(f"{showroom.url}/sign-in")
        page.keyboard.type(NAME)  # the first field has the focus already
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Home")).to_be_visible()

        page.keyboard.type("Yoga")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Assets")).to_be_visible()
        expect(page.get_by_role("button", name="Print labels")).to_be_disabled()
        names = page.locator("td.first a").all_inner_texts()[:2]
        for name in names:
            tab_to(page, f"Select {name}")
            page.keyboard.press("Space")
        expect(page.locator("[data-selected-count]")).to_have_text("2 selected")

        page.locator("#print-labels").focus()
        with page.context.expect_page() as opened:
            page.keyboard.press("Enter")
        labels = opened.value
        expect(labels.locator(".label")).to_have_count(2)
        assert [name in labels.content() for name in names] == [True, True]


def test_the_first_tab_skips_the_navigation(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/webhook")
        page.keyboard.press("Tab")
        assert focus(page) == "Skip to content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"


def test_signing_in_searching_and_printing_work_without_javascript(showroom: Showroom, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as page:
        sign_in(page, showroom)
        page.get_by_role("searchbox").fill("Yoga")
        page.get_by_role("button", name="Search").click()
        boxes = page.locator("tbody").get_by_role("checkbox")
        boxes.nth(0).check()
        boxes.nth(1).check()
        page.get_by_label("Label size").select_option("small")
        with page.context.expect_page() as opened:
            page.get_by_role("button", name="Print labels").click()
        expect(opened.value.locator(".label")).to_have_count(2)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_a_shift_click_selects_a_range_and_one_checkbox_selects_the_page(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/assets")
        boxes = page.locator("tbody").get_by_role("checkbox")
        boxes.nth(1).click()
        boxes.nth(5).click(modifiers=["Shift"])
        expect(page.locator("[data-selected-count]")).to_have_text("5 selected")
        page.get_by_label("All on this page").check()
        expect(page.locator("[data-selected-count]")).to_have_text("50 selected")
        page.get_by_label("All on this page").uncheck()
        expect(page.locator("[data-selected-count]")).to_have_text("None selected")


def test_the_label_size_is_remembered_and_used_in_links(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/assets")
        page.get_by_label("Label size").select_option("small")
        page.goto(f"{showroom.url}/assets?q=Dell+nothing")
        page.get_by_role("link", name="Clear search").last.click()
        expect(page.get_by_label("Label size")).to_have_value("small")
        assert "size=small" in str(page.locator("a[data-label-size]").first.get_attribute("href"))


def test_an_asset_without_a_tag_gets_one(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/assets")
        page.get_by_role("link", name="Cart 4, front", exact=True).click()
        page.get_by_role("button", name="Assign tag").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("W12-")
        expect(page.get_by_text("previous name: “Cart 4, front”").first).to_be_visible()


def test_the_secret_is_hidden_until_shown(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/webhook")
        secret = page.locator("#webhook-secret")
        page.mouse.move(0, 0)
        assert secret.evaluate("e => getComputedStyle(e).color") == "rgba(0, 0, 0, 0)"
        page.get_by_role("button", name="Show").click()
        assert secret.evaluate("e => getComputedStyle(e).color") != "rgba(0, 0, 0, 0)"


def test_the_code_is_copied_with_its_secret(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, storage_state=signed_in, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(f"{showroom.url}/webhook")
        page.locator('[data-copy="code-plugin"]').click()
        expect(page.locator('[data-copy="code-plugin"]')).to_contain_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert page.locator("#webhook-secret").text_content() in copied
        assert "Plugin('RT::Extension::AssetTagWebhook');" in copied


def test_api_routes_are_filtered_and_copied(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, storage_state=signed_in, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(f"{showroom.url}/assets")
        page.locator("footer").get_by_role("link", name="API").click()
        calls = page.locator("article")
        assert calls.filter(visible=True).count() > 3
        page.get_by_label("Find a route").fill("webhook/asset-created SECRET")
        expect(calls.filter(visible=True)).to_have_count(1)
        page.get_by_role("button", name="Copy Example request").click()
        assert page.evaluate("navigator.clipboard.readText()").startswith("curl http://utils.example.org/webhook/asset-created")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_usable_on_a_phone(theme: str, showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, viewport=PHONE, has_touch=True, color_scheme=theme, storage_state=signed_in) as page:
        for name, path in showroom.pages.items():
            page.goto(showroom.url + path)
            if name.startswith("label-"):
                continue  # a label is as wide as its paper
            assert page.evaluate(OVERFLOW) == [0, []], name
            assert page.evaluate(FAINT) == [], name
            assert page.evaluate(SMALL_TARGETS) == [], name


def test_every_page_is_legible_on_a_wide_screen(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    for theme in ("light", "dark"):
        with watched(browser, color_scheme=theme, storage_state=signed_in) as page:
            for name, path in showroom.pages.items():
                page.goto(showroom.url + path)
                if not name.startswith("label-"):
                    assert page.evaluate(OVERFLOW) == [0, []], name
                    assert page.evaluate(FAINT) == [], name


def test_pages_for_people_who_are_not_signed_in_are_usable_on_phones_and_wide_screens(showroom: Showroom, browser: Browser) -> None:
    for options in ({"viewport": PHONE, "has_touch": True}, {"color_scheme": "dark"}):
        with watched(browser, **options) as page:
            for name, path in showroom.open_pages.items():
                page.goto(showroom.url + path)
                assert page.evaluate(OVERFLOW) == [0, []], name
                assert page.evaluate(FAINT) == [], name
                assert not options.get("has_touch") or page.evaluate(SMALL_TARGETS) == [], name


def test_pages_of_students_and_teachers_are_usable_on_phones_and_wide_screens(showroom: Showroom, browser: Browser) -> None:
    for name, pages in showroom.others.items():
        for theme, size in (("light", PHONE), ("dark", PHONE), ("light", None), ("dark", None)):
            with watched(browser, color_scheme=theme, **({"viewport": size} if size else {})) as page:
                sign_in(page, showroom, name)
                for what, path in pages.items():
                    page.goto(showroom.url + path)
                    assert page.evaluate(OVERFLOW) == [0, []], what
                    assert page.evaluate(FAINT) == [], what
                    assert size is None or page.evaluate(SMALL_TARGETS) == [], what


def test_the_navigation_opens_and_closes_on_a_phone(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with watched(browser, viewport=PHONE, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/assets")
        webhook = page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhook")
        expect(webhook).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        expect(webhook).to_be_visible()
        assert page.evaluate(SMALL_TARGETS) == []
        page.keyboard.press("Escape")
        expect(webhook).to_be_hidden()


def test_pages_follow_the_systems_theme_or_the_chosen_one(showroom: Showroom, browser: Browser) -> None:
    with watched(browser, color_scheme="dark") as page:
        page.goto(f"{showroom.url}/sign-in")
        assert page.evaluate(FAINT) == []
        root = page.locator("html")
        expect(root).to_have_attribute("data-bs-theme", "dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 27)"
        page.get_by_role("button", name="Theme: system").click()
        expect(root).to_have_attribute("data-bs-theme", "light")
        page.reload()
        expect(root).to_have_attribute("data-bs-theme", "light")


def test_the_setup_link_leads_to_an_empty_program(tmp_path: Path, browser: Browser) -> None:
    with empty_showroom(tmp_path) as empty, watched(browser, viewport=PHONE) as page:
        page.goto(empty.url + empty.open_pages["set-up"])
        assert page.evaluate(OVERFLOW) == [0, []]
        assert page.evaluate(FAINT) == []
        password = page.get_by_label("Password", exact=True)
        password.fill(PASSWORD)
        page.get_by_role("button", name="Show password").click()
        expect(password).to_have_attribute("type", "text")
        set_up(page, empty)
        page.goto(f"{empty.url}/assets")
        assert page.evaluate(OVERFLOW) == [0, []]
        expect(page.locator("section.panel").get_by_role("link", name="Create assets")).to_be_visible()
        page.get_by_role("link", name="Connect Request Tracker").click()
        expect(page.get_by_text("The address below is reachable only from this computer.")).to_be_visible()
