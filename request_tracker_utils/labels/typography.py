"""Fonts of labels and text that fits its box: as large as possible, then truncated with an ellipsis, never wrapped.

Widths are exact because the page embeds the label's font and each character has one advance: kerning and ligatures are off.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from unicodedata import normalize

from PIL import ImageFont

from request_tracker_utils.core.settings import STATIC
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.formats import BUNDLED_FONT_NAME, FONT_SIZE_STEP, MM_PER_INCH, POINTS_PER_INCH, LabelFormat, TextBox

FONT_FILES = {False: "fonts/DejaVuSansCondensed.ttf", True: "fonts/DejaVuSansCondensed-Bold.ttf"}
"""The bundled font, relative to the folder of static files; the key says whether it is bold."""

MAX_FONT_BYTES = 8 * 1024 * 1024
"""Every print page embeds the font of its format."""

ELLIPSIS = "…"

_FONT_SIGNATURES = (b"\x00\x01\x00\x00", b"OTTO", b"true")
"""The first bytes of TrueType and OpenType files."""

_UNITS_PER_EM = 2048
"""Measured at this size, advances are the font's own integers."""

_FALLBACK_ADVANCE = 1.4
"""In em, for a character that the font lacks; no script or emoji of the usual fallback fonts is wider."""

_MISSING_CHARACTER = "\U0010fffd"
"""A private-use character that no font contains."""

_SLACK = 0.995
"""Usable part of a box's width: browsers lay out text in 1/64 pixel."""

_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters and bidirectional overrides, which could change how a label reads."""

_COMBINING = re.compile(r"[\u0300-\u036f\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")


class InvalidFont(Exception):
    """The file is missing, too large, or not a font; the message says which."""


class Advances(dict[str, float]):
    """The width of each character in em."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        font = ImageFont.truetype(str(file), _UNITS_PER_EM, layout_engine=ImageFont.Layout.BASIC)
        # A character that the font lacks is drawn as the replacement box; comparing small bitmaps detects that quickly.
        small = ImageFont.truetype(str(file), 16, layout_engine=ImageFont.Layout.BASIC)
        replacement_box = bytes(small.getmask(_MISSING_CHARACTER))
        # All common characters are measured up front: font objects are not thread-safe, a dict is.
        for character in map(chr, (*range(0x20, 0x600), *range(0x1E00, 0x2300))):
            if character.isprintable() and bytes(small.getmask(character)) != replacement_box:
                self[character] = font.getlength(character) / _UNITS_PER_EM
        self.line_height = sum(font.getmetrics()) / _UNITS_PER_EM
        """Ascender plus descender, in em."""

    def __missing__(self, character: str) -> float:
        return _FALLBACK_ADVANCE


@dataclass(frozen=True)
class Font:
    """The files of one font; both may be the same."""

    regular: Path
    bold: Path

    def file(self, bold: bool) -> Path:
        return self.bold if bold else self.regular

    def advances(self, bold: bool) -> Advances:
        """Raises InvalidFont."""
        return _advances(self.file(bold))


BUNDLED_FONT = Font(STATIC / FONT_FILES[False], STATIC / FONT_FILES[True])


@dataclass(frozen=True)
class FittedLine:
    """A text as it is printed. `size` is in points; a `truncated` text ends with an ellipsis."""

    text: str
    size: float
    truncated: bool = False


def font_for(label: LabelFormat) -> Font:
    """The font of a format. Without a bold file, bold texts are printed in the regular one."""
    if label.font == BUNDLED_FONT_NAME:
        return BUNDLED_FONT
    return Font(Path(label.font), Path(label.bold_font or label.font))


def normalize_text(text: str) -> str:
    """One line: whitespace collapses to single spaces, accents are composed, unprintable characters are removed."""
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    if not text.isascii():
        text = normalize("NFC", text)
    return " ".join(text.split())


def text_width(text: str, size: float, *, bold: bool, font: Font = BUNDLED_FONT) -> float:
    """Width in millimeters of a text at `size` points."""
    return sum(map(font.advances(bold).__getitem__, text)) * size * MM_PER_INCH / POINTS_PER_INCH


def fit_text(text: str, box: TextBox, *, allow_truncation: bool = True, font: Font = BUNDLED_FONT) -> FittedLine | None:
    """The text at the largest size that fits, or truncated at the smallest; None if it does not fit and must not be truncated."""
    advances = font.advances(box.bold)
    prefix_width = sum(map(advances.__getitem__, box.prefix))
    width = prefix_width + sum(map(advances.__getitem__, text))
    available = box.width * _SLACK * POINTS_PER_INCH / MM_PER_INCH
    if width * box.max_size <= available:
        return FittedLine(text, box.max_size)
    if width * box.min_size <= available:
        return FittedLine(text, int(available / width / FONT_SIZE_STEP) * FONT_SIZE_STEP)
    if not allow_truncation:
        return None
    remaining = available / box.min_size - prefix_width - advances[ELLIPSIS]
    length = sum(1 for end in accumulate(map(advances.__getitem__, text)) if end <= remaining)
    while length and (_COMBINING.match(text[length]) or text[length - 1] == "\u200d"):
        length -= 1
    return FittedLine(text[:length].rstrip() + ELLIPSIS, box.min_size, truncated=True)


@cache
def _advances(file: Path) -> Advances:
    try:
        with file.open("rb") as stream:
            signature = stream.read(4)
        if file.stat().st_size > MAX_FONT_BYTES:
            raise InvalidFont(_("%(path)s is larger than %(maximum)s MB", path=file, maximum=MAX_FONT_BYTES // 1024 // 1024))
        if signature not in _FONT_SIGNATURES:
            raise InvalidFont(_("%(path)s is not a TrueType or OpenType font", path=file))
        return Advances(file)
    except OSError as error:
        raise InvalidFont(_("%(path)s cannot be used: %(reason)s", path=file, reason=error.strerror or error)) from None
