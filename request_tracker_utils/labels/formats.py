"""Label formats as data: the stock, what the printer reaches of it, and a box in millimetres for each thing printed.

The fields of these classes are the keys of a file of formats; `formats.toml` beside this module explains each.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ConfigDict

from request_tracker_utils.core.errors import Invalid

MM_PER_INCH = 25.4
POINTS_PER_INCH = 72
PIXELS_PER_INCH = 96

SIZE_STEP = 0.5
"""Points between two allowed font sizes."""

SANS = "sans"
"""The font shipped, as formats name it."""

_AS_WRITTEN = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""How files are read: no unknown key, no text for a number, no number that is none."""


class UnknownFormat(Invalid):
    """There is no label format of this name; `known` names those that there are."""

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

    __pydantic_config__ = _AS_WRITTEN

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

    __pydantic_config__ = _AS_WRITTEN

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

    __pydantic_config__ = _AS_WRITTEN

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
class Logo:
    """A picture, as large as fits into its box (mm) without being stretched. `file` is a PNG, JPEG or SVG file."""

    __pydantic_config__ = _AS_WRITTEN

    file: str
    x: float
    y: float
    width: float
    height: float

    @property
    def box(self) -> Box:
        return Box(self.x, self.y, self.width, self.height)


@dataclass(frozen=True)
class Sheet:
    """Paper with many labels: its size, where the first label begins, and how far apart the labels' left and top edges are. mm."""

    __pydantic_config__ = _AS_WRITTEN

    width: float
    height: float
    columns: int
    rows: int
    left: float
    top: float
    across: float
    down: float

    @property
    def places(self) -> int:
        return self.columns * self.rows

    def corner(self, place: int) -> tuple[float, float]:
        """Where the label at a place begins, counted from 0 row by row: mm from the sheet's left and top edge."""
        row, column = divmod(place, self.columns)
        return self.left + column * self.across, self.top + row * self.down


@dataclass(frozen=True)
class LabelFormat:
    """`width` × `height` is the stock; `left` … `bottom` are the margins that the printer cannot reach. Millimetres.

    A box that is None is not printed; texts are printed in their order. With a `sheet` many labels share a page, else each is one.
    `font` and `bold_font` are font files; `catalogs` and `types` are those of assets that get this format unless another is asked for.
    """

    __pydantic_config__ = _AS_WRITTEN

    name: str
    title: str
    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    qr: QrBox | None = None
    barcode: BarcodeBox | None = None
    texts: tuple[TextBox, ...] = ()
    dpi: int = 300
    sheet: Sheet | None = None
    logo: Logo | None = None
    font: str = SANS
    bold_font: str = ""
    catalogs: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    @property
    def printable(self) -> Box:
        return Box(self.left, self.top, self.width - self.left - self.right, self.height - self.top - self.bottom)

    @property
    def page(self) -> tuple[float, float]:
        """Width and height of what the printer takes: a sheet, or one label."""
        return (self.sheet.width, self.sheet.height) if self.sheet else (self.width, self.height)

    def dots(self, millimetres: float) -> int:
        """The dot nearest to a length."""
        return round(millimetres * self.dpi / MM_PER_INCH)

    def whole_dots(self, millimetres: float) -> int:
        """How many whole dots fit into a length (a hundredth of a dot forgives decimal fractions)."""
        return int(millimetres * self.dpi / MM_PER_INCH + 0.01)

    def boxes(self) -> Iterator[tuple[str, Box]]:
        """Every box with the key that it has in the data."""
        for key, part in (("qr", self.qr), ("barcode", self.barcode), ("logo", self.logo)):
            if part:
                yield key, part.box
        for number, text in enumerate(self.texts):
            yield f"texts[{number}]", text.box
