"""What is printed first on a new printer: rulers, corners, patterns of dots, and codes of every size, all on whole dots."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil, floor

from request_tracker_utils.labels.barcodes import BARCODE_QUIET, QR_QUIET, bars, qr_matrix, qr_path
from request_tracker_utils.labels.fonts import font_of
from request_tracker_utils.labels.formats import MM_PER_INCH, PIXELS_PER_INCH, POINTS_PER_INCH, Box, LabelFormat
from request_tracker_utils.labels.text import width
from request_tracker_utils.labels.validation import FEWEST_DOTS, LOWEST_BARS

CAPTION = 6.5
"""Points."""

_MOST_DOTS = 10
_PATTERN = 7.0
_RULER = 6.0
_NUMBERS = 3.3
_GAP = 2.5
_EDGE_OF_SHEET = 5.0
"""Millimetres, all of them; no office printer reaches the last five of a sheet."""


@dataclass(frozen=True)
class Caption:
    """Text with its baseline's left end, or its middle, at (x, y) dots."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass
class Leaf:
    """One page. `width` and `height` are CSS pixels; all else is in dots of the printer from the page's corner."""

    width: int
    height: int
    dots_per_pixel: float
    font_size: float
    paths: list[tuple[str, str]] = field(default_factory=list)
    """Each an SVG transform and a path."""
    captions: list[Caption] = field(default_factory=list)

    @property
    def view_box(self) -> str:
        return f"0 0 {self.width * self.dots_per_pixel:g} {self.height * self.dots_per_pixel:g}"

    def bar(self, x: int, y: int, wide: int, high: int) -> None:
        self.paths.append((f"translate({x} {y})", f"M0,0h{wide}v{high}h-{wide}z"))


@dataclass(frozen=True)
class _Item:
    """Something with a caption below it; dots."""

    wide: int
    high: int
    caption: str
    draw: Callable[[Leaf, int, int], None]


def leaves(label: LabelFormat, *, address: str, prefix: str) -> list[Leaf]:
    """The pages, as many as it takes. `address` stands in the QR codes, and should be as long as those of real labels. Bar codes
    hold a tag of the prefix whose number is their dots a module: what a scanner types tells which it was.

    Raises AddressTooLong and TagNotEncodable.
    """
    first = _leaf(label)
    pages = [first]
    if label.sheet:
        _frames(first, label)
        pages.append(_leaf(label))
    area = _area(label)
    x, y, row = *_start(label, area), 0
    right, bottom = label.dots(area.x + area.width), label.dots(area.y + area.height)
    gap, text = label.dots(_GAP), label.dots(CAPTION * MM_PER_INCH / POINTS_PER_INCH * 1.3)
    left, top = x, y
    for item in _items(label, right - x, bottom - y - text, address, prefix):
        wide = max(item.wide, label.dots(width(item.caption, CAPTION, bold=False, font=font_of(label))))
        if x + wide > right and x > left:
            x, y, row = left, y + row + gap, 0
        if y + item.high + text > bottom and (x, y) != (left, top):
            x, y, row = left, top, 0
            pages.append(_leaf(label))
        item.draw(pages[-1], x, y)
        pages[-1].captions.append(Caption(x, y + item.high + text * 0.8, item.caption))
        x, row = x + wide + gap, max(row, item.high + text)
    return pages


def _area(label: LabelFormat) -> Box:
    """What the printer reaches of the page, in millimetres."""
    if not label.sheet:
        return label.printable
    edge = _EDGE_OF_SHEET
    return Box(edge, edge, label.sheet.width - 2 * edge, label.sheet.height - 2 * edge)


def _start(label: LabelFormat, area: Box) -> tuple[int, int]:
    """Where the first item of a page stands: past the rulers with their numbers."""
    numbers = width("0" * len(str(floor(label.page[1]))), CAPTION, bold=False, font=font_of(label))
    return label.dots(area.x + _NUMBERS + numbers + 1), label.dots(area.y + _RULER)


