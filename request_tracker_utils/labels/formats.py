"""Label formats as data: the stock, what the printer reaches of it, and a box in millimetres for each thing printed.

The numbers of the known formats are those of Brother's driver for DK rolls at 300 dpi: of 29 × 90 mm stock it prints
991 × 306 dots (83.9 × 25.9 mm), of 62 × 100 mm stock 1109 × 696 dots (93.9 × 58.9 mm).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from request_tracker_utils.core.errors import Invalid

MM_PER_INCH = 25.4
POINTS_PER_INCH = 72

LOWEST_BARS = 6.35
"""Millimetres: the least height of a Code 128 bar (ISO/IEC 15417 in general use: a quarter of an inch)."""

FEWEST_DOTS = 3
"""Dots per module: three at 300 dpi are 0.25 mm, the least that hand-held scanners read reliably."""

LEAST_TEXT = 5.0
"""Points: smaller type cannot be read by eye at 300 dpi."""

LINE_HEIGHT = 1.17
"""Line height of the fonts shipped, in units of the font size (ascender and descender together)."""

SIZE_STEP = 0.5
"""Points between two allowed font sizes."""


class UnknownFormat(Invalid):
    code = "unknown_label_format"


class FormatInvalid(Invalid):
    """A format that cannot be printed as it is; `problems` names each key and reason."""

    code = "label_format_invalid"


@dataclass(frozen=True)
class Box:
    """A rectangle on the label: millimetres from the label's top left corner."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: "Box", slack: float = 0.01) -> bool:
        """Whether the two share more than an edge; `slack` (mm) forgives the rounding of decimal fractions."""
        return (
            self.x < other.x + other.width - slack
            and other.x < self.x + self.width - slack
            and self.y < other.y + other.height - slack
            and other.y < self.y + self.height - slack
        )

    def holds(self, other: "Box", slack: float = 0.01) -> bool:
        """Whether `other` lies inside."""
        return (
            other.x >= self.x - slack
            and other.y >= self.y - slack
            and other.x + other.width <= self.x + self.width + slack
            and other.y + other.height <= self.y + self.height + slack
        )


@dataclass(frozen=True)
class QrBox:
    """A square of `size` mm, quiet zone included. A module is the most whole dots that fit, from `min_dots` to `max_dots`."""

    x: float
    y: float
    size: float
    min_dots: int = 3
    max_dots: int = 6

    @property
    def box(self) -> Box:
        return Box(self.x, self.y, self.size, self.size)


@dataclass(frozen=True)
class BarcodeBox:
    """`width` includes the quiet zones, `height` is that of the bars; mm. A module is `min_dots` to `max_dots` whole dots."""

    x: float
    y: float
    width: float
    height: float
    min_dots: int = 3
    max_dots: int = 5

    @property
    def box(self) -> Box:
        return Box(self.x, self.y, self.width, self.height)


@dataclass(frozen=True)
class TextBox:
    """One line of text. Millimetres; font sizes in points, in steps of half a point.

    `field` is `tag`, `serial`, `model`, `manufacturer`, `catalog`, or the name of a custom field (`Funding Source`).
    `prefix` stands before the value, and only where there is one. `align` is `left`, `center` or `right`.
    """

    field: str
    x: float
    y: float
    width: float
    height: float
    min_size: float
    max_size: float
    bold: bool = False
    prefix: str = ""
    align: str = "left"

    @property
    def box(self) -> Box:
        return Box(self.x, self.y, self.width, self.height)


@dataclass(frozen=True)
class LabelFormat:
    """`width` × `height` is the stock; `left` … `bottom` are the margins that the printer cannot reach. Millimetres.

    A box that is None is not printed; texts are printed in their order.
    """

    name: str
    title: str
    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    qr: QrBox | None
    barcode: BarcodeBox | None
    texts: tuple[TextBox, ...]
    dpi: int = 300

    @property
    def printable(self) -> Box:
        return Box(self.left, self.top, self.width - self.left - self.right, self.height - self.top - self.bottom)

    def dots(self, millimetres: float) -> int:
        """The dot nearest to a length."""
        return round(millimetres * self.dpi / MM_PER_INCH)

    def whole_dots(self, millimetres: float) -> int:
        """How many whole dots fit into a length (a hundredth of a dot forgives decimal fractions)."""
        return int(millimetres * self.dpi / MM_PER_INCH + 0.01)

    def boxes(self) -> Iterator[tuple[str, Box]]:
        """Every box with the key that it has in the data."""
        if self.qr:
            yield "qr", self.qr.box
        if self.barcode:
            yield "barcode", self.barcode.box
        for number, text in enumerate(self.texts):
            yield f"texts[{number}]", text.box


def problems(label: LabelFormat) -> list[str]:
    """What keeps a format from printing labels that scan, one `key: reason` each; empty when it is sound."""
    return [*_of_page(label), *_of_boxes(label), *_of_symbols(label), *_of_texts(label)]


def check(label: LabelFormat) -> LabelFormat:
    """The format itself. Raises FormatInvalid with every problem."""
    if found := problems(label):
        raise FormatInvalid(f"The label format “{label.name}” cannot be used: {'; '.join(found)}.", format=label.name, problems=found)
    return label


