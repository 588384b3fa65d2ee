"""Where labels lie on their page: a roll's label fills it, a sheet has many places.

On a sheet the place of a label is seldom a whole number of dots or pixels. The codes are put on whole dots of the page, each label's
element on whole pixels, and the texts are moved by what is left between (less than a pixel).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import floor

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.labels.barcodes import Frame
from request_tracker_utils.labels.formats import MM_PER_INCH, PIXELS_PER_INCH, LabelFormat


@dataclass(frozen=True)
class Place:
    """`left` and `top` are pixels on the page; `dx` and `dy` lead from there to the label's own corner, in millimetres."""

    left: int
    top: int
    dx: float
    dy: float
    qr: Frame | None
    barcode: Frame | None


@lru_cache(maxsize=64)
def places(label: LabelFormat) -> tuple[Place, ...]:
    """Every place of the page, in the order in which they are filled."""
    corners = [label.sheet.corner(place) for place in range(label.sheet.places)] if label.sheet else [(0.0, 0.0)]
    return tuple(_place(label, x, y) for x, y in corners)


def _place(label: LabelFormat, x: float, y: float) -> Place:
    pixel = MM_PER_INCH / PIXELS_PER_INCH
    left, top = floor(x / pixel), floor(y / pixel)
    qr, barcode = (Frame.around(label, box, (x, y)) if box else None for box in (label.qr, label.barcode))
    return Place(left, top, x - left * pixel, y - top * pixel, qr, barcode)


def check_places(label: LabelFormat, copies: int, skip: int) -> None:
    """Raises Invalid when a page of this format cannot leave so many places empty, or for less than one copy."""
    if copies < 1:
        raise Invalid("Print at least one copy of each label.", field="copies")
    if skip < 0:
        raise Invalid("The number of places to leave empty cannot be negative.", field="skip")
    if skip and not label.sheet:
        raise Invalid(f"“{label.title}” is no sheet: there are no places to leave empty.", field="skip")
    if label.sheet and skip >= label.sheet.places:
        most = label.sheet.places - 1
        raise Invalid(f"A sheet of “{label.title}” has {most + 1} places: leave {most} empty at most.", field="skip")
