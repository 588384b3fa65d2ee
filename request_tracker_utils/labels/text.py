"""Text that fits its box: shrunk within the field's sizes, then cut with an ellipsis; never wrapped.

Widths are certain because the page brings the label's font: one advance a character, kerning and ligatures off.
"""

import re
from dataclasses import dataclass
from itertools import accumulate
from unicodedata import normalize

from request_tracker_utils.labels.fonts import SHIPPED, Font
from request_tracker_utils.labels.formats import MM_PER_INCH, POINTS_PER_INCH, SIZE_STEP, TextBox

ELLIPSIS = "…"

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


def clean(text: str) -> str:
    """One line without controls: white space becomes single blanks, accents are composed, what cannot be printed is left out."""
    if not text.isprintable():
        text = _UNSEEN.sub("", text)
    if not text.isascii():
        text = normalize("NFC", text)
    return " ".join(text.split())


def width(text: str, size: float, *, bold: bool, font: Font = SHIPPED) -> float:
    """Millimetres that a text takes at `size` points."""
    return sum(map(font.advances(bold).__getitem__, text)) * size * MM_PER_INCH / POINTS_PER_INCH


def fit(text: str, box: TextBox, *, whole: bool = False, font: Font = SHIPPED) -> Line | None:
    """The text at the largest size that fits, or cut at the smallest; None when it must be `whole` and cannot."""
    advances = font.advances(box.bold)
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
