"""Every format as it leaves the printer: printed by Chromium to PDF, rasterized at the printer's resolution, and read back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import ceil
from pathlib import Path

import pypdfium2 as pdfium
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from request_tracker_utils.core.settings import STATIC
from request_tracker_utils.labels.barcodes import barcode_modules
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.installed_formats import built_in_formats, read_formats
from request_tracker_utils.labels.renderer import LabelContent
from request_tracker_utils.web.security import policy
from tests.services.label_pages import PAGE_OPTIONS, label_page
from tests.services.tables import check_all

pytestmark = pytest.mark.chromium

SITE = "http://labels.test"
POLICY = policy(PAGE_OPTIONS["nonce"], embedded_fonts=True)
QR, BARCODE = zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128
RESOLUTIONS = (203, 300)
MODELS = [
    "Chromebook 3100",
    'Dell Latitude 5440 (14") <i5>',
    "",
    "Projecteur Épson №5",
    "ThinkPad 😀 " + "very long name " * 20,
    "מחשב נייד",
]
USUAL = 42
"""Every combination of a model with a serial number of each length."""
TOLERANCE = 0.3
"""Millimeters by which a page may differ from its stock, and a label from its position."""
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


def contents() -> list[LabelContent]:
    """Labels of all kinds; the last barcodes are as long as fit on the small label."""
    usual = [
        LabelContent(
            number,
            f"W12-{number:04}" if number % 5 else f"{990_000 + number}",
            f"https://rt.example.org/Asset/Display.html?id={number * 9973}",
            serial="" if number % 7 == 0 else f"5CD{number:07}" * (1 + number % 4),
            model=MODELS[number % len(MODELS)],
            fields={"Funding Source": "Title I" if number % 3 else "Elementary and Secondary School Emergency Relief"},
        )
        for number in range(1, USUAL + 1)
    ]
    long = [replace(usual[0], asset_id=n, tag="W" * n, qr_address="https://a.example/" + "x" * n * 10) for n in (15, 16, 17)]
    return usual + long


@dataclass
class Printout:
    """A printed page. The first `skip` positions of a sheet are empty."""

    label: LabelFormat
    labels: list[LabelContent]
    skip: int
    page: Page
    pdf: pdfium.PdfDocument
    complaints: list[str]
    rasters: dict[tuple[int, int], Image.Image] = field(default_factory=dict)

    def raster(self, number: int, dpi: int) -> Image.Image:
        """A page in grays at this resolution; each is rasterized once."""
        if (number, dpi) not in self.rasters:
            page, dot = self.pdf[number], 72 / dpi
            if self.label.sheet:
                # The right and bottom edges are moved to whole dots, because the renderer would stretch the page to them.
                left, bottom, right, top = page.get_mediabox()
                across, down = (ceil(length / dot - 0.01) * dot for length in (right - left, top - bottom))
                page.set_mediabox(left, top - down, left + across, top)
            # The renderer rounds up: a millionth too much would stretch the page by a dot.
            self.rasters[number, dpi] = page.render(scale=1 / dot * (1 - 1e-6)).to_pil().convert("L")
        return self.rasters[number, dpi]

    def cell(self, number: int, dpi: int) -> Image.Image:
        """One label, by its number."""
        if not self.label.sheet:
            return self.raster(number, dpi)
        sheet, position = divmod(number + self.skip, self.label.sheet.label_count)
        (x, y), scale = self.label.sheet.corner(position), dpi / 25.4
        edges = (x, y, x + self.label.width, y + self.label.height)
        return self.raster(sheet, dpi).crop(tuple(round(edge * scale) for edge in edges))

    def box(self, number: int, x: float, y: float, width: float, height: float) -> Image.Image:
        """A box of one label at the resolution of its format, cut at the nearest dots."""
        sheet, left, top = number, 0.0, 0.0
        if self.label.sheet:
            sheet, position = divmod(number + self.skip, self.label.sheet.label_count)
            left, top = self.label.sheet.corner(position)
        edges = (left + x, top + y, left + x + width, top + y + height)
        return self.raster(sheet, self.label.dpi).crop(tuple(self.label.dots(edge) for edge in edges))

    def qr(self, number: int) -> Image.Image:
        box = self.label.qr
        return self.box(number, box.x, box.y, box.size, box.size)

    def barcode(self, number: int) -> Image.Image:
        box = self.label.barcode
        return self.box(number, box.x, box.y, box.width, box.height)


@contextmanager
def printout(browser: Browser, label: LabelFormat) -> Iterator[Printout]:
    """The first sheet has two empty positions and a second sheet follows; of a roll, every content is printed."""
    skip = 2 if label.sheet else 0
    labels = contents()[: label.sheet.label_count + 2] if label.sheet else contents()
    page = browser.new_page()
    complaints = show(page, label_page(labels, label, notices=["UNSEENONPAPER"], back="/assets", skip=skip))
    pdf = pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))
    page.emulate_media(media="print")
    try:
        yield Printout(label, labels, skip, page, pdf, complaints)
    finally:
        pdf.close()
        page.close()


def show(page: Page, html: str) -> list[str]:
    """Opens the page under its content policy, without network access. Returns the errors that the browser logs."""
    complaints: list[str] = []

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(SITE)
        if path.startswith("/static/"):
            route.fulfill(path=STATIC / path.removeprefix("/static/"))
        elif path == "/labels/print":
            route.fulfill(body=html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})
        else:
            complaints.append(f"requested {route.request.url}")
            route.abort()

    page.route("**/*", answer)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script("window.prints = 0; window.print = () => { window.prints += 1; };")
    page.goto(f"{SITE}/labels/print")
    ready(page)
    return complaints


def ready(page: Page) -> None:
    """Waits until the page is ready to print."""
    page.evaluate("""async () => {
        await document.fonts.ready;
        await Promise.all([...document.images].map((image) => image.decode()));
        await new Promise((done) => setTimeout(done));
    }""")


def site_format(folder: Path) -> LabelFormat:
    (folder / "own.ttf").write_bytes((STATIC / "fonts/DejaVuSansCondensed.ttf").read_bytes())
    (folder / "logo.svg").write_text(LOGO)
    (folder / "formats.toml").write_text(SITE_SHEET)
    return read_formats(folder / "formats.toml")["cables"]


@pytest.mark.parametrize("name", [*(label.name for label in built_in_formats().all()), "cables"])
def test_a_format_prints_labels_that_scan(name: str, browser: Browser, tmp_path: Path) -> None:
    label = site_format(tmp_path) if name == "cables" else built_in_formats().get(name)
    with printout(browser, label) as printed:
        check_all(CHECKS + (SHEET_CHECKS if label.sheet else ROLL_CHECKS), lambda check: check(printed))


def pages_have_the_size_of_the_stock(printed: Printout) -> None:
    assert len(printed.pdf) == (2 if printed.label.sheet else len(printed.labels))
    for page in printed.pdf:
        assert [points * 25.4 / 72 for points in page.get_size()] == pytest.approx(printed.label.page, abs=TOLERANCE)


def every_code_reads_at_both_resolutions(printed: Printout) -> None:
    """Also at another resolution than the format's, where modules are not whole dots. On a roll, the codes that use all the space are too
    fine for that."""
    for dpi in RESOLUTIONS:
        count = len(printed.labels) if printed.label.sheet or dpi == printed.label.dpi else USUAL
        for number, content in enumerate(printed.labels[:count]):
            codes = {code.format.name: code.text for code in zxingcpp.read_barcodes(printed.cell(number, dpi), [QR, BARCODE])}
            assert codes == {"QRCode": content.qr_address, "Code128": content.tag}, (dpi, number)


def codes_are_vectors_on_whole_dots(printed: Printout) -> None:
    kinds = {item.type for item in printed.pdf[0].get_objects(max_depth=5)}
    assert pdfium.raw.FPDF_PAGEOBJ_PATH in kinds
    assert pdfium.raw.FPDF_PAGEOBJ_IMAGE not in kinds or printed.label.logo
    for number in range(len(printed.labels)):
        for code in (printed.qr(number), printed.barcode(number)):
            assert all(gray < 3 or gray > 252 for _count, gray in code.getcolors()), f"label {number}: an edge is between two dots"


def codes_have_their_quiet_zones(printed: Printout) -> None:
    for number, content in enumerate(printed.labels):
        for code, quiet_zone in ((printed.qr(number), 4 * 3), (printed.barcode(number), 10 * 3)):
            left, _top, right, _bottom = code.point(lambda gray: 255 if gray < 128 else 0).getbbox()
            # The box is cut at the nearest dot.
            assert min(left, code.width - right) >= quiet_zone - 1, content


def bars_have_their_widths_and_height(printed: Printout) -> None:
    allowed = range(printed.label.barcode.min_dots, printed.label.barcode.max_dots + 1)
    for number, content in enumerate(printed.labels):
        code = printed.barcode(number)
        middle = code.crop((0, code.height // 2, code.width, code.height // 2 + 1)).tobytes()
        runs = run_lengths(middle)
        modules = run_lengths(bytes(0 if module == "1" else 255 for module in barcode_modules(content.tag)))
        dots = runs[1] // modules[0]
        assert dots in allowed
        assert runs[1:-1] == [count * dots for count in modules]
        assert min(runs[0], runs[-1]) >= 10 * dots - 1
        column = code.crop((runs[0], 0, runs[0] + 1, code.height)).tobytes()
        height = max(len(list(run)) for dark, run in groupby(gray < 128 for gray in column) if dark)
        assert (height + 1) * 25.4 / printed.label.dpi >= 6.35


def qr_modules_are_square(printed: Printout) -> None:
    for number in range(len(printed.labels)):
        code = printed.qr(number)
        x, y, *_ = code.point(lambda gray: 255 if gray < 128 else 0).getbbox()
        # The finder pattern in the corner has seven dark modules in its first row and column.
        row, column = code.crop((0, y, code.width, y + 1)).tobytes(), code.crop((x, 0, x + 1, code.height)).tobytes()
        across, down = (next(len(list(run)) for dark, run in groupby(gray < 128 for gray in line) if dark) for line in (row, column))
        assert across == down
        assert across % 7 == 0
        assert printed.label.qr.min_dots <= across // 7 <= printed.label.qr.max_dots
        if number < USUAL:
            assert across // 7 == printed.label.qr.max_dots


def run_lengths(line: bytes) -> list[int]:
    return [len(list(run)) for _dark, run in groupby(gray < 128 for gray in line)]


def elements_stay_in_the_printable_area_and_apart(printed: Printout) -> None:
    labels = printed.page.evaluate("""[...document.querySelectorAll(".label")].map((label) => {
        const page = (label.closest(".sheet") || label).getBoundingClientRect();
        return [label.className, ...[...label.children].map((child) => {
            const box = child.getBoundingClientRect();
            return [child.className, box.left - page.left, box.top - page.top, box.right - page.left, box.bottom - page.top];
        })];
    })""")
    pixel, area, sheet = 25.4 / 96, printed.label.printable, printed.label.sheet
    assert len(labels) == len(printed.labels)
    for name, *children in labels:
        x, y = sheet.corner(int(name.split("at-")[1])) if sheet else (0.0, 0.0)
        assert len(children) == 2 + len(printed.label.texts) + bool(printed.label.logo)
        for child, left, top, right, bottom in children:
            # An image is rounded out to whole pixels; its content is not.
            slack = pixel if child in ("qr", "barcode") else 0.05
            assert left * pixel >= x + area.x - slack, child
            assert top * pixel >= y + area.y - slack, child
            assert right * pixel <= x + area.x + area.width + slack, child
            assert bottom * pixel <= y + area.y + area.height + slack, child
        for one, other in ((one, other) for index, one in enumerate(children) for other in children[index + 1 :]):
            slack = 2.01 if {one[0], other[0]} & {"qr", "barcode"} else 0.05
            apart = max(one[1] - other[3], other[1] - one[3], one[2] - other[4], other[2] - one[4])
            assert apart > -slack, (one, other)


def no_text_exceeds_its_box(printed: Printout) -> None:
    exceeding = printed.page.evaluate("""[...document.querySelectorAll(".line")]
        .filter((line) => line.scrollWidth > line.clientWidth || line.scrollHeight > line.clientHeight + 1)
        .map((line) => [line.className, line.textContent])""")
    assert exceeding == []


def tags_are_complete_and_large(printed: Printout) -> None:
    tags = printed.page.evaluate("""[...document.querySelectorAll(".asset-tag")]
        .map((tag) => [tag.textContent, parseFloat(getComputedStyle(tag).fontSize) * 0.75])""")
    assert [tag for tag, _size in tags] == [content.tag for content in printed.labels]
    box = next(text for text in printed.label.texts if text.field == "tag")
    assert min(size for _tag, size in tags) >= box.min_size


def the_measured_fonts_are_loaded(printed: Printout) -> None:
    assert printed.page.evaluate("[...document.fonts].map((font) => font.status)") == ["loaded", "loaded"]


def notices_and_buttons_are_on_the_screen_only(printed: Printout) -> None:
    text = "".join(page.get_textpage().get_text_bounded() for page in printed.pdf)
    assert printed.labels[0].tag in text
    for unwanted in ("UNSEENONPAPER", "Print", "Back", "labels"):
        assert unwanted not in text
    printed.page.emulate_media(media="screen")
    assert printed.page.get_by_text("UNSEENONPAPER").is_visible()
    assert printed.page.get_by_role("button", name="Print").is_visible()
    printed.page.emulate_media(media="print")
    assert printed.complaints == []


def bars_scale_like_vectors(printed: Printout) -> None:
    """The runs of the first barcode, eight times as fine, are eight times as long."""
    box, label = printed.label.barcode, printed.label

    def runs(scale: int) -> list[int]:
        page = printed.pdf[0].render(scale=label.dpi * scale / 72 * (1 - 1e-6)).to_pil().convert("L")
        left, middle, right = label.dots(box.x), label.dots(box.y + box.height / 2), label.dots(box.x + box.width)
        row = page.crop((left * scale, middle * scale, right * scale, middle * scale + 1))
        return run_lengths(row.tobytes())[1:-1]

    assert runs(8) == [8 * width for width in runs(1)]


def labels_are_at_the_positions_of_the_stock(printed: Printout) -> None:
    """The center of each QR code that a reader finds on the whole sheet is that of its box."""
    scale, label = 300 / 25.4, printed.label
    first_sheet = printed.labels[: label.sheet.label_count - printed.skip]
    addresses = [content.qr_address for content in first_sheet]
    found = zxingcpp.read_barcodes(printed.raster(0, 300), QR)
    assert len(found) >= len(first_sheet) - 2, "a reader may miss a code among thirty, but not most of them"
    for code in found:
        corners = (code.position.top_left, code.position.bottom_right)
        center = (sum(corner.x for corner in corners) / 2 / scale, sum(corner.y for corner in corners) / 2 / scale)
        left, top = label.sheet.corner(printed.skip + addresses.index(code.text))
        middle = label.qr.size / 2
        # A reader reports whole dots, and its corners may be off by half a module.
        assert center == pytest.approx((left + label.qr.x + middle, top + label.qr.y + middle), abs=TOLERANCE), code.text


def the_logo_is_printed_in_color(printed: Printout) -> None:
    if printed.label.logo is None:
        assert printed.page.locator(".logo").count() == 0
        return
    x, y = printed.label.sheet.corner(printed.skip)
    logo, scale = printed.label.logo, 300 / 25.4
    center = (round((x + logo.x + logo.width / 2) * scale), round((y + logo.y + logo.height / 2) * scale))
    color = printed.pdf[0].render(scale=300 / 72 * (1 - 1e-6)).to_pil().convert("RGB")
    assert color.getpixel(center) == (221, 0, 0)


Check = Callable[[Printout], None]
CHECKS: list[Check] = [
    pages_have_the_size_of_the_stock,
    every_code_reads_at_both_resolutions,
    codes_are_vectors_on_whole_dots,
    codes_have_their_quiet_zones,
    bars_have_their_widths_and_height,
    qr_modules_are_square,
    elements_stay_in_the_printable_area_and_apart,
    no_text_exceeds_its_box,
    tags_are_complete_and_large,
    the_measured_fonts_are_loaded,
    notices_and_buttons_are_on_the_screen_only,
]
ROLL_CHECKS: list[Check] = [bars_scale_like_vectors]
SHEET_CHECKS: list[Check] = [labels_are_at_the_positions_of_the_stock, the_logo_is_printed_in_color]


def test_an_unprintable_label_adds_no_page(browser: Browser) -> None:
    def check(size: str) -> None:
        page, labels = browser.new_page(), contents()[:3]
        labels.insert(1, replace(labels[0], tag="A" * 60))
        labels.append(replace(labels[0], tag="A" * 60))
        show(page, label_page(labels, built_in_formats().get(size)))
        assert len(pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))) == 3
        assert page.locator(".notices li").count() == 2
        page.close()

    check_all(["small", "large"], check)


def test_the_print_dialog_opens_once_and_only_if_requested(browser: Browser) -> None:
    def check(autoprint: bool, count: int, prints: int) -> None:
        page = browser.new_page()
        assert show(page, label_page(contents()[:count], built_in_formats().get("small"), autoprint=autoprint)) == []
        if prints:
            page.wait_for_function("window.prints > 0")
        ready(page)
        assert page.evaluate("window.prints") == prints
        if count:
            page.get_by_role("button", name="Print").click()
            page.wait_for_function(f"window.prints === {prints + 1}")
        page.close()

    check_all([(True, 2, 1), (False, 2, 0), (True, 0, 0)], check)
