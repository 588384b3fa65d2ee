"""What a label says, and how its format draws it."""

from dataclasses import dataclass, field
from typing import ClassVar

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.labels.barcodes import TagTooLong, barcode_image, qr_image
from request_tracker_utils.labels.fonts import font_of
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.sheets import places
from request_tracker_utils.labels.text import Line, clean, fit

_NAMED = {"tag": "asset-tag", "serial": "serial", "model": "model"}


@dataclass(frozen=True)
class LabelContent:
    """What one label says. `tag` is empty for an asset without a name: no bar code is printed then, and `#id` in its place."""

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
        """`address` is where the QR code leads. The model is told with its manufacturer, unless it names it already."""
        known = asset.model.casefold().startswith(asset.manufacturer.casefold())
        model = asset.model if known else f"{asset.manufacturer} {asset.model}".strip()
        return cls(asset.id, asset.name.strip(), address, asset.serial, model, asset.manufacturer, asset.catalog, asset.fields)

    def text(self, name: str) -> str:
        """What stands in the field `name` of a format; empty when the asset has none."""
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
class PlacedLine:
    """A line of a label with its CSS classes."""

    classes: str
    text: str


@dataclass(frozen=True)
class DrawnLabel:
    """A label ready for the template: the images as data addresses (None where nothing is printed), and the lines."""

    kind: ClassVar = "label"
    classes: str
    qr: str | None
    barcode: str | None
    lines: list[PlacedLine]
    inside: str = ""
    """HTML that takes the place of all these, where the site has its own template."""


class Drawer:
    """Draws labels of one format."""

    def __init__(self, label: LabelFormat) -> None:
        self.label = label
        self.places = places(label)
        self._font = font_of(label)
        self._classes = [f"line line-{number} {_NAMED.get(text.field, 'field')}" for number, text in enumerate(label.texts)]

    def draw(self, content: LabelContent, place: int = 0) -> DrawnLabel:
        """The label at a place of its page. Raises TagTooLong, TagNotEncodable and AddressTooLong (all NotPrintable)."""
        label, at, qr, barcode = self.label, self.places[place], None, None
        if label.barcode and at.barcode and content.tag:
            barcode = barcode_image(content.tag, label, label.barcode, at.barcode)
        if label.qr and at.qr:
            qr = qr_image(content.qr_address, label, label.qr, at.qr)
        classes = f"label at-{place}" if label.sheet else "label"
        return DrawnLabel(classes, qr, barcode, [self._line(number, content) for number in range(len(label.texts))])

    def line(self, number: int, content: LabelContent) -> Line:
        """The text of a box as it is printed. Raises TagTooLong."""
        box = self.label.texts[number]
        is_tag = box.field == "tag"
        text = content.text(box.field)
        if not (is_tag and text.isascii() and text.isprintable()):  # a tag is read exactly as its bar code
            text = clean(text)
        line = fit(text, box, whole=is_tag, font=self._font) if text else Line("", box.min_size)
        if line is None:
            raise TagTooLong(
                f"The tag “{content.tag}” is too long to be read on the label “{self.label.name}”. Choose a larger label or a shorter tag.",
                field="tag",
                tag=content.tag,
                format=self.label.name,
            )
        return line

    def _line(self, number: int, content: LabelContent) -> PlacedLine:
        line = self.line(number, content)
        return PlacedLine(f"{self._classes[number]} size-{int(line.size * 10)}", line.text)