def _leaf(label: LabelFormat) -> Leaf:
    """A page with its rulers and corners."""
    pixel, points = MM_PER_INCH / PIXELS_PER_INCH, CAPTION / POINTS_PER_INCH
    width_mm, height_mm = label.page
    leaf = Leaf(floor(width_mm / pixel) - 2, floor(height_mm / pixel) - 2, label.dpi / PIXELS_PER_INCH, points * label.dpi)
    area = _area(label)
    _corners(leaf, label, area)
    thin = max(2, label.dpi // 150)
    for millimetre in range(ceil(area.x + 1), floor(area.x + area.width)):
        leaf.bar(label.dots(millimetre), label.dots(area.y), thin, label.dots(_tick(millimetre)))
        if millimetre % 10 == 0:
            leaf.captions.append(Caption(label.dots(millimetre), label.dots(area.y + 5.4), str(millimetre), "middle"))
    for millimetre in range(ceil(area.y + 1), floor(area.y + area.height)):
        leaf.bar(label.dots(area.x), label.dots(millimetre), label.dots(_tick(millimetre)), thin)
        if millimetre % 10 == 0 and millimetre > area.y + _RULER:
            leaf.captions.append(Caption(label.dots(area.x + _NUMBERS), label.dots(millimetre + 0.8), str(millimetre)))
    return leaf


def _tick(millimetre: int) -> float:
    return 3.0 if millimetre % 10 == 0 else 2.2 if millimetre % 5 == 0 else 1.4


def _corners(leaf: Leaf, label: LabelFormat, area: Box) -> None:
    thick, long = max(3, label.dpi // 100), label.dots(3)
    left, top = ceil(area.x * label.dpi / MM_PER_INCH), ceil(area.y * label.dpi / MM_PER_INCH)
    right, bottom = (floor(end * label.dpi / MM_PER_INCH) for end in (area.x + area.width, area.y + area.height))
    for x in (left, right - long):
        leaf.bar(x, top, long, thick)
        leaf.bar(x, bottom - thick, long, thick)
    for y in (top, bottom - long):
        leaf.bar(left, y, thick, long)
        leaf.bar(right - thick, y, thick, long)


def _frames(leaf: Leaf, label: LabelFormat) -> None:
    """The edges of every label of a sheet, numbered."""
    sheet = label.sheet
    if sheet is None:
        return
    for place in range(sheet.places):
        x, y = sheet.corner(place)
        left, top, right, bottom = (label.dots(edge) for edge in (x, y, x + label.width, y + label.height))
        leaf.paths.append(("", f"M{left},{top}H{right}V{bottom}H{left}z M{left + 2},{top + 2}V{bottom - 2}H{right - 2}V{top + 2}z"))
        leaf.captions.append(Caption((left + right) / 2, (top + bottom) / 2, str(place + 1), "middle"))


def _items(label: LabelFormat, wide: int, high: int, address: str, prefix: str) -> Iterator[_Item]:
    """All that is tried, as far as it fits into a page's `wide` × `high` dots."""
    side = min(label.dots(_PATTERN), high)
    for dots in range(1, 5):
        named = f"{dots} dot{'s' if dots > 1 else ''}"
        yield _Item(side, side, f"{named}, upright", _stripes(side, dots, upright=True))
        yield _Item(side, side, f"{named}, level", _stripes(side, dots, upright=False))
    for item in (*_bar_codes(label, prefix), *_qr_codes(label, address)):
        if item.wide <= wide and item.high <= high:
            yield item


def _stripes(side: int, dots: int, *, upright: bool) -> Callable[[Leaf, int, int], None]:
    def draw(leaf: Leaf, x: int, y: int) -> None:
        starts = range(0, side - dots + 1, 2 * dots)
        stripe = f"v{side}h{dots}v-{side}z" if upright else f"h{side}v{dots}h-{side}z"
        leaf.paths.append((f"translate({x} {y})", "".join(f"M{start},0{stripe}" if upright else f"M0,{start}{stripe}" for start in starts)))

    return draw


def _bar_codes(label: LabelFormat, prefix: str) -> Iterator[_Item]:
    high = label.dots(LOWEST_BARS + 0.1)
    for dots in range(FEWEST_DOTS, _MOST_DOTS + 1):
        tag = f"{prefix}{dots:04}"
        modules = bars(tag)
        whole = len(modules) + 2 * BARCODE_QUIET
        path = "".join(f"M{start},0h1v{high}h-1z" for start, module in enumerate(modules) if module == "1")
        yield _Item(whole * dots, high, f"{tag}, {_module(label, dots)}", _drawn(path, f"scale({dots} 1)", BARCODE_QUIET * dots, 0))


def _qr_codes(label: LabelFormat, address: str) -> Iterator[_Item]:
    side, matrix = qr_matrix(address)
    path, whole = qr_path(side, matrix), side + 2 * QR_QUIET
    for dots in range(FEWEST_DOTS, _MOST_DOTS + 1):
        quiet = QR_QUIET * dots
        yield _Item(whole * dots, whole * dots, f"QR, {_module(label, dots)}", _drawn(path, f"scale({dots})", quiet, quiet))


def _module(label: LabelFormat, dots: int) -> str:
    return f"{dots} dots = {dots * MM_PER_INCH / label.dpi:.2f} mm"


def _drawn(path: str, scale: str, right: int, down: int) -> Callable[[Leaf, int, int], None]:
    return lambda leaf, x, y: leaf.paths.append((f"translate({x + right} {y + down}){scale}", path))
