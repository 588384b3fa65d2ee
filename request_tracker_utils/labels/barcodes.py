"""QR codes and Code 128 barcodes as vector paths, in whole printer dots.

The libraries (`qrcode`, `python-barcode`) encode the symbols; this module only draws their modules. A label's QR code is combined from
matrices that the library computed before: with version, mask, level and length fixed, every module is an affine function over GF(2) of
the data bits (Reed-Solomon coding, interleaving and masking all are), so that
`matrix(address) = matrix(base) XOR the difference that each changed bit makes`.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil, floor

from barcode.charsets.code128 import TO
from barcode.codex import Code128
from qrcode.constants import ERROR_CORRECT_M
from qrcode.exceptions import DataOverflowError
from qrcode.main import QRCode
from qrcode.util import MODE_8BIT_BYTE, QRData

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.errors import AddressTooLong, TagNotEncodable, TagTooLong
from request_tracker_utils.labels.formats import MM_PER_INCH, PIXELS_PER_INCH, BarcodeBox, LabelFormat, QrBox

QR_QUIET_ZONE = 4
"""Modules around a QR code (ISO/IEC 18004)."""

BARCODE_QUIET_ZONE = 10
"""Modules on each side of a Code 128 symbol (ISO/IEC 15417)."""

_MASK = 2
_MAX_VARIABLE_DIGITS = 10
"""Digits at the end of an address that are combined by XOR; Request Tracker's IDs have at most ten."""

_DIGITS = "0123456789"


@dataclass(frozen=True)
class PixelFrame:
    """The image of a code on the page, in whole CSS pixels: browsers snap images to pixels and would stretch anything else.

    `left` … `height` are pixels. `dx` and `dy` (dots) are the offset from the image's corner to the box's, so that a symbol drawn there
    lies on printer dots; `across` and `down` are the box's size in whole dots.
    """

    left: int
    top: int
    width: int
    height: int
    dx: float
    dy: float
    across: int
    down: int
    dots_per_pixel: float

    @classmethod
    def around(cls, label: LabelFormat, box: QrBox | BarcodeBox, corner: tuple[float, float] = (0.0, 0.0)) -> "PixelFrame":
        """The frame of a box. `corner` is the label's corner on the page, in millimeters."""
        scale = label.dpi / PIXELS_PER_INCH
        x, y = label.dots(corner[0] + box.box.x), label.dots(corner[1] + box.box.y)
        across, down = label.whole_dots(box.box.width), label.whole_dots(box.box.height)
        left, top = floor(x / scale), floor(y / scale)
        width, height = ceil((x + across) / scale) - left, ceil((y + down) / scale) - top
        return cls(left, top, width, height, x - left * scale, y - top * scale, across, down, scale)

    def svg(self, path: str, dots: int, x: float, y: float) -> str:
        """A data URL of an image of the frame's size: `path`, in modules of `dots`, with its origin at (x, y) dots in the box."""
        size = f"viewBox='0 0 {self.width * self.dots_per_pixel:g} {self.height * self.dots_per_pixel:g}'"
        transform = f"translate({self.dx + x:g} {self.dy + y:g})scale({dots})"
        # Percent-encoded only where a data URL in a double-quoted attribute needs it.
        return (
            f"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' {size} shape-rendering='crispEdges'%3E"
            f"%3Cpath transform='{transform}' d='{path}'/%3E%3C/svg%3E"
        )


@dataclass(frozen=True)
class SymbolLayout:
    """The horizontal layout of a symbol in its box: dots per module, and empty dots before and after it."""

    dots: int
    before: int
    after: int


# --- Code 128


class _Code128(Code128):  # type: ignore[misc]  # the library ships no types
    """Fixes the library, which drops a leading pair 99 because it has the same number as "switch to digits"."""

    def _try_to_optimize(self, encoded: list[int]) -> list[int]:
        return encoded if encoded[1] == _SWITCH_TO_DIGITS else super()._try_to_optimize(encoded)


_SWITCH_TO_DIGITS = next(number for number, start in TO.items() if start == 105)
_BAR = re.compile("1+0*")


def barcode_modules(tag: str) -> str:
    """The modules of a tag's barcode from the first bar to the last: `1` a bar, `0` a space, without quiet zones.

    Raises TagNotEncodable.
    """
    if not tag:
        raise TagNotEncodable(_("The tag is empty. Rename the asset."), field="tag", tag=tag)
    # Code 128 has control characters too, but a tag with one of them is a mistake and could not be typed.
    invalid = next((character for character in tag if not " " <= character <= "~"), None)
    if invalid is not None:
        message = _(
            "The tag “%(tag)s” contains %(character)s, which a barcode cannot encode. "
            "Rename the asset: use letters A to Z, digits and common punctuation.",
            tag=tag,
            character=repr(invalid),
        )
        raise TagNotEncodable(message, field="tag", tag=tag)
    return str(_Code128(tag).build()[0])


