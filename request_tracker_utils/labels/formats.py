"""Label formats as data: the stock, the printable area, and a box in millimeters for each element.

The fields of these classes are the keys of a format file; `formats.toml` beside this module documents each.
"""

import io
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, UnidentifiedImageError
from pydantic import ConfigDict

from request_tracker_utils.core.translation import gettext as _

MM_PER_INCH = 25.4
POINTS_PER_INCH = 72
PIXELS_PER_INCH = 96

FONT_SIZE_STEP = 0.5
"""Points between two allowed font sizes."""

BUNDLED_FONT_NAME = "sans"
"""The name by which formats refer to the bundled font."""

MAX_IMAGE_BYTES = 1024 * 1024

_MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""Format files are read without coercion: unknown keys, text in place of numbers, NaN and infinity are errors."""


@dataclass(frozen=True)
class Box:
    """A rectangle on the label, in millimeters from the label's top left corner."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: "Box", slack: float = 0.01) -> bool:
        """Whether the two share more than an edge. `slack` (mm) absorbs the rounding of decimal fractions."""
        return (
            self.x < other.x + other.width - slack
            and other.x < self.x + self.width - slack
            and self.y < other.y + other.height - slack
            and other.y < self.y + self.height - slack
        )

    def contains(self, other: "Box", slack: float = 0.01) -> bool:
        return (
            other.x >= self.x - slack
            and other.y >= self.y - slack
            and other.x + other.width <= self.x + self.width + slack
            and other.y + other.height <= self.y + self.height + slack
        )


@dataclass(frozen=True)
class QrBox:
    """A square of `size` mm, including the quiet zone. A module has as many whole dots as fit, from `min_dots` to `max_dots`."""

    __pydantic_config__ = _STRICT

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
    """`width` (mm) includes the quiet zones, `height` (mm) is that of the bars. A module takes `min_dots` to `max_dots` whole dots."""

    __pydantic_config__ = _STRICT

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
    """One line of text. Lengths are millimeters; font sizes are points in steps of half a point.

    `field` is `tag`, `serial`, `model`, `manufacturer`, `catalog`, or the name of a custom field (`Funding Source`). `prefix` is printed
    before the value if there is one. `align` is `left`, `center` or `right`.
    """

    __pydantic_config__ = _STRICT

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
    """A PNG, JPEG or SVG image, scaled to fit its box (mm) without distortion."""

    __pydantic_config__ = _STRICT

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
    """Paper with many labels, in mm: its size, the corner of the first label, and the pitch from one label to the next."""

    __pydantic_config__ = _STRICT

    width: float
    height: float
    columns: int
    rows: int
    left: float
    top: float
    across: float
    down: float

    @property
    def label_count(self) -> int:
        return self.columns * self.rows

    def corner(self, position: int) -> tuple[float, float]:
        """The top left corner of the label at a position (from 0, row by row), in mm from the sheet's left and top edges."""
        row, column = divmod(position, self.columns)
        return self.left + column * self.across, self.top + row * self.down


@dataclass(frozen=True)
class LabelFormat:
    """`width` × `height` is the size of one label; `left` … `bottom` are the margins that the printer cannot reach. Millimeters.

    An element that is None is not printed; texts are printed in order. With a `sheet` many labels share a page, otherwise each label is a
    page. `font` and `bold_font` are font files. Assets of these `catalogs` and `types` get this format by default.
    """

    __pydantic_config__ = _STRICT

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
    font: str = BUNDLED_FONT_NAME
    bold_font: str = ""
    catalogs: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    @property
    def printable(self) -> Box:
        return Box(self.left, self.top, self.width - self.left - self.right, self.height - self.top - self.bottom)

    @property
    def page(self) -> tuple[float, float]:
        """Width and height of the page: a sheet, or one label."""
        return (self.sheet.width, self.sheet.height) if self.sheet else (self.width, self.height)

    def dots(self, millimeters: float) -> int:
        """The printer dot nearest to a length."""
        return round(millimeters * self.dpi / MM_PER_INCH)

    def whole_dots(self, millimeters: float) -> int:
        """How many whole dots fit into a length. A hundredth of a dot absorbs the rounding of decimal fractions."""
        return int(millimeters * self.dpi / MM_PER_INCH + 0.01)

    def boxes(self) -> Iterator[tuple[str, Box]]:
        """Every box with its key in the format file."""
        for key, part in (("qr", self.qr), ("barcode", self.barcode), ("logo", self.logo)):
            if part:
                yield key, part.box
        for number, text in enumerate(self.texts):
            yield f"texts[{number}]", text.box


class InvalidImage(Exception):
    """The file is missing, too large, or not an image; the message says which."""


@cache
def image_data_url(file: str) -> str:
    """A PNG, JPEG or SVG file as a data URL. Raises InvalidImage."""
    path = Path(file)
    try:
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise InvalidImage(_("%(path)s is larger than %(maximum)s MB", path=path, maximum=MAX_IMAGE_BYTES // 1024 // 1024))
        content = path.read_bytes()
    except OSError as error:
        raise InvalidImage(_("%(path)s cannot be read: %(reason)s", path=path, reason=error.strerror)) from None
    mime_type = _mime_type(content)
    if mime_type is None:
        raise InvalidImage(_("%(path)s is not a PNG, JPEG or SVG image", path=path))
    return f"data:{mime_type};base64,{b64encode(content).decode()}"


def _mime_type(content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content), formats=list(_MIME_TYPES)) as image:
            image.verify()
            return _MIME_TYPES[image.format or ""]
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for broken images
        return "image/svg+xml" if _is_svg(content) else None


def _is_svg(content: bytes) -> bool:
    try:
        return ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 — the site's own file
    except (ElementTree.ParseError, ValueError, LookupError):
        return False
