"""Renders labels: what a label says, its fitted lines and codes, and the positions of labels on the page.

On a sheet, a label rarely starts on a whole dot or pixel. Its codes are placed on whole dots of the page, its element on whole pixels, and
its texts are shifted by the remaining fraction of a pixel.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from math import floor
from typing import ClassVar

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.barcodes import PixelFrame, barcode_image, qr_image
from request_tracker_utils.labels.errors import NotPrintable, TagTooLong
from request_tracker_utils.labels.formats import MM_PER_INCH, PIXELS_PER_INCH, LabelFormat
from request_tracker_utils.labels.typography import FittedLine, fit_text, font_for, normalize_text

_CSS_CLASSES = {"tag": "asset-tag", "serial": "serial", "model": "model"}


@dataclass(frozen=True)
class LabelContent:
    """What one label says. `tag` is empty for an asset without a name: `#id` is printed instead, and no barcode."""

    asset_id: int
    tag: str
    qr_address: str
    serial: str = ""
    model: str = ""
    manufacturer: str = ""
    catalog: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    """Custom fields by name, such as `Funding Source`."""

    @classmethod
    def from_asset(cls, asset: Asset, address: str) -> "LabelContent":
        """`address` is the target of the QR code. The model includes its manufacturer, unless its name already starts with it."""
        is_named = asset.model.casefold().startswith(asset.manufacturer.casefold())
        model = asset.model if is_named else f"{asset.manufacturer} {asset.model}".strip()
        return cls(asset.id, asset.name.strip(), address, asset.serial, model, asset.manufacturer, asset.catalog, asset.fields)

    def text(self, name: str) -> str:
        """The value of the format's field `name`; empty if the asset has none."""
        match name:
            case "tag":
                return self.tag or f"#{self.asset_id}"
            case "serial":
                return self.serial
            case "model":
                return self.model
            case "manufacturer":
                return self.manufacturer
            case "catalog":
                return self.catalog
        return self.fields.get(name, "")


@dataclass(frozen=True)
class RenderedLine:
    """A line of a label with its CSS classes."""

    classes: str
    text: str


@dataclass(frozen=True)
class RenderedLabel:
    """A label for the template: the codes as data URLs (None where none is printed), and the lines."""

    kind: ClassVar = "label"
    classes: str
    qr: str | None
    barcode: str | None
    lines: list[RenderedLine]
    html: str = ""
    """Replaces all of these if the site has its own template."""


@dataclass(frozen=True)
class Position:
    """`left` and `top` are pixels on the page; `dx` and `dy` (mm) are the offset from there to the label's own corner."""

    left: int
    top: int
    dx: float
    dy: float
    qr: PixelFrame | None
    barcode: PixelFrame | None


class LabelRenderer:
    """Renders labels of one format."""

    def __init__(self, label: LabelFormat) -> None:
        self.label = label
        self.positions = positions(label)
        self._font = font_for(label)
        self._classes = [f"line line-{number} {_CSS_CLASSES.get(text.field, 'field')}" for number, text in enumerate(label.texts)]

    def render(self, content: LabelContent, position: int = 0) -> RenderedLabel:
        """The label at a position of its page. Raises TagTooLong, TagNotEncodable, AddressTooLong (all NotPrintable)."""
        label, at, qr, barcode = self.label, self.positions[position], None, None
        if label.barcode and at.barcode and content.tag:
            barcode = barcode_image(content.tag, label, label.barcode, at.barcode)
        if label.qr and at.qr:
            qr = qr_image(content.qr_address, label, label.qr, at.qr)
        classes = f"label at-{position}" if label.sheet else "label"
        return RenderedLabel(classes, qr, barcode, [self._line(number, content) for number in range(len(label.texts))])

    def fit_line(self, number: int, content: LabelContent) -> FittedLine:
        """The text of a text box as it is printed. Raises TagTooLong."""
        box = self.label.texts[number]
        is_tag = box.field == "tag"
        text = content.text(box.field)
        if not (is_tag and text.isascii() and text.isprintable()):  # a tag is printed exactly as its barcode reads
            text = normalize_text(text)
        line = fit_text(text, box, allow_truncation=not is_tag, font=self._font) if text else FittedLine("", box.min_size)
        if line is None:
            message = _(
                "The tag “%(tag)s” is too long to be readable on the label “%(format)s”. Choose a larger label or a shorter tag.",
                tag=content.tag,
                format=self.label.name,
            )
            raise TagTooLong(message, field="tag", tag=content.tag, format=self.label.name)
        return line

    def _line(self, number: int, content: LabelContent) -> RenderedLine:
        line = self.fit_line(number, content)
        return RenderedLine(f"{self._classes[number]} size-{int(line.size * 10)}", line.text)


def can_print(label: LabelFormat, content: LabelContent) -> bool:
    """Whether the label fits the format."""
    try:
        LabelRenderer(label).render(content)
    except NotPrintable:
        return False
    return True


@lru_cache(maxsize=64)
def positions(label: LabelFormat) -> tuple[Position, ...]:
    """Every position of a label on its page, in the order in which they are filled."""
    corners = [label.sheet.corner(position) for position in range(label.sheet.label_count)] if label.sheet else [(0.0, 0.0)]
    return tuple(_position(label, x, y) for x, y in corners)


def validate_sheet_options(label: LabelFormat, copies: int, skip: int) -> None:
    """Raises Invalid for less than one copy, or if a page of this format cannot skip so many labels."""
    if copies < 1:
        raise Invalid(_("Print at least one copy of each label."), field="copies")
    if skip < 0:
        raise Invalid(_("The number of labels to skip cannot be negative."), field="skip")
    if skip and not label.sheet:
        raise Invalid(_("“%(format)s” is not a sheet, so no labels can be skipped.", format=label.title), field="skip")
    if label.sheet and skip >= label.sheet.label_count:
        message = _(
            "A sheet of “%(format)s” has %(count)s labels. Skip at most %(maximum)s.",
            format=label.title,
            count=label.sheet.label_count,
            maximum=label.sheet.label_count - 1,
        )
        raise Invalid(message, field="skip")


def _position(label: LabelFormat, x: float, y: float) -> Position:
    pixel = MM_PER_INCH / PIXELS_PER_INCH
    left, top = floor(x / pixel), floor(y / pixel)
    qr, barcode = (PixelFrame.around(label, box, (x, y)) if box else None for box in (label.qr, label.barcode))
    return Position(left, top, x - left * pixel, y - top * pixel, qr, barcode)
