"""Text that fits its box: shrunk within the field's sizes, then cut with an ellipsis; never wrapped.

Widths are certain because the label's font is shipped with the project: one advance a character, kerning and ligatures off.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from unicodedata import normalize

from PIL import ImageFont

from request_tracker_utils.core.resources import STATIC
from request_tracker_utils.labels.formats import MM_PER_INCH, POINTS_PER_INCH, SIZE_STEP, TextBox

FONT_FILES = {False: "fonts/DejaVuSansCondensed.ttf", True: "fonts/DejaVuSansCondensed-Bold.ttf"}
"""Below the folder of static files, by whether the text is bold."""

ELLIPSIS = "…"

_UNITS = 2048
"""Units to the em: measured at this size the advances are the font's own whole numbers."""

_FOREIGN = 1.4
"""Em: what a character takes that the font does not have; no script or emoji of the usual fallback fonts is wider."""

_NOWHERE = "\U0010fffd"
"""A private character that no font of ours has."""

_SLACK = 0.995
"""Of the box's width; browsers lay text out in 1/64 pixel."""

_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls and overrides of the writing direction, which could make a label say something else than it holds."""

_JOINS_ON = re.compile(r"[\u0300-\u036f\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")


@dataclass(frozen=True)
class Line:
    """A text as it is printed. `size` is in points; `cut` says that an ellipsis ends it."""

    text: str
    size: float
    cut: bool = False


class _Advances(dict[str, float]):
    """Width of each character in em, filled from the font as characters are met."""

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

    def __missing__(self, character: str) -> float:
        return _FOREIGN


def clean(text: str) -> str:
    """One line without controls: white space becomes single blanks, accents are composed, what cannot be printed is left out."""
    if not text.isprintable():
        text = _UNSEEN.sub("", text)
    if not text.isascii():
        text = normalize("NFC", text)
    return " ".join(text.split())


def width(text: str, size: float, *, bold: bool) -> float:
    """Millimetres that a text takes at `size` points."""
    return sum(map(_advances(bold).__getitem__, text)) * size * MM_PER_INCH / POINTS_PER_INCH


def fit(text: str, box: TextBox, *, whole: bool = False) -> Line | None:
    """The text at the largest size that fits, or cut at the smallest; None when it must be `whole` and cannot."""
    advances = _advances(box.bold)
    before = sum(map(advances.__getitem__, box.prefix))
    taken = before + sum(map(advances.__getitem__, text))
    room = box.width * _SLACK * POINTS_PER_INCH / MM_PER_INCH
    if taken * box.max_size <= room:
        return Line(text, box.max_size)
    if taken * box.min_size <= room:
        return Line(text, int(room / taken / SIZE_STEP) * SIZE_STEP)
    if whole:
        return None
    left = room / box.min_size - before - advances[ELLIPSIS]
    kept = sum(1 for end in accumulate(map(advances.__getitem__, text)) if end <= left)
    while kept and (_JOINS_ON.match(text[kept]) or text[kept - 1] == "\u200d"):
        kept -= 1
    return Line(text[:kept].rstrip() + ELLIPSIS, box.min_size, cut=True)


@cache
def _advances(bold: bool) -> _Advances:
    return _Advances(STATIC / FONT_FILES[bold])
