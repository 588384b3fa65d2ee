"""Labels as they come out of the printer: printed by Chromium to PDF, rasterised at the printer's resolution, read back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import pypdfium2 as pdfium
import pytest
import zxingcpp
from jinja2 import Environment, FileSystemLoader
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from request_tracker_utils.core.resources import STATIC, TEMPLATES
from request_tracker_utils.labels.barcodes import bars
from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.page import LabelContent, render_labels
from request_tracker_utils.web.security import policy

pytestmark = pytest.mark.chromium

SITE = "http://labels.test"
POLICY = policy("n", embedded_fonts=True)
TEMPLATES_OF_PAGES = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
MODELS = [
    "Chromebook 3100",
    'Dell Latitude 5440 (14") <i5>',
    "",
    "Projecteur Épson №5",
    "ThinkPad 😀 " + "very long name " * 20,
    "מחשב נייד",
]
SIZES = ["small", "large"]


def contents() -> list[LabelContent]:
    """A hundred labels of all kinds; the last bar codes are as long as fit on the small label."""
    usual = [
        LabelContent(
            number,
            f"W12-{number:04}" if number % 5 else f"{990_000 + number}",
            f"https://rt.example.org/Asset/Display.html?id={number * 9973}",
            serial="" if number % 7 == 0 else f"5CD{number:07}" * (1 + number % 4),
            model=MODELS[number % len(MODELS)],
            fields={"Funding Source": "Title I" if number % 3 else "Elementary and Secondary School Emergency Relief"},
        )
        for number in range(1, 98)
    ]
    long = [
        replace(usual[0], asset_id=number, tag="W" * number, qr_address="https://a.example/" + "x" * number * 10) for number in (15, 16, 17)
    ]
    return usual + long


@dataclass(frozen=True)
class Printed:
    label: LabelFormat
    labels: list[LabelContent]
    page: Page
    pdf: pdfium.PdfDocument
    complaints: list[str]

    def raster(self, number: int, scale: float = 1) -> Image.Image:
        """A page at the printer's dots, or `scale` times as fine; in greys, as the printer's driver gets it."""
        # Chromium's pages are whole dots; the renderer rounds up, and a millionth too much would stretch the page by a dot.
        return self.pdf[number].render(scale=self.label.dpi * scale / 72 * (1 - 1e-6)).to_pil().convert("L")


def show(page: Page, html: str) -> list[str]:
    """Opens the page under a strict policy, with nothing of the internet in reach. Returns what the browser complains of."""
    complaints: list[str] = []

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(SITE)
        if path.startswith("/static/"):
            route.fulfill(path=STATIC / path.removeprefix("/static/"))
        elif path == "/labels/print":
            route.fulfill(body=html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})
        else:
            complaints.append(f"asked for {route.request.url}")
            route.abort()

    page.route("**/*", answer)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script("window.prints = 0; window.print = () => { window.prints += 1; };")
    page.goto(f"{SITE}/labels/print")
    page.evaluate("document.fonts.ready.then(() => undefined)")
    return complaints


def html(label: LabelFormat, labels: list[LabelContent], **options: Any) -> str:
    options = {"notices": [], "back": "/assets", **options}
    pieces = render_labels(labels, label, templates=TEMPLATES_OF_PAGES, static=lambda file: f"/static/{file}", nonce="n", **options)
    return "".join(pieces)


@pytest.fixture(scope="module", params=SIZES)
def printed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Printed]:
    label, labels, page = built_in().named(request.param), contents(), browser.new_page()
    complaints = show(page, html(label, labels, notices=["UNSEENONPAPER"]))
    pdf = pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))
    page.emulate_media(media="print")
    yield Printed(label, labels, page, pdf, complaints)
    pdf.close()
    page.close()


def test_one_label_a_page_of_exactly_its_size(printed: Printed) -> None:
    assert len(printed.pdf) == len(printed.labels) == 100
    for page in printed.pdf:
        width, height = (points * 25.4 / 72 for points in page.get_size())
        assert width == pytest.approx(printed.label.width, abs=0.3)
        assert height == pytest.approx(printed.label.height, abs=0.3)


@pytest.mark.parametrize("dpi", [203, 300])
def test_every_code_reads_as_what_its_label_should_say(printed: Printed, dpi: int) -> None:
    """Also on a printer of another resolution, where modules are no whole dots; only codes that use all the room there is are too fine."""
    formats = [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128]
    for number, content in enumerate(printed.labels[: 100 if dpi == printed.label.dpi else 97]):
        read = {code.format.name: code.text for code in zxingcpp.read_barcodes(printed.raster(number, dpi / printed.label.dpi), formats)}
        assert read == {"QRCode": content.qr_address, "Code128": content.tag}


def test_bars_fall_on_whole_dots_and_keep_quiet_zones_and_height(printed: Printed) -> None:
    box = printed.label.barcode
    for number in (0, 4, 50, 97, 98, 99):
        picture = printed.raster(number)
        left, right = (printed.label.dots(x) for x in (box.x, box.x + box.width))
        middle = printed.label.dots(box.y + box.height / 2)
        greys = list(picture.crop((left, middle, right, middle + 1)).tobytes())
        assert all(grey < 3 or grey > 252 for grey in greys), "a bar's edge lies between two dots"
        runs = [len(list(run)) for _, run in groupby(grey < 128 for grey in greys)]
        modules = [len(list(run)) for _, run in groupby(bars(printed.labels[number].tag))]
        assert {wide / many for wide, many in zip(runs[1:-1], modules, strict=True)} <= {3, 4, 5}
        dots = runs[1] // modules[0]
        assert runs[1:-1] == [many * dots for many in modules]
        # The box is cut out of the picture to the nearest dot.
        assert min(runs[0], runs[-1]) >= 10 * dots - 1
        column = picture.crop((left + runs[0], 0, left + runs[0] + 1, picture.height)).tobytes()
        highest = max(len(list(run)) for dark, run in groupby(grey < 128 for grey in column) if dark)
        assert highest * 25.4 / printed.label.dpi >= 6.35


def test_modules_of_the_qr_code_are_whole_dots(printed: Printed) -> None:
    box = printed.label.qr
    left, top, right, bottom = (printed.label.dots(x) for x in (box.x, box.y, box.x + box.size, box.y + box.size))
    for number in (0, 50, 98):
        picture = printed.raster(number).crop((left, top, right, bottom))
        assert all(grey < 3 or grey > 252 for _, grey in picture.getcolors()), "a module's edge lies between two dots"
        first, second = (next(len(list(run)) for dark, run in groupby(grey < 128 for grey in line) if dark) for line in finder(picture))
        assert first == second
        assert first % 7 == 0
        assert 3 <= first // 7 <= 6
        if number < 97:
            assert first // 7 == 6


def finder(picture: Image.Image) -> tuple[bytes, bytes]:
    """The first row and the first column of the dark part, where the top left finder pattern has seven dark modules."""
    dark = picture.point(lambda grey: 255 if grey < 128 else 0).getbbox()
    x, y = dark[0], dark[1]
    return picture.crop((0, y, picture.width, y + 1)).tobytes(), picture.crop((x, 0, x + 1, picture.height)).tobytes()


def test_the_codes_are_vectors(printed: Printed) -> None:
    kinds = {item.type for item in printed.pdf[0].get_objects(max_depth=5)}
    assert pdfium.raw.FPDF_PAGEOBJ_PATH in kinds
    assert pdfium.raw.FPDF_PAGEOBJ_IMAGE not in kinds
    assert bars_at(printed, 8) == [8 * wide for wide in bars_at(printed, 1)]


def bars_at(printed: Printed, scale: int) -> list[int]:
    box, picture = printed.label.barcode, printed.raster(0, scale)
    middle = printed.label.dots(box.y + box.height / 2) * scale
    row = picture.crop((printed.label.dots(box.x) * scale, middle, printed.label.dots(box.x + box.width) * scale, middle + 1))
    return [len(list(run)) for _, run in groupby(grey < 128 for grey in row.tobytes())][1:-1]


def test_nothing_overlaps_and_all_lies_where_the_printer_reaches(printed: Printed) -> None:
    boxes = printed.page.evaluate("""[...document.querySelectorAll(".label")].map((label) => {
        const edge = label.getBoundingClientRect();
        return [...label.children].map((child) => {
            const box = child.getBoundingClientRect();
            return [child.className, box.left - edge.left, box.top - edge.top, box.right - edge.left, box.bottom - edge.top];
        });
    })""")
    assert len(boxes) == 100
    pixel = 25.4 / 96
    area = printed.label.printable
    for label in boxes:
        assert len(label) == 6
        for name, left, top, right, bottom in label:
            # An image is rounded out to whole pixels; what it shows is not.
            slack = pixel if name in ("qr", "barcode") else 0.02
            assert left * pixel >= area.x - slack, name
            assert top * pixel >= area.y - slack, name
            assert right * pixel <= area.x + area.width + slack, name
            assert bottom * pixel <= area.y + area.height + slack, name
        for one, other in ((one, other) for place, one in enumerate(label) for other in label[place + 1 :]):
            slack = 2.01 if {one[0], other[0]} & {"qr", "barcode"} else 0.05
            apart = max(one[1] - other[3], other[1] - one[3], one[2] - other[4], other[2] - one[4])
            assert apart > -slack, (one, other)


def test_nothing_dark_lies_in_a_quiet_zone(printed: Printed) -> None:
    code, square = printed.label.barcode, printed.label.qr
    for number, content in enumerate(printed.labels):
        picture = printed.raster(number).point(lambda grey: 255 if grey < 128 else 0)
        for box, quiet in ((square.box, 4 * 3), (code.box, 10 * 3)):
            left, top, right, bottom = (printed.label.dots(x) for x in (box.x, box.y, box.x + box.width, box.y + box.height))
            dark = picture.crop((left, top, right, bottom)).getbbox()
            assert min(dark[0], right - left - dark[2]) >= quiet - 1, content


def test_no_text_is_larger_than_its_box(printed: Printed) -> None:
    too_large = printed.page.evaluate("""[...document.querySelectorAll(".line")]
        .filter((line) => line.scrollWidth > line.clientWidth || line.scrollHeight > line.clientHeight + 1)
        .map((line) => [line.className, line.textContent])""")
    assert too_large == []


def test_the_tag_is_whole_and_large(printed: Printed) -> None:
    tags = printed.page.evaluate("""[...document.querySelectorAll(".asset-tag")]
        .map((tag) => [tag.textContent, parseFloat(getComputedStyle(tag).fontSize) * 0.75])""")
    assert [tag for tag, _ in tags] == [content.tag for content in printed.labels]
    assert min(size for _, size in tags) >= 9


def test_the_font_is_the_one_measured(printed: Printed) -> None:
    assert printed.page.evaluate("[...document.fonts].map((font) => font.status)") == ["loaded", "loaded"]


def test_notices_and_buttons_are_not_on_paper(printed: Printed) -> None:
    first, last = (printed.pdf[number].get_textpage().get_text_bounded() for number in (0, 99))
    assert printed.labels[0].tag in first
    for text in ("UNSEENONPAPER", "Print", "Back", "labels"):
        assert text not in first + last
    printed.page.emulate_media(media="screen")
    assert printed.page.get_by_text("UNSEENONPAPER").is_visible()
    assert printed.page.get_by_role("button", name="Print").is_visible()
    printed.page.emulate_media(media="print")


def test_the_browser_has_nothing_to_complain_of(printed: Printed) -> None:
    assert printed.complaints == []


@pytest.mark.parametrize("size", SIZES)
def test_a_notice_between_labels_makes_no_page(browser: Browser, size: str) -> None:
    page, labels = browser.new_page(), contents()[:3]
    labels.insert(1, replace(labels[0], tag="A" * 60))
    labels.append(replace(labels[0], tag="A" * 60))
    show(page, html(built_in().named(size), labels))
    assert len(pdfium.PdfDocument(page.pdf(prefer_css_page_size=True))) == 3
    assert page.locator(".notices li").count() == 2
    page.close()


def test_the_print_dialog_opens_once_and_only_when_asked_for(browser: Browser) -> None:
    for autoprint, labels, times in ((True, contents()[:2], 1), (False, contents()[:2], 0), (True, [], 0)):
        page = browser.new_page()
        assert show(page, html(built_in().named("small"), labels, autoprint=autoprint)) == []
        if times:
            page.wait_for_function("window.prints > 0")
        page.wait_for_timeout(200)
        assert page.evaluate("window.prints") == times
        if labels:
            page.get_by_role("button", name="Print").click()
            page.wait_for_function(f"window.prints === {times + 1}")
        page.close()
