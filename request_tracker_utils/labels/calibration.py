"""The calibration page for a new printer: rulers, corner marks, dot patterns, and codes of every size, all on whole dots."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil, floor

from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.labels.barcodes import BARCODE_QUIET_ZONE, QR_QUIET_ZONE, barcode_modules, qr_matrix, qr_path
from request_tracker_utils.labels.formats import MM_PER_INCH, PIXELS_PER_INCH, POINTS_PER_INCH, Box, LabelFormat
from request_tracker_utils.labels.typography import font_for, text_width
from request_tracker_utils.labels.validation import MIN_BAR_HEIGHT, MIN_MODULE_DOTS

CAPTION_SIZE = 6.5
"""Points."""

_MAX_MODULE_DOTS = 10

# Millimeters:
_PATTERN_SIZE = 7.0
_RULER_DEPTH = 6.0
_NUMBER_OFFSET = 3.3
_GAP = 2.5
_SHEET_MARGIN = 5.0
"""No office printer reaches the outer 5 mm of a sheet."""


@dataclass(frozen=True)
class Caption:
    """Text. Its baseline starts at (x, y) dots, or has its middle there."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass
class CalibrationPage:
    """`width` and `height` are CSS pixels; everything else is in printer dots from the page's corner."""

    width: int
    height: int
    dots_per_pixel: float
    font_size: float
    paths: list[tuple[str, str]] = field(default_factory=list)
    """SVG transforms and paths."""
    captions: list[Caption] = field(default_factory=list)

    @property
    def view_box(self) -> str:
        return f"0 0 {self.width * self.dots_per_pixel:g} {self.height * self.dots_per_pixel:g}"

    def bar(self, x: int, y: int, width: int, height: int) -> None:
        self.paths.append((f"translate({x} {y})", f"M0,0h{width}v{height}h-{width}z"))


Draw = Callable[[CalibrationPage, int, int], None]


@dataclass(frozen=True)
class _Item:
    """A pattern or code with a caption below it; sizes in dots."""

    width: int
    height: int
    caption: str
    draw: Draw


def calibration_pages(label: LabelFormat, *, address: str, prefix: str) -> list[CalibrationPage]:
    """As many pages as the items need. The QR codes contain `address`, which should be as long as the addresses of real labels. A barcode
    contains a tag with its dots per module as the number, so that a scan identifies the barcode.

    Raises AddressTooLong, TagNotEncodable.
    """
    first = _blank_page(label)
    pages = [first]
    if label.sheet:
        _draw_label_frames(first, label)
        pages.append(_blank_page(label))
    area = _printable_area(label)
    x, y, row = *_first_item_corner(label, area), 0
    right, bottom = label.dots(area.x + area.width), label.dots(area.y + area.height)
    gap, caption_height = label.dots(_GAP), label.dots(CAPTION_SIZE * MM_PER_INCH / POINTS_PER_INCH * 1.3)
    left, top = x, y
    for item in _items(label, right - x, bottom - y - caption_height, address, prefix):
        width = max(item.width, label.dots(text_width(item.caption, CAPTION_SIZE, bold=False, font=font_for(label))))
        if x + width > right and x > left:
            x, y, row = left, y + row + gap, 0
        if y + item.height + caption_height > bottom and (x, y) != (left, top):
            x, y, row = left, top, 0
            pages.append(_blank_page(label))
        item.draw(pages[-1], x, y)
        pages[-1].captions.append(Caption(x, y + item.height + caption_height * 0.8, item.caption))
        x, row = x + width + gap, max(row, item.height + caption_height)
    return pages


def _printable_area(label: LabelFormat) -> Box:
    """The part of the page that the printer reaches, in millimeters."""
    if not label.sheet:
        return label.printable
    margin = _SHEET_MARGIN
    return Box(margin, margin, label.sheet.width - 2 * margin, label.sheet.height - 2 * margin)


def _first_item_corner(label: LabelFormat, area: Box) -> tuple[int, int]:
    """Beyond the rulers and their numbers."""
    digits = "0" * len(str(floor(label.page[1])))
    numbers = text_width(digits, CAPTION_SIZE, bold=False, font=font_for(label))
    return label.dots(area.x + _NUMBER_OFFSET + numbers + 1), label.dots(area.y + _RULER_DEPTH)


