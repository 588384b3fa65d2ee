"""Sheets as they come out of the printer: every label lies where the stock has it, and every code reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pypdfium2 as pdfium
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page

from request_tracker_utils.core.resources import STATIC
from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.labels.drawing import LabelContent
from request_tracker_utils.labels.format_file import read_formats
from request_tracker_utils.labels.formats import LabelFormat
from tests.functional.labels.test_printed import contents, html, show

pytestmark = pytest.mark.chromium

QR, BARCODE = zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128
TOLERANCE = 0.3
"""Millimetres that a label may lie beside its place."""
SITE_SHEET = """\
[formats.cables]
title = "Cables"
width = 60
height = 30
left = 1
top = 1
right = 1
bottom = 1
dpi = 203
font = "own.ttf"
types = ["Cable"]
sheet = { width = 210, height = 297, columns = 3, rows = 9, left = 12.3, top = 11.7, across = 63.1, down = 30.45 }
qr = { x = 1, y = 1.1, size = 17.5, max_dots = 3 }
barcode = { x = 1, y = 21.5, width = 58, height = 7 }
logo = { file = "logo.svg", x = 46, y = 1, width = 12, height = 6 }
texts = [
  { field = "tag", x = 19, y = 8, width = 40, height = 8, min_size = 8, max_size = 16, bold = true },
  { field = "model", x = 19, y = 16, width = 40, height = 4, min_size = 5, max_size = 9, align = "right" },
]
"""
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 12 6"><rect width="12" height="6" fill="#d00"/></svg>'


@dataclass(frozen=True)
class Printed:
    label: LabelFormat
    labels: list[LabelContent]
    skip: int
    page: Page
    pdf: pdfium.PdfDocument
    complaints: list[str]

    def raster(self, number: int, dpi: int) -> Image.Image:
        """The sheet at so many dots per inch, its right and bottom edge moved to whole dots: the renderer would stretch it to them."""
        page, dot = self.pdf[number], 72 / dpi
        left, bottom, right, top = page.get_mediabox()
        across, down = (ceil(length / dot - 0.01) * dot for length in (right - left, top - bottom))
        page.set_mediabox(left, top - down, left + across, top)
        return page.render(scale=1 / dot * (1 - 1e-6)).to_pil()

    def read(self, number: int, dpi: int) -> Iterator[tuple[int, dict[str, str]]]:
        """Of each label on a sheet that has codes: its place, and what the codes of that place say."""
        sheet, scale = self.raster(number, dpi).convert("L"), dpi / 25.4
        for place in range(self.label.sheet.places):
            x, y = self.label.sheet.corner(place)
            cell = sheet.crop(tuple(round(edge * scale) for edge in (x, y, x + self.label.width, y + self.label.height)))
            codes = {code.format.name: code.text for code in zxingcpp.read_barcodes(cell, [QR, BARCODE])}
            if codes:
                yield place, codes


def site_sheet(folder: Path) -> LabelFormat:
    (folder / "own.ttf").write_bytes((STATIC / "fonts/DejaVuSansCondensed.ttf").read_bytes())
    (folder / "logo.svg").write_text(LOGO)
    (folder / "formats.toml").write_text(SITE_SHEET)
    return read_formats(folder / "formats.toml")["cables"]


@pytest.fixture(scope="module", params=["avery-5160", "avery-5163", "avery-l7160", "cables"])
def printed(request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """A sheet and the beginning of a second one, with two places of the first left empty."""
    own = request.param == "cables"
    label = site_sheet(tmp_path_factory.mktemp("formats")) if own else built_in().named(request.param)
    labels, page, skip = contents()[: label.sheet.places + 2], browser.new_page(), 2
    complaints = show(page, html(label, labels, notices=["UNSEENONPAPER"], skip=skip))
    pdf = pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))
    page.emulate_media(media="print")
    yield Printed(label, labels, skip, page, pdf, complaints)
    pdf.close()
    page.close()


def test_two_sheets_of_exactly_the_stocks_size(printed: Printed) -> None:
    assert len(printed.pdf) == 2
    for page in printed.pdf:
        assert [points * 25.4 / 72 for points in page.get_size()] == pytest.approx(printed.label.page, abs=TOLERANCE)


@pytest.mark.parametrize("dpi", [203, 300])
def test_every_code_reads_in_its_place(printed: Printed, dpi: int) -> None:
    places = printed.label.sheet.places
    expected = [(number + printed.skip, label) for number, label in enumerate(printed.labels)]
    for sheet in range(2):
        here = {at - sheet * places: label for at, label in expected if at // places == sheet}
        assert dict(printed.read(sheet, dpi)) == {
            place: {"QRCode": label.qr_address, "Code128": label.tag} for place, label in here.items()
        }


def test_every_label_lies_where_the_stock_has_it(printed: Printed) -> None:
    """The middle of each QR code, as a reader finds it on the whole sheet, is that of its box."""
    scale, label = 300 / 25.4, printed.label
    found = []
    for code in zxingcpp.read_barcodes(printed.raster(0, 300).convert("L"), QR):
        corners = (code.position.top_left, code.position.bottom_right)
        found.append((code.text, sum(corner.x for corner in corners) / 2 / scale, sum(corner.y for corner in corners) / 2 / scale))
    here = printed.labels[: label.sheet.places - printed.skip]
    assert len(found) >= len(here) - 2, "the reader may overlook a code among thirty, not most of them"
    for address, x, y in found:
        place = printed.skip + [content.qr_address for content in here].index(address)
        left, top = label.sheet.corner(place)
        middle = label.qr.size / 2
        # A reader tells whole dots; half a module is what its corners may be off.
        assert (x, y) == pytest.approx((left + label.qr.x + middle, top + label.qr.y + middle), abs=TOLERANCE), address


def test_codes_are_on_whole_dots_in_every_place(printed: Printed) -> None:
    label = printed.label
    sheet = printed.raster(0, label.dpi).convert("L")
    for place in range(printed.skip, label.sheet.places):
        x, y = label.sheet.corner(place)
        for box in (label.qr.box, label.barcode.box):
            edges = (x + box.x, y + box.y, x + box.x + box.width, y + box.y + box.height)
            greys = {grey for _, grey in sheet.crop(tuple(label.dots(edge) for edge in edges)).getcolors()}
            assert all(grey < 3 or grey > 252 for grey in greys), f"place {place}: an edge lies between two dots"


def test_nothing_leaves_its_label_or_touches_another(printed: Printed) -> None:
    boxes = printed.page.evaluate("""[...document.querySelectorAll(".sheet:first-of-type .label")].map((label) =>
        [label.className, ...[...label.children].map((child) => {
            const box = child.getBoundingClientRect(), sheet = label.parentElement.getBoundingClientRect();
            return [child.className, box.left - sheet.left, box.top - sheet.top, box.right - sheet.left, box.bottom - sheet.top];
        })])""")
    pixel, area = 25.4 / 96, printed.label.printable
    assert len(boxes) == printed.label.sheet.places - printed.skip
    for name, *children in boxes:
        x, y = printed.label.sheet.corner(int(name.split("at-")[1]))
        for child, left, top, right, bottom in children:
            slack = pixel if child in ("qr", "barcode") else 0.05
            assert left * pixel >= x + area.x - slack, child
            assert top * pixel >= y + area.y - slack, child
            assert right * pixel <= x + area.x + area.width + slack, child
            assert bottom * pixel <= y + area.y + area.height + slack, child


def test_no_text_is_larger_than_its_box(printed: Printed) -> None:
    too_large = printed.page.evaluate("""[...document.querySelectorAll(".line")]
        .filter((line) => line.scrollWidth > line.clientWidth || line.scrollHeight > line.clientHeight + 1)
        .map((line) => [line.className, line.textContent])""")
    assert too_large == []


def test_what_is_for_the_screen_is_not_on_paper_and_the_browser_has_nothing_to_complain_of(printed: Printed) -> None:
    text = "".join(page.get_textpage().get_text_bounded() for page in printed.pdf)
    assert printed.labels[0].tag in text
    assert "UNSEENONPAPER" not in text
    assert printed.complaints == []


def test_a_sites_font_and_logo_are_printed(printed: Printed) -> None:
    if printed.label.logo is None:
        assert printed.page.locator(".logo").count() == 0
        return
    assert printed.page.evaluate("[...document.fonts].map((font) => font.status)") == ["loaded", "loaded"]
    x, y = printed.label.sheet.corner(printed.skip)
    logo, scale = printed.label.logo, 300 / 25.4
    middle = (round((x + logo.x + logo.width / 2) * scale), round((y + logo.y + logo.height / 2) * scale))
    assert printed.raster(0, 300).convert("RGB").getpixel(middle) == (221, 0, 0)
