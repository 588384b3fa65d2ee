"""The page that prints labels: one label a page, streamed, with a toolbar and notices that stay on the screen."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from jinja2 import Environment

from request_tracker_utils.directory.service import Asset
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.progress import Progress
from request_tracker_utils.labels.style import style
from request_tracker_utils.labels.symbols import Frame, NotPrintable, TagTooLong, barcode_image, qr_image
from request_tracker_utils.labels.text import Line, clean, fit

_NAMED = {"tag": "asset-tag", "serial": "serial", "model": "model"}
_PIECES = 320
"""Pieces of the template handed on together, some ten labels: large enough for the network, small enough to come at once."""


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

    qr: str | None
    barcode: str | None
    lines: list[PlacedLine]


class Drawer:
    """Draws labels of one format."""

    def __init__(self, label: LabelFormat) -> None:
        self.label = label
        self.qr_frame = Frame.around(label, label.qr) if label.qr else None
        self.barcode_frame = Frame.around(label, label.barcode) if label.barcode else None
        self._classes = [f"line line-{number} {_NAMED.get(text.field, 'field')}" for number, text in enumerate(label.texts)]

    def draw(self, content: LabelContent) -> DrawnLabel:
        """Raises TagTooLong, TagNotEncodable and AddressTooLong (all NotPrintable)."""
        label, qr, barcode = self.label, None, None
        if label.barcode and self.barcode_frame and content.tag:
            barcode = barcode_image(content.tag, label, label.barcode, self.barcode_frame)
        if label.qr and self.qr_frame:
            qr = qr_image(content.qr_address, label, label.qr, self.qr_frame)
        return DrawnLabel(qr, barcode, [self._line(number, content) for number in range(len(label.texts))])

    def _line(self, number: int, content: LabelContent) -> PlacedLine:
        box = self.label.texts[number]
        is_tag = box.field == "tag"
        text = content.text(box.field)
        if not (is_tag and text.isascii() and text.isprintable()):  # a tag is read exactly as its bar code
            text = clean(text)
        line = fit(text, box, whole=is_tag) if text else Line("", box.min_size)
        if line is None:
            raise TagTooLong(
                f"The tag “{content.tag}” is too long to be read on the label “{self.label.name}”. Choose a larger label or a shorter tag.",
                field="tag",
                tag=content.tag,
                format=self.label.name,
            )
        return PlacedLine(f"{self._classes[number]} size-{int(line.size * 10)}", line.text)


def render_labels(
    labels: Iterable[LabelContent],
    label_format: LabelFormat,
    *,
    templates: Environment,
    static: Callable[[str], str],
    nonce: str,
    notices: list[str],
    autoprint: bool = False,
    back: str = "",
    title: str = "",
    copies: int = 1,
    skip: int = 0,
    progress: Progress | None = None,
    preview: bool = False,
) -> Iterator[str]:
    """The page, in pieces, as the labels come.

    `static` gives the address of a static file (called before this returns, while there is still a request); `nonce` is that
    of the page's one style block and script; `back` is where the link back leads, and may be empty. A label that cannot be
    printed is left out and said in the notices, which are shown on the screen only; `notices` is read when the labels have
    ended, so that whoever yields the labels may add to it. `autoprint` opens the print dialog when everything is drawn; a `preview`
    has nothing to print it with. `progress` is shown while the labels come.
    """
    drawer = Drawer(label_format)
    outcome = _Outcome(notices)
    context = {
        "label": label_format,
        "style": style(label_format, drawer.qr_frame, drawer.barcode_frame, static),
        "script": static("labels/print.js"),
        "nonce": nonce,
        "autoprint": autoprint,
        "back": back,
        "title": title or f"Labels · {label_format.title}",
        "outcome": outcome,
        "progress": progress,
        "preview": preview,
        "progress_style": static("labels/progress.css"),
    }
    stream = templates.get_template("labels/print.html").stream(**context, labels=_drawn(labels, drawer, outcome, copies))
    stream.enable_buffering(_PIECES)
    return iter(stream)


def render_label(content: LabelContent, label_format: LabelFormat, *, notices: list[str], **page: object) -> Iterator[str]:
    """The page of one label; `page` as for `render_labels`. Raises NotPrintable before anything is handed out."""
    Drawer(label_format).draw(content)
    return render_labels([content], label_format, notices=notices, **page)  # type: ignore[arg-type]


@dataclass
class _Outcome:
    notices: list[str]
    printed: int = 0
    left_out: int = 0


def _drawn(labels: Iterable[LabelContent], drawer: Drawer, outcome: _Outcome, copies: int) -> Iterator[DrawnLabel]:
    for content in labels:
        try:
            label = drawer.draw(content)
        except NotPrintable as refusal:
            outcome.left_out += 1
            outcome.notices.append(f"Not printed: asset #{content.asset_id}. {refusal.message}")
            continue
        if not content.tag:
            outcome.notices.append(f"Asset #{content.asset_id} has no tag; its label has no bar code.")
        outcome.printed += copies
        yield from [label] * copies
