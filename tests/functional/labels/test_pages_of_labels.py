"""Batches and scans in a real browser: by keyboard, without JavaScript, and while the labels are still coming."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2 as pdfium
import pytest
import zxingcpp
from playwright.sync_api import Browser, Page, expect

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset, AssetStoreUnreachable
from tests.services.chromium import watched
from tests.services.proxy import Gate
from tests.services.showroom import Showroom, full_showroom, sign_in

pytestmark = pytest.mark.chromium

LIST = "Tags, serial numbers or numbers of assets"


@pytest.fixture(scope="module")
def showroom(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Showroom]:
    with full_showroom(tmp_path_factory.mktemp("labels")) as running:
        yield running


@pytest.fixture(scope="module")
def signed_in(showroom: Showroom, browser: Browser) -> Any:
    context = browser.new_context()
    sign_in(context.new_page(), showroom)
    kept = context.storage_state()
    context.close()
    return kept


@contextmanager
def opened(browser: Browser, **settings: Any) -> Iterator[Page]:
    """A page whose print dialog only counts."""
    with watched(browser, before="window.prints = 0; window.print = () => { window.prints += 1; };", **settings) as page:
        yield page


def codes(page: Page) -> list[dict[str, str]]:
    """What a scanner reads on each sheet of the printed page."""
    pdf = pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))
    read = []
    for sheet in pdf:
        picture = sheet.render(scale=300 / 72 * (1 - 1e-6)).to_pil().convert("L")
        read.append({code.format.name: code.text for code in zxingcpp.read_barcodes(picture)})
    pdf.close()
    return read


def test_a_list_is_pasted_and_printed_by_keyboard_alone(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.keyboard.insert_text("W12-0007\nw12-0003\n#5")  # the list has the focus already
        page.get_by_label("Copies of each").fill("2")
        page.keyboard.press("Control+Enter")
        page.wait_for_function("() => window.prints === 1")
        tags = [code["Code128"] for code in codes(page)]
        assert tags == [tag for tag in ("W12-0007", "W12-0003", "W12-0005") for _ in range(2)]
        page.keyboard.press("Control+Enter")
        page.wait_for_function("() => window.prints === 2")
        page.get_by_role("link", name="Back").click()
        expect(page.get_by_role("heading", name="Print labels")).to_be_visible()


def test_what_is_not_known_is_told_and_the_preview_shows_how_the_others_print(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.get_by_label("First tag").fill("W12-0001")
        page.get_by_label("Last tag").fill("W12-0020")
        page.get_by_label(LIST).fill("nonsense W12-0030")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("heading", name="21 labels")).to_be_visible()
        expect(page.get_by_text("1 entry is no tag, serial number or number of an asset that is known: nonsense.")).to_be_visible()
        preview = page.frame_locator("iframe[name=preview]")
        expect(preview.locator(".label")).to_have_count(10)
        large = preview.locator(".label").first.bounding_box()
        page.get_by_label("Label", exact=True).select_option("small")
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


def test_the_list_is_still_there_when_one_goes_back_to_it(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.get_by_label(LIST).fill("nonsense\nW12-0030")
        page.get_by_role("button", name="Look first").click()
        page.get_by_role("button", name="Back to the list").click()
        expect(page.get_by_label(LIST)).to_have_value("nonsense\nW12-0030")


def test_what_a_search_finds_is_ticked_and_printed(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.get_by_label(LIST).fill("W12-0030")
        page.get_by_role("searchbox").fill("Yoga")
        page.keyboard.press("Enter")
        found = page.locator(".label-found").get_by_role("checkbox")
        expect(found.nth(1)).to_be_visible()
        names = page.locator(".label-found .tag-name").all_inner_texts()
        found.nth(0).check()
        found.nth(1).check()
        page.get_by_role("button", name="Print", exact=True).click()
        page.wait_for_function("() => window.prints === 1")
        assert page.locator(".asset-tag").all_inner_texts() == ["W12-0030", *names[:2]]


def test_without_javascript_a_list_is_looked_at_and_printed(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in, java_script_enabled=False) as page:
        page.goto(f"{showroom.url}/labels/batch")
        page.get_by_label(LIST).fill("W12-0001, W12-0002")
        page.get_by_role("button", name="Look first").click()
        page.get_by_role("button", name="Show the first labels").click()
        expect(page.frame_locator("iframe[name=preview]").locator(".label")).to_have_count(2)
        page.get_by_role("button", name="Print them").click()
        expect(page.locator(".label")).to_have_count(2)
        expect(page.locator("#coming")).to_be_hidden()
        expect(page.get_by_role("button", name="Print")).to_be_visible()


def test_ticked_assets_go_on_to_more_options(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/assets?q=Yoga")
        expect(page.get_by_role("button", name="More label options")).to_be_disabled()
        page.locator("tbody").get_by_role("checkbox").nth(0).check()
        with page.context.expect_page() as popup:
            page.get_by_role("button", name="More label options").click()
        expect(popup.value.get_by_role("heading", name="1 label")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_labels_show_while_others_come_and_the_dialog_waits_for_the_last(
    showroom: Showroom, signed_in: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    whole = EmbeddedAssetStore.get_many
    with opened(browser, storage_state=signed_in, viewport={"width": width, "height": 700}) as page, Gate() as gate:

        def slowly(self: EmbeddedAssetStore, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
            wanted = list(asset_ids)
            yield from whole(self, wanted[:40])
            gate.wait()
            yield from whole(self, wanted[40:])

        monkeypatch.setattr(EmbeddedAssetStore, "get_many", slowly)
        page.goto(f"{showroom.url}/labels/batch?asset_ids={','.join(map(str, range(1, 61)))}")
        page.get_by_role("button", name="Print", exact=True).click(no_wait_after=True)
        expect(page.locator("#come")).to_contain_text("of 60 labels")
        page.wait_for_function("() => document.getElementsByClassName('label').length >= 30")
        place = "document.querySelector('.label').getBoundingClientRect().top + scrollY"
        before = page.evaluate(place)
        assert page.evaluate("document.querySelector('#coming progress').value") >= 30
        assert (page.evaluate("window.prints"), page.locator("#coming button").is_disabled()) == (0, True)
        gate.open()
        page.wait_for_function("() => window.prints === 1")
        assert page.locator(".label").count() == 60
        expect(page.locator("#coming")).to_be_hidden()
        page.evaluate("document.querySelector('.notices')?.remove()")  # what is said of the labels stands above them
        assert page.evaluate(place) == pytest.approx(before, abs=1)
        assert len(codes(page)) == 60


def test_a_page_that_stops_opens_no_dialog_and_prints_the_rest_when_told(
    showroom: Showroom, signed_in: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = EmbeddedAssetStore.get_many

    def stumbling(self: EmbeddedAssetStore, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        yield from whole(self, list(asset_ids)[:4])
        raise AssetStoreUnreachable("The directory does not answer.")

    with opened(browser, storage_state=signed_in) as page:
        monkeypatch.setattr(EmbeddedAssetStore, "get_many", stumbling)
        page.goto(f"{showroom.url}/labels/batch?asset_ids=1,2,3,4,5,6")
        page.get_by_role("button", name="Print", exact=True).click()
        expect(page.get_by_text("Labels of 2 assets are not here.")).to_be_visible()
        monkeypatch.setattr(EmbeddedAssetStore, "get_many", whole)
        page.wait_for_timeout(200)
        assert page.evaluate("window.prints") == 0
        page.get_by_role("button", name="Print the rest").click()
        page.wait_for_function("() => window.prints === 1")
        assert page.locator(".asset-tag").all_inner_texts() == ["W12-0005", "W12-0006"]


def test_a_hand_scanner_needs_no_mouse_between_labels(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in) as page:
        page.goto(f"{showroom.url}/labels/scan")
        said = page.locator("#said")
        for text, look, words in (
            ("w12-0010\n", "is-good", "W12-0010"),
            ("http://utils.example.org/assets/11\n", "is-good", "W12-0011"),
            ("https://evil.example/assets/11\n", "is-bad", "This is an address of evil.example, not a label of ours."),
            ("W12-0012\n", "is-good", "Scanned. "),
        ):
            page.keyboard.type(text)
            expect(said).to_have_class(f"scan-said {look}")
            expect(said).to_contain_text(words)
        expect(said).to_contain_text("S/N")
        assert page.locator("#last .tag-name").all_inner_texts()[:4] == [
            "W12-0012",
            "https://evil.example/assets/11",
            "W12-0011",
            "W12-0010",
        ]
        page.get_by_role("button", name="Sound is on").click()
        expect(page.get_by_role("button", name="Sound is off")).to_be_visible()
        assert page.evaluate("document.activeElement.id") == "text"
        page.reload()
        expect(page.get_by_role("button", name="Sound is off")).to_be_visible()
        page.keyboard.type("W12-0010\n")
        expect(page.locator("#last .tag-name").first).to_have_text("W12-0010")
        assert page.locator("#last .tag-name").all_inner_texts().count("W12-0010") == 1


def test_without_javascript_a_scan_sends_the_form(showroom: Showroom, signed_in: Any, browser: Browser) -> None:
    with opened(browser, storage_state=signed_in, java_script_enabled=False) as page:
        page.goto(f"{showroom.url}/labels/scan")
        page.keyboard.type("W12-0013\n")
        expect(page.locator("#said.is-good")).to_contain_text("W12-0013")
        page.keyboard.type("nothing\n")  # the field has the focus again
        expect(page.locator("#said.is-bad")).to_contain_text("“nothing” is no tag of ours.")
