"""QR codes and Code 128 bar codes as vector paths, in whole dots of the printer.

The symbols come from the libraries (`qrcode`, `python-barcode`); drawn here are only their modules. A label's QR code is
put together from parts that the library made earlier: with version, mask, level and length fixed, every module is an
affine function over GF(2) of the data bits (Reed-Solomon coding, interleaving and masking are), so that
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

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.labels.formats import MM_PER_INCH, PIXELS_PER_INCH, BarcodeBox, LabelFormat, QrBox

QR_QUIET = 4
"""Modules around a QR code (ISO/IEC 18004)."""

BARCODE_QUIET = 10
"""Modules on each side of a Code 128 symbol (ISO/IEC 15417)."""

_MASK = 2
_TAIL = 10
"""Digits at the end of an address that are put in by XOR; Request Tracker's ids have at most ten."""

_DIGITS = "0123456789"


class NotPrintable(Invalid):
    """A label that would not be readable; it is refused and never printed smaller than a scanner or an eye can read."""

    code = "label_not_printable"


class TagTooLong(NotPrintable):
    """The tag does not fit the label's bar code or its text box at the smallest readable size."""

    code = "tag_too_long"


class TagNotEncodable(NotPrintable):
    """The tag holds a character that Code 128 has no bars for."""

    code = "tag_not_encodable"


class AddressTooLong(NotPrintable):
    """The address does not fit the label's QR code at the smallest readable module."""

    code = "address_too_long"


@dataclass(frozen=True)
class Frame:
    """Where an image lies on the page: whole CSS pixels, because browsers snap images to those, stretching what is inside.

    `left` … `height` are pixels. `dx` and `dy` (dots) lead from the image's corner to the box's, so that a symbol drawn there
    lies on the printer's dots; `across` and `down` are the box's size in whole dots.
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
    def around(cls, label: LabelFormat, box: QrBox | BarcodeBox, corner: tuple[float, float] = (0.0, 0.0)) -> "Frame":
        """Of a box on a label whose own corner lies at `corner` of the page, in millimetres."""
        scale = label.dpi / PIXELS_PER_INCH
        x, y = label.dots(corner[0] + box.box.x), label.dots(corner[1] + box.box.y)
        across, down = label.whole_dots(box.box.width), label.whole_dots(box.box.height)
        left, top = floor(x / scale), floor(y / scale)
        width, height = ceil((x + across) / scale) - left, ceil((y + down) / scale) - top
        return cls(left, top, width, height, x - left * scale, y - top * scale, across, down, scale)

    def svg(self, path: str, dots: int, x: float, y: float) -> str:
        """A data address of an image of the frame's size: `path`, in modules of `dots`, with its origin at (x, y) dots in the box."""
        size = f"viewBox='0 0 {self.width * self.dots_per_pixel:g} {self.height * self.dots_per_pixel:g}'"
        place = f"translate({self.dx + x:g} {self.dy + y:g})scale({dots})"
        # Percent signs only where a data address in a double-quoted attribute needs them.
        return (
            f"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' {size} shape-rendering='crispEdges'%3E"
            f"%3Cpath transform='{place}' d='{path}'/%3E%3C/svg%3E"
        )


@dataclass(frozen=True)
class Laid:
    """How a symbol lies across its box: dots of a module, and dots that are empty before and after it."""

    dots: int
    before: int
    after: int


# --- Code 128


class _Code128(Code128):  # type: ignore[misc]  # the library ships no types
    """The library drops a leading pair 99, which is also the number of "switch to digits"."""

    def _try_to_optimize(self, encoded: list[int]) -> list[int]:
        return encoded if encoded[1] == _SWITCH_TO_DIGITS else super()._try_to_optimize(encoded)


_SWITCH_TO_DIGITS = next(number for number, start in TO.items() if start == 105)
_BAR = re.compile("1+0*")


def bars(tag: str) -> str:
    """The modules of a tag's bar code from the first bar to the last: `1` a bar, `0` a space, without quiet zones.

    Raises TagNotEncodable.
    """
    # Code 128 itself knows control characters too; a tag that holds one is a mistake, and nobody could type it.
    wrong = next((character for character in tag if not " " <= character <= "~"), None)
    if wrong is not None or not tag:
        what = f"holds {wrong!r}, for which a bar code has no bars" if tag else "is empty"
        raise TagNotEncodable(
            f"The tag “{tag}” {what}. Rename the asset: letters A to Z, digits and common signs can be printed.", field="tag", tag=tag
        )
    return str(_Code128(tag).build()[0])