def _blank_page(label: LabelFormat) -> CalibrationPage:
    """A page with its rulers and corner marks."""
    pixel, inches = MM_PER_INCH / PIXELS_PER_INCH, CAPTION_SIZE / POINTS_PER_INCH
    width_mm, height_mm = label.page
    page = CalibrationPage(floor(width_mm / pixel) - 2, floor(height_mm / pixel) - 2, label.dpi / PIXELS_PER_INCH, inches * label.dpi)
    area = _printable_area(label)
    _draw_corners(page, label, area)
    thin = max(2, label.dpi // 150)
    for mm in range(ceil(area.x + 1), floor(area.x + area.width)):
        page.bar(label.dots(mm), label.dots(area.y), thin, label.dots(_tick_length(mm)))
        if mm % 10 == 0:
            page.captions.append(Caption(label.dots(mm), label.dots(area.y + 5.4), str(mm), "middle"))
    for mm in range(ceil(area.y + 1), floor(area.y + area.height)):
        page.bar(label.dots(area.x), label.dots(mm), label.dots(_tick_length(mm)), thin)
        if mm % 10 == 0 and mm > area.y + _RULER_DEPTH:
            page.captions.append(Caption(label.dots(area.x + _NUMBER_OFFSET), label.dots(mm + 0.8), str(mm)))
    return page


def _tick_length(mm: int) -> float:
    return 3.0 if mm % 10 == 0 else 2.2 if mm % 5 == 0 else 1.4


def _draw_corners(page: CalibrationPage, label: LabelFormat, area: Box) -> None:
    thickness, length = max(3, label.dpi // 100), label.dots(3)
    left, top = ceil(area.x * label.dpi / MM_PER_INCH), ceil(area.y * label.dpi / MM_PER_INCH)
    right, bottom = (floor(end * label.dpi / MM_PER_INCH) for end in (area.x + area.width, area.y + area.height))
    for x in (left, right - length):
        page.bar(x, top, length, thickness)
        page.bar(x, bottom - thickness, length, thickness)
    for y in (top, bottom - length):
        page.bar(left, y, thickness, length)
        page.bar(right - thickness, y, thickness, length)


def _draw_label_frames(page: CalibrationPage, label: LabelFormat) -> None:
    """The outline of every label of a sheet, numbered."""
    sheet = label.sheet
    if sheet is None:
        return
    for position in range(sheet.label_count):
        x, y = sheet.corner(position)
        left, top, right, bottom = (label.dots(edge) for edge in (x, y, x + label.width, y + label.height))
        page.paths.append(("", f"M{left},{top}H{right}V{bottom}H{left}z M{left + 2},{top + 2}V{bottom - 2}H{right - 2}V{top + 2}z"))
        page.captions.append(Caption((left + right) / 2, (top + bottom) / 2, str(position + 1), "middle"))


def _items(label: LabelFormat, max_width: int, max_height: int, address: str, prefix: str) -> Iterator[_Item]:
    """Stripes, and all codes that fit into `max_width` × `max_height` dots."""
    side = min(label.dots(_PATTERN_SIZE), max_height)
    for dots in range(1, 5):
        vertical = ngettext("%(dots)s dot, vertical", "%(dots)s dots, vertical", dots, dots=dots)
        horizontal = ngettext("%(dots)s dot, horizontal", "%(dots)s dots, horizontal", dots, dots=dots)
        yield _Item(side, side, vertical, _stripes(side, dots, vertical=True))
        yield _Item(side, side, horizontal, _stripes(side, dots, vertical=False))
    for item in (*_barcodes(label, prefix), *_qr_codes(label, address)):
        if item.width <= max_width and item.height <= max_height:
            yield item


def _stripes(side: int, dots: int, *, vertical: bool) -> Draw:
    def draw(page: CalibrationPage, x: int, y: int) -> None:
        starts = range(0, side - dots + 1, 2 * dots)
        stripe = f"v{side}h{dots}v-{side}z" if vertical else f"h{side}v{dots}h-{side}z"
        path = "".join(f"M{start},0{stripe}" if vertical else f"M0,{start}{stripe}" for start in starts)
        page.paths.append((f"translate({x} {y})", path))

    return draw


def _barcodes(label: LabelFormat, prefix: str) -> Iterator[_Item]:
    height = label.dots(MIN_BAR_HEIGHT + 0.1)
    for dots in range(MIN_MODULE_DOTS, _MAX_MODULE_DOTS + 1):
        tag = f"{prefix}{dots:04}"
        modules = barcode_modules(tag)
        total = len(modules) + 2 * BARCODE_QUIET_ZONE
        path = "".join(f"M{start},0h1v{height}h-1z" for start, module in enumerate(modules) if module == "1")
        draw = _code(path, f"scale({dots} 1)", BARCODE_QUIET_ZONE * dots, 0)
        yield _Item(total * dots, height, f"{tag}, {_module_size(label, dots)}", draw)


def _qr_codes(label: LabelFormat, address: str) -> Iterator[_Item]:
    side, matrix = qr_matrix(address)
    path, total = qr_path(side, matrix), side + 2 * QR_QUIET_ZONE
    for dots in range(MIN_MODULE_DOTS, _MAX_MODULE_DOTS + 1):
        quiet_zone = QR_QUIET_ZONE * dots
        draw = _code(path, f"scale({dots})", quiet_zone, quiet_zone)
        yield _Item(total * dots, total * dots, f"QR, {_module_size(label, dots)}", draw)


def _module_size(label: LabelFormat, dots: int) -> str:
    return _("%(dots)s dots = %(size)s mm", dots=dots, size=f"{dots * MM_PER_INCH / label.dpi:.2f}")


def _code(path: str, scale: str, dx: int, dy: int) -> Draw:
    return lambda page, x, y: page.paths.append((f"translate({x + dx} {y + dy}){scale}", path))
