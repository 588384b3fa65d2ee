"""Batches and scans in a real browser: by keyboard, without JavaScript, and while labels are still loading."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2 as pdfium
import pytest
import zxingcpp
from playwright.sync_api import Browser, Page, expect

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset, AssetStoreUnreachable
from request_tracker_utils.assets.feature import feature as assets
from tests.functional.labels.test_printing import ready as page_ready
from tests.services.apps import make_app, ready, user
from tests.services.chromium import watched
from tests.services.proxy import Gate
from tests.services.showroom import NAME, Showroom, served, sign_in

pytestmark = pytest.mark.chromium

ENTRIES = "Tags, serial numbers or asset IDs"


@pytest.fixture(scope="module")
def showroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showroom]:
    """A running app with the assets of the demonstration."""
    app = ready(make_app(tmp_path_factory.mktemp("labels"), app_url="http://utils.example.org"))
    with app.app_context():
        assert assets.demo is not None
        assets.demo.fill()
    user(app, "admin", NAME)
    with served(app) as url:
        yield Showroom(url, {}, {})


@pytest.fixture(scope="module")
def signed_in(showroom: Showroom, browser: Browser) -> Any:
    context = browser.new_context()
    sign_in(context.new_page(), showroom)
    state = context.storage_state()
    context.close()
    return state


@contextmanager
def opened(browser: Browser, **settings: Any) -> Iterator[Page]:
    """A page whose print dialog only counts."""
    with watched(browser, before="window.prints = 0; window.print = () => { window.prints += 1; };", **settings) as page:
        yield page


def codes(page: Page) -> list[dict[str, str]]:
    """The codes on each sheet of the printed page."""
    pdf = pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))
    read = []
    for sheet in pdf:
        picture = sheet.render(scale=300 / 72 * (1 - 1e-6)).to_pil().convert("L")
        read.append({code.format.name: code.text for code in zxingcpp.read_barcodes(picture)})
    pdf.close()
    return read


def test_a_pasted_list_is_printed_by_keyboard(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.keyboard.insert_text("W12-0007\nw12-0003\n#5")  # the list has the focus
        page.get_by_label("Copies of each label").fill("2")
        page.keyboard.press("Control+Enter")
        page.wait_for_function("() => window.prints === 1")
        tags = [code["Code128"] for code in codes(page)]
        assert tags == [tag for tag in ("W12-0007", "W12-0003", "W12-0005") for _ in range(2)]
        page.keyboard.press("Control+Enter")
        page.wait_for_function("() => window.prints === 2")
        page.get_by_role("link", name="Back").click()
        expect(page.get_by_role("heading", name="Print labels")).to_be_visible()


def test_the_review_shows_problems_and_a_preview(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.get_by_label("First tag").fill("W12-0001")
        page.get_by_label("Last tag").fill("W12-0020")
        page.get_by_label(ENTRIES).fill("nonsense W12-0030")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("heading", name="21 labels")).to_be_visible()
        expect(page.get_by_text("1 entry is not a known tag, serial number or asset ID: nonsense.")).to_be_visible()
        page.get_by_role("button", name="Edit selection").click()
        expect(page.get_by_label(ENTRIES)).to_have_value("nonsense W12-0030")
        page.get_by_role("button", name="Preview labels").click()
        preview = page.frame_locator("iframe[name=preview]")
        expect(preview.locator(".label")).to_have_count(10)
        large = preview.locator(".label").first.bounding_box()
        page.get_by_label("Label format", exact=True).select_option("small")
        expect(preview.get_by_role("button", name="Print")).to_have_count(0)
        page.wait_for_function(
            "width => frames[0].document.querySelector('.label')?.getBoundingClientRect().width < width", arg=large["width"] - 20
        )
        assert page.evaluate("window.prints") == 0
        page.keyboard.press("Control+Enter")
        page.wait_for_function("() => window.prints === 1")
        read = codes(page)
        assert [code["Code128"] for code in read] == ["W12-0030", *(f"W12-{number:04}" for number in range(1, 21))]
        assert read[1]["QRCode"].endswith("/assets/1")


def test_search_results_are_checked_and_printed(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.get_by_label(ENTRIES).fill("W12-0030")
        page.get_by_role("searchbox").fill("Yoga")
        page.keyboard.press("Enter")
        found = page.locator(".label-results").get_by_role("checkbox")
        expect(found.nth(1)).to_be_visible()
        names = page.locator(".label-results .tag-name").all_inner_texts()
        found.nth(0).check()
        found.nth(1).check()
        page.get_by_role("button", name="Print labels").click()
        page.wait_for_function("() => window.prints === 1")
        assert page.locator(".asset-tag").all_inner_texts() == ["W12-0030", *names[:2]]


def test_a_list_is_previewed_and_printed_without_javascript(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in, java_script_enabled=False) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.get_by_label(ENTRIES).fill("W12-0001, W12-0002")
        page.get_by_role("button", name="Preview labels").click()
        page.get_by_role("button", name="Update preview").click()
        expect(page.frame_locator("iframe[name=preview]").locator(".label")).to_have_count(2)
        page.get_by_role("button", name="Print 2 labels").click()
        expect(page.locator(".label")).to_have_count(2)
        expect(page.locator("#loading")).to_be_hidden()
        expect(page.get_by_role("button", name="Print")).to_be_visible()


def test_checked_assets_go_to_the_review(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/assets?q=Yoga")
        more = page.locator("#more-options")
        expect(more).to_be_disabled()
        page.locator("tbody").get_by_role("checkbox").nth(0).check()
        with page.context.expect_page() as popup:
            more.click()
        expect(popup.value.get_by_role("heading", name="1 label")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_labels_show_while_others_load_and_the_dialog_waits_for_the_last(
    showroom: Showroom, signed_in: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    get_many = EmbeddedAssetStore.get_many
    with opened(browser, storage_state=signed_in, viewport={"width": width, "height": 700}) as page, Gate() as gate:

        def slow(self: EmbeddedAssetStore, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
            ids = list(asset_ids)
            yield from get_many(self, ids[:40])
            gate.wait()
            yield from get_many(self, ids[40:])

        monkeypatch.setattr(EmbeddedAssetStore, "get_many", slow)
        page.goto(f"{showroom.url}/labels/batch?asset_ids={','.join(map(str, range(1, 61)))}")
        page.get_by_role("button", name="Print labels").click(no_wait_after=True)
        expect(page.locator("#loaded")).to_contain_text("of 60 labels")
        page.wait_for_function("() => document.getElementsByClassName('label').length >= 30")
        top = "document.querySelector('.label').getBoundingClientRect().top + scrollY"
        before = page.evaluate(top)
        assert page.evaluate("document.querySelector('#loading progress').value") >= 30
        assert (page.evaluate("window.prints"), page.locator("#loading button").is_disabled()) == (0, True)
        gate.open()
        page.wait_for_function("() => window.prints === 1")
        assert page.locator(".label").count() == 60
        expect(page.locator("#loading")).to_be_hidden()
        page.evaluate("document.querySelector('.notices')?.remove()")  # notices appear above the labels
        assert page.evaluate(top) == pytest.approx(before, abs=1)
        if width > 1000:
            assert len(codes(page)) == 60


def test_an_interrupted_page_opens_no_dialog_and_resumes_on_request(
    showroom: Showroom, signed_in: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_many = EmbeddedAssetStore.get_many

    def interrupted(self: EmbeddedAssetStore, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        yield from get_many(self, list(asset_ids)[:4])
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    with opened(browser, storage_state=signed_in) as page:
        monkeypatch.setattr(EmbeddedAssetStore, "get_many", interrupted)
        page.goto(f"{showroom.url}/labels/batch?asset_ids=1,2,3,4,5,6")
        page.get_by_role("button", name="Print labels").click()
        expect(page.get_by_text("The labels of 2 assets are missing.")).to_be_visible()
        monkeypatch.setattr(EmbeddedAssetStore, "get_many", get_many)
        page_ready(page)
        assert page.evaluate("window.prints") == 0
        page.get_by_role("button", name="Print missing labels").click()
        page.wait_for_function("() => window.prints === 1")
        assert page.locator(".asset-tag").all_inner_texts() == ["W12-0005", "W12-0006"]


def test_a_handheld_scanner_needs_no_mouse_between_labels(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/scan")
        result = page.locator("#said")
        for text, kind, words in (
            ("w12-0010\n", "is-good", "W12-0010"),
            ("http://utils.example.org/assets/11\n", "is-good", "W12-0011"),
            (
                "https://evil.example/assets/11\n",
                "is-bad",
                "The code is an address on evil.example, not one of our labels. Scan the label of an asset.",
            ),
            ("W12-0012\n", "is-good", "Scanned. "),
        ):
            page.keyboard.type(text)
            expect(result).to_have_class(f"scan-said {kind}")
            expect(result).to_contain_text(words)
        expect(result).to_contain_text("S/N")
        names = page.locator("#last .tag-name")
        assert names.all_inner_texts()[:4] == ["W12-0012", "https://evil.example/assets/11", "W12-0011", "W12-0010"]
        page.get_by_role("button", name="Sound is on").click()
        expect(page.get_by_role("button", name="Sound is off")).to_be_visible()
        assert page.evaluate("document.activeElement.id") == "text"
        page.reload()
        expect(page.get_by_role("button", name="Sound is off")).to_be_visible()
        page.keyboard.type("W12-0010\n")
        expect(names.first).to_have_text("W12-0010")
        assert names.all_inner_texts().count("W12-0010") == 1


def test_a_scan_is_sent_as_a_form_without_javascript(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in, java_script_enabled=False) as page:
        page.goto(f"{showroom.url}/labels/scan")
        expect(page.locator("input[autofocus]")).to_be_focused()
        page.keyboard.type("W12-0013\n")
        expect(page.locator("#said.is-good")).to_contain_text("W12-0013")
        expect(page.locator("input[autofocus]")).to_be_focused()
        page.keyboard.type("nothing\n")  # the field has the focus again
        expect(page.locator("#said.is-bad")).to_contain_text("“nothing” is not a tag.")