def _of_page(label: LabelFormat) -> Iterator[str]:
    for key in ("width", "height"):
        if getattr(label, key) <= 0:
            yield f"{key}: must be more than 0 mm"
    for key in ("left", "top", "right", "bottom"):
        if getattr(label, key) < 0:
            yield f"{key}: a margin cannot be negative"
    if label.printable.width <= 0 or label.printable.height <= 0:
        yield "left, top, right, bottom: the margins leave nothing to print on"
    if label.dpi < 150:
        yield f"dpi: {label.dpi} is too coarse for codes; 203, 300 and 600 are usual"


def _of_boxes(label: LabelFormat) -> Iterator[str]:
    area = label.printable
    for key, box in label.boxes():
        if box.width <= 0 or box.height <= 0:
            yield f"{key}: width and height must be more than 0 mm"
        elif not area.holds(box):
            reach = f"{area.x:g} to {area.x + area.width:g} mm across and {area.y:g} to {area.y + area.height:g} mm down"
            yield f"{key}: lies outside of what the printer reaches ({reach})"
    for (first, one), (second, other) in combinations(label.boxes(), 2):
        if one.overlaps(other):
            yield f"{second}: overlaps {first}"


def _of_symbols(label: LabelFormat) -> Iterator[str]:
    for key, symbol in (("qr", label.qr), ("barcode", label.barcode)):
        if symbol is None:
            continue
        for name in ("min_dots", "max_dots"):
            dots = getattr(symbol, name)
            # The data may come from a file, where nothing keeps a number whole.
            if dots != int(dots) or dots < FEWEST_DOTS:
                yield f"{key}.{name}: must be a whole number of dots, at least {FEWEST_DOTS}, not {dots:g}"
        if symbol.min_dots > symbol.max_dots:
            yield f"{key}.max_dots: is less than {key}.min_dots"
    if label.barcode and label.barcode.height < LOWEST_BARS:
        yield f"barcode.height: must be at least {LOWEST_BARS:g} mm, not {label.barcode.height:g}"


def _of_texts(label: LabelFormat) -> Iterator[str]:
    for number, text in enumerate(label.texts):
        key = f"texts[{number}]"
        if not text.field:
            yield f"{key}.field: names no field"
        if text.align not in {"left", "center", "right"}:
            yield f"{key}.align: must be left, center or right, not {text.align!r}"
        if text.min_size < LEAST_TEXT:
            yield f"{key}.min_size: must be at least {LEAST_TEXT:g} points"
        if text.max_size < text.min_size:
            yield f"{key}.max_size: is less than {key}.min_size"
        if any(size % SIZE_STEP for size in (text.min_size, text.max_size)):
            yield f"{key}: font sizes go in steps of {SIZE_STEP:g} points"
        needed = text.max_size * LINE_HEIGHT * MM_PER_INCH / POINTS_PER_INCH
        if text.height < needed:
            yield f"{key}.height: {text.max_size:g} points need {needed:.2f} mm"


SMALL = LabelFormat(
    name="small",
    title="Small, 90.3 × 29 mm (DK-11201)",
    width=90.3,
    height=29,
    left=3.2,
    top=1.55,
    right=3.2,
    bottom=1.55,
    qr=QrBox(x=3.3, y=4.06, size=20.9),
    barcode=BarcodeBox(x=24.3, y=19.4, width=62.7, height=7.8),
    texts=(
        TextBox("tag", x=28.5, y=1.6, width=58.5, height=8.8, min_size=9, max_size=21, bold=True),
        TextBox("model", x=28.5, y=10.4, width=58.5, height=4.3, min_size=6.5, max_size=10),
        TextBox("serial", x=28.5, y=14.7, width=40, height=4.2, min_size=5.5, max_size=9, bold=True, prefix="S/N "),
        TextBox("Funding Source", x=69, y=14.7, width=18, height=4.2, min_size=5.5, max_size=8, align="right"),
    ),
)

LARGE = LabelFormat(
    name="large",
    title="Large, 100 × 62 mm (DK-11202)",
    width=100,
    height=62,
    left=3.05,
    top=1.55,
    right=3.05,
    bottom=1.55,
    qr=QrBox(x=74.4, y=39.4, size=20.9),
    barcode=BarcodeBox(x=3.05, y=41.4, width=71.3, height=16.8),
    texts=(
        TextBox("tag", x=7.3, y=2.2, width=86, height=18.4, min_size=12, max_size=44, bold=True),
        TextBox("model", x=7.3, y=20.6, width=86, height=7.6, min_size=8, max_size=18),
        TextBox("serial", x=7.3, y=28.2, width=86, height=6.2, min_size=8, max_size=14, bold=True, prefix="S/N "),
        TextBox("Funding Source", x=7.3, y=34.4, width=86, height=4.8, min_size=7, max_size=11),
    ),
)

FORMATS = {label.name: check(label) for label in (LARGE, SMALL)}


def named(name: str) -> LabelFormat:
    """The format of that name. Raises UnknownFormat, which names those that there are."""
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise UnknownFormat(f"There is no label format “{name}”. Choose one of: {known}.", field="size", known=list(FORMATS))
    return FORMATS[name]