def layout_barcode(modules: int, box: BarcodeBox, frame: PixelFrame) -> SymbolLayout:
    """A module has as many dots as fit. The first bar starts at the end of the quiet zone of the widest possible module, so that text can
    be aligned with it, or earlier if the symbol needs the space."""
    dots = min(box.max_dots, frame.across // (modules + 2 * BARCODE_QUIET_ZONE))
    width = modules * dots
    start = min(BARCODE_QUIET_ZONE * box.max_dots, frame.across - width - BARCODE_QUIET_ZONE * dots)
    return SymbolLayout(dots, start, frame.across - start - width)


def barcode_image(tag: str, label: LabelFormat, box: BarcodeBox, frame: PixelFrame) -> str:
    """The barcode as a data URL of an image of the size of `frame`. Raises TagTooLong, TagNotEncodable."""
    modules = barcode_modules(tag)
    layout = layout_barcode(len(modules), box, frame)
    if layout.dots < box.min_dots:
        total = len(modules) + 2 * BARCODE_QUIET_ZONE
        message = _(
            "The tag “%(tag)s” is too long for a barcode on the label “%(format)s”: "
            "it needs %(needed)s mm, and the label has %(available)s mm. Choose a larger label or a shorter tag.",
            tag=tag,
            format=label.name,
            needed=f"{total * box.min_dots * MM_PER_INCH / label.dpi:.1f}",
            available=f"{box.width:g}",
        )
        raise TagTooLong(message, field="tag", tag=tag, format=label.name)
    height = frame.down / layout.dots
    path = "M0,0" + "".join([_bar(run, height) for run in _BAR.findall(modules)])
    return frame.svg(path, layout.dots, layout.before, 0)


@lru_cache(maxsize=512)
def _bar(run: str, height: float) -> str:
    width = run.count("1")
    return f"h{width}v{height:g}h-{width}zm{len(run)},0"


# --- QR


@dataclass(frozen=True)
class _AddressFamily:
    """Addresses that differ only in the digits at their end. `matrix` belongs to the address with zeros for digits.

    `differences` maps a bit of the digits to the modules that it flips; it is filled as bits occur (at most four per digit). Two threads
    may both compute an entry: the results are equal.
    """

    prefix: bytes
    digits: int
    version: int
    matrix: int
    differences: dict[int, int] = field(default_factory=dict)

    def matrix_of(self, digits: bytes) -> int:
        matrix = self.matrix
        changed = int.from_bytes(digits) ^ int.from_bytes(b"0" * self.digits)
        while changed:
            bit = changed & -changed
            changed ^= bit
            difference = self.differences.get(bit)
            if difference is None:
                suffix = int.from_bytes(b"0" * self.digits) ^ bit
                difference = _library_matrix(self.prefix + suffix.to_bytes(self.digits), self.version)[1] ^ self.matrix
                self.differences[bit] = difference
            matrix ^= difference
        return matrix


def qr_matrix(address: str) -> tuple[int, int]:
    """The number of modules per side, and the modules as one integer: row by row, the top left module is the highest bit.

    Byte mode, level M, the smallest version, mask 2. Equal to the library's. Raises AddressTooLong.
    """
    prefix = address.rstrip(_DIGITS)
    digits = len(address) - len(prefix)
    if digits > _MAX_VARIABLE_DIGITS:
        prefix, digits = address[:-_MAX_VARIABLE_DIGITS], _MAX_VARIABLE_DIGITS
    family = _address_family(prefix, digits)
    return family.version * 4 + 17, family.matrix_of(address[len(prefix) :].encode("ascii"))


@lru_cache(maxsize=64)
def _address_family(prefix: str, digits: int) -> _AddressFamily:
    encoded = prefix.encode("utf-8", "replace")
    version, matrix = _library_matrix(encoded + b"0" * digits)
    return _AddressFamily(encoded, digits, version, matrix)


def _library_matrix(data: bytes, version: int | None = None) -> tuple[int, int]:
    """Version and matrix, computed by the library. Raises AddressTooLong."""
    code: QRCode = QRCode(version=version, error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    # Without numeric segments: with them, modules would not depend on the digits by XOR.
    code.add_data(QRData(data, mode=MODE_8BIT_BYTE), optimize=0)
    try:
        code.make(fit=version is None)
    except (DataOverflowError, ValueError) as overflow:  # the library looks up version 41 before it rejects it
        raise AddressTooLong(_("The address is too long for a QR code. Shorten RT_URL or APP_URL."), field="address") from overflow
    return code.version, int("".join("1" if module else "0" for row in code.modules for module in row), 2)


class _Runs(dict[str, str]):
    """SVG path of each run of dark modules, keyed by the run, the gap after it, and the start of the next row."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def __missing__(self, run: str) -> str:
        row, newline, gap = run.partition("\n")
        dark = row.count("1")
        across = len(row) + len(gap) - (self.side if newline else 0)
        path = self[run] = f"h{dark}v1h-{dark}zm{across},{len(newline)}"
        return path


_RUN = re.compile("1+0*(?:\n0*)?")
_runs = {side: _Runs(side) for side in range(21, 178, 4)}


def qr_path(side: int, matrix: int) -> str:
    """An SVG path of the dark modules, merged into runs along rows; a module is one unit."""
    modules = format(matrix, f"0{side * side}b")
    rows = "\n".join([modules[start : start + side] for start in range(0, side * side, side)])
    # The left corners are dark in every QR code (finder patterns), so the first run starts at the origin.
    return "M0,0" + "".join(map(_runs[side].__getitem__, _RUN.findall(rows)))


def layout_qr(side: int, box: QrBox, frame: PixelFrame) -> SymbolLayout:
    """Centered in its box. A module has as many dots as fit."""
    dots = min(box.max_dots, frame.across // (side + 2 * QR_QUIET_ZONE))
    before = (frame.across - side * dots) // 2
    return SymbolLayout(dots, before, frame.across - before - side * dots)


def qr_image(address: str, label: LabelFormat, box: QrBox, frame: PixelFrame) -> str:
    """The QR code as a data URL of an image of the size of `frame`. Raises AddressTooLong."""
    side, matrix = qr_matrix(address)
    layout = layout_qr(side, box, frame)
    if layout.dots < box.min_dots:
        message = _(
            "The address “%(address)s” is too long for a QR code on the label “%(format)s”. "
            "Choose a larger label, or shorten RT_URL or APP_URL.",
            address=address,
            format=label.name,
        )
        raise AddressTooLong(message, field="address", format=label.name)
    return frame.svg(qr_path(side, matrix), layout.dots, layout.before, layout.before)