def lay_barcode(modules: int, box: BarcodeBox, frame: Frame) -> Laid:
    """A module is the most dots that fit. The first bar stands where the quiet zone of the widest module ends, so that text can be
    aligned with it, or nearer when the symbol needs the room."""
    dots = min(box.max_dots, frame.across // (modules + 2 * BARCODE_QUIET))
    wide = modules * dots
    start = min(BARCODE_QUIET * box.max_dots, frame.across - wide - BARCODE_QUIET * dots)
    return Laid(dots, start, frame.across - start - wide)


def barcode_image(tag: str, label: LabelFormat, box: BarcodeBox, frame: Frame) -> str:
    """The bar code as a data address of an image of the size of `frame`. Raises TagTooLong and TagNotEncodable."""
    modules = bars(tag)
    laid = lay_barcode(len(modules), box, frame)
    if laid.dots < box.min_dots:
        whole = len(modules) + 2 * BARCODE_QUIET
        raise TagTooLong(
            f"The tag “{tag}” is too long for a bar code on the label “{label.name}”: it needs"
            f" {whole * box.min_dots * MM_PER_INCH / label.dpi:.1f} mm and has {box.width:g} mm. Choose a larger label or a shorter tag.",
            field="tag",
            tag=tag,
            format=label.name,
        )
    high = frame.down / laid.dots
    path = "M0,0" + "".join([_bar(run, high) for run in _BAR.findall(modules)])
    return frame.svg(path, laid.dots, laid.before, 0)


@lru_cache(maxsize=512)
def _bar(run: str, high: float) -> str:
    wide = run.count("1")
    return f"h{wide}v{high:g}h-{wide}zm{len(run)},0"


# --- QR


@dataclass(frozen=True)
class _Family:
    """Addresses that differ only in the digits at their end. `matrix` is that of the one that ends in zeros.

    `differences` maps a bit of the digits to what it changes in the matrix; it fills as bits are met (at most four of each
    digit). Two threads may both make one: they make the same.
    """

    head: bytes
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
                ends_in = int.from_bytes(b"0" * self.digits) ^ bit
                difference = _matrix(self.head + ends_in.to_bytes(self.digits), self.version)[1] ^ self.matrix
                self.differences[bit] = difference
            matrix ^= difference
        return matrix


def qr_matrix(address: str) -> tuple[int, int]:
    """Modules a side, and the modules as one number: the top left one is its highest bit, rows follow each other.

    Byte mode, level M, the smallest version, mask 2. Equal to the library's. Raises AddressTooLong.
    """
    head = address.rstrip(_DIGITS)
    digits = len(address) - len(head)
    if digits > _TAIL:
        head, digits = address[:-_TAIL], _TAIL
    family = _family(head, digits)
    return family.version * 4 + 17, family.matrix_of(address[len(head) :].encode("ascii"))


@lru_cache(maxsize=64)
def _family(head: str, digits: int) -> _Family:
    start = head.encode("utf-8", "replace")
    version, matrix = _matrix(start + b"0" * digits)
    return _Family(start, digits, version, matrix)


def _matrix(data: bytes, version: int | None = None) -> tuple[int, int]:
    """Version and matrix, from the library. Raises AddressTooLong."""
    code: QRCode = QRCode(version=version, error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    # Not optimised into numeric parts: those would make the modules depend on the digits in another way than by XOR.
    code.add_data(QRData(data, mode=MODE_8BIT_BYTE), optimize=0)
    try:
        code.make(fit=version is None)
    except (DataOverflowError, ValueError) as overflow:  # the library looks up version 41 before it refuses it
        raise AddressTooLong("The address is too long for any QR code. Shorten RT_URL or APP_URL.", field="address") from overflow
    return code.version, int("".join("1" if module else "0" for row in code.modules for module in row), 2)


class _Runs(dict[str, str]):
    """The path of each run of dark modules, keyed by the run, the gap after it, and the start of the next row."""

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
    """An SVG path of the dark modules, merged along rows; a module is one unit."""
    modules = format(matrix, f"0{side * side}b")
    rows = "\n".join([modules[start : start + side] for start in range(0, side * side, side)])
    # The corners at the top left and bottom left are dark in every QR code, so a row never starts before the first run.
    return "M0,0" + "".join(map(_runs[side].__getitem__, _RUN.findall(rows)))


def lay_qr(side: int, box: QrBox, frame: Frame) -> Laid:
    """In the middle of its box; a module is the most dots that fit."""
    dots = min(box.max_dots, frame.across // (side + 2 * QR_QUIET))
    before = (frame.across - side * dots) // 2
    return Laid(dots, before, frame.across - before - side * dots)


def qr_image(address: str, label: LabelFormat, box: QrBox, frame: Frame) -> str:
    """The QR code as a data address of an image of the size of `frame`. Raises AddressTooLong."""
    side, matrix = qr_matrix(address)
    laid = lay_qr(side, box, frame)
    if laid.dots < box.min_dots:
        raise AddressTooLong(
            f"The address “{address}” is too long for a QR code on the label “{label.name}”. Choose a larger label,"
            " or shorten RT_URL or APP_URL.",
            field="address",
            format=label.name,
        )
    return frame.svg(qr_path(side, matrix), laid.dots, laid.before, laid.before)
