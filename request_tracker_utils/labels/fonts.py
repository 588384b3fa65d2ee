"""The fonts of labels: ours, or files of the site. The width of a text must be known before it is printed."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import ImageFont

from request_tracker_utils.core.resources import STATIC
from request_tracker_utils.labels.formats import SANS, LabelFormat

FONT_FILES = {False: "fonts/DejaVuSansCondensed.ttf", True: "fonts/DejaVuSansCondensed-Bold.ttf"}
"""The font shipped, below the folder of static files, by whether it is bold."""

LARGEST_FONT = 8 * 1024 * 1024
"""Bytes. Every page of labels carries the font of its format."""

_KINDS = (b"\x00\x01\x00\x00", b"OTTO", b"true")
"""How TrueType and OpenType files begin."""

_UNITS = 2048
"""Units to the em: measured at this size the advances are the font's own whole numbers."""

_FOREIGN = 1.4
"""Em: what a character takes that the font does not have; no script or emoji of the usual fallback fonts is wider."""

_NOWHERE = "\U0010fffd"
"""A private character that no font of ours has."""


class FontUnusable(Exception):
    """The file is missing, too large, or no font; the message says which."""


class Advances(dict[str, float]):
    """Width of each character in em, filled from the font at once."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        font = ImageFont.truetype(str(file), _UNITS, layout_engine=ImageFont.Layout.BASIC)
        # A character that the font lacks is drawn as the replacement box; small pictures tell that quickly.
        small = ImageFont.truetype(str(file), 16, layout_engine=ImageFont.Layout.BASIC)
        lacking = bytes(small.getmask(_NOWHERE))
        # Everything that can be met is measured now: font objects are not for several threads, a dict is.
        for character in map(chr, (*range(0x20, 0x600), *range(0x1E00, 0x2300))):
            if character.isprintable() and bytes(small.getmask(character)) != lacking:
                self[character] = font.getlength(character) / _UNITS
        self.line_height = sum(font.getmetrics()) / _UNITS
        """Ascender and descender together, in em."""

    def __missing__(self, character: str) -> float:
        return _FOREIGN


@dataclass(frozen=True)
class Font:
    """The files of one font; both may be the same."""

    regular: Path
    bold: Path

    def file(self, bold: bool) -> Path:
        return self.bold if bold else self.regular

    def advances(self, bold: bool) -> Advances:
        """Raises FontUnusable."""
        return _advances(self.file(bold))


SHIPPED = Font(STATIC / FONT_FILES[False], STATIC / FONT_FILES[True])


def font_of(label: LabelFormat) -> Font:
    """The font of a format. One without a bold file prints bold texts in the regular one."""
    if label.font == SANS:
        return SHIPPED
    return Font(Path(label.font), Path(label.bold_font or label.font))


@cache
def _advances(file: Path) -> Advances:
    try:
        with file.open("rb") as stream:
            begins = stream.read(4)
        if file.stat().st_size > LARGEST_FONT:
            raise FontUnusable(f"{file} is larger than {LARGEST_FONT // 1024 // 1024} MB")
        if begins not in _KINDS:
            raise FontUnusable(f"{file} is no TrueType or OpenType font")
        return Advances(file)
    except OSError as error:
        raise FontUnusable(f"{file} cannot be used: {error.strerror or error}") from None
