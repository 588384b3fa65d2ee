"""Why a label looks as it does: from where each text comes, how large it is and why, and how the codes lie in their boxes."""

from collections.abc import Mapping
from dataclasses import dataclass

from request_tracker_utils.core.settings import Settings
from request_tracker_utils.labels.barcodes import BARCODE_QUIET, QR_QUIET, Frame, Laid, NotPrintable, bars, lay_barcode, lay_qr, qr_matrix
from request_tracker_utils.labels.drawing import Drawer, LabelContent
from request_tracker_utils.labels.fonts import Font, font_of
from request_tracker_utils.labels.formats import MM_PER_INCH, BarcodeBox, LabelFormat, QrBox, TextBox
from request_tracker_utils.labels.text import Line, clean, width


@dataclass(frozen=True)
class ExaminedText:
    """One line. `size` is in points, None where nothing is printed; `state` is whole, shrunk, cut, empty or refused."""

    field: str
    source: str
    value: str
    printed: str
    state: str
    reason: str
    size: float | None
    width_mm: float
    box_mm: tuple[float, float, float, float]
    """x, y, width, height on the label."""


@dataclass(frozen=True)
class ExaminedCode:
    """One code. `kind` is qr or barcode; `state` is drawn, left out (the label prints without it) or refused (the label does not print),
    and `reason` says why. `modules` are without the quiet zone; what cannot be known is None."""

    kind: str
    text: str
    state: str
    reason: str
    modules: int | None
    dots: int | None
    module_mm: float | None
    size_mm: tuple[float, float] | None
    quiet_mm: tuple[float, float] | None
    """Empty before and after it."""
    quiet_needed_mm: float | None
    box_mm: tuple[float, float, float, float]


@dataclass(frozen=True)
class Examination:
    asset_id: int
    format: str
    title: str
    dpi: int
    label_mm: tuple[float, float]
    page_mm: tuple[float, float]
    printable_mm: tuple[float, float, float, float]
    labels_on_page: int
    texts: list[ExaminedText]
    codes: list[ExaminedCode]

    @property
    def prints(self) -> bool:
        return "refused" not in {*(code.state for code in self.codes), *(text.state for text in self.texts)}


def examine(content: LabelContent, label: LabelFormat, sources: Mapping[str, str]) -> Examination:
    """What becomes of `content` on a label. `sources` says where the fields `tag`, `serial`, `model` … come from; what is not in it
    is a custom field."""
    drawer, area = Drawer(label), label.printable
    place, codes = drawer.places[0], list[ExaminedCode]()
    if label.qr and place.qr:
        codes.append(_qr(content.qr_address, label, label.qr, place.qr))
    if label.barcode and place.barcode:
        codes.append(_barcode(content.tag, label, label.barcode, place.barcode))
    return Examination(
        asset_id=content.asset_id,
        format=label.name,
        title=label.title,
        dpi=label.dpi,
        label_mm=(label.width, label.height),
        page_mm=label.page,
        printable_mm=(area.x, area.y, round(area.width, 2), round(area.height, 2)),
        labels_on_page=len(drawer.places),
        texts=[_text(number, content, drawer, sources) for number in range(len(label.texts))],
        codes=codes,
    )


def _text(number: int, content: LabelContent, drawer: Drawer, sources: Mapping[str, str]) -> ExaminedText:
    box, font = drawer.label.texts[number], font_of(drawer.label)
    value = content.text(box.field)
    try:
        line = drawer.line(number, content)
        state, reason = _fate(value, line, box, font)
    except NotPrintable as refusal:
        line, state, reason = Line("", box.min_size), "refused", refusal.message
    if box.field == "tag" and not content.tag:
        reason = f"The asset has no name; its number stands in place of the tag. {reason}".strip()
    return ExaminedText(
        field=box.field,
        source=sources.get(box.field, f"Custom field “{box.field}”"),
        value=value,
        printed=box.prefix + line.text if line.text else "",
        state=state,
        reason=reason,
        size=line.size if line.text else None,
        width_mm=round(width(box.prefix + line.text, line.size, bold=box.bold, font=font), 2) if line.text else 0.0,
        box_mm=(box.x, box.y, box.width, box.height),
    )


def _fate(value: str, line: Line, box: TextBox, font: Font) -> tuple[str, str]:
    if not line.text:
        return "empty", "The asset has no value here."
    whole = box.prefix + clean(value)
    if line.cut:
        wide = width(whole, box.min_size, bold=box.bold, font=font)
        return "cut", f"At {box.min_size:g} points, the smallest allowed, it would take {wide:.1f} mm; its box has {box.width:g} mm."
    if line.size < box.max_size:
        wide = width(whole, box.max_size, bold=box.bold, font=font)
        return "shrunk", f"At {box.max_size:g} points it would take {wide:.1f} mm; its box has {box.width:g} mm."
    return "whole", ""


def _qr(address: str, label: LabelFormat, box: QrBox, frame: Frame) -> ExaminedCode:
    try:
        side, _ = qr_matrix(address)
    except NotPrintable as refusal:
        return _missing("qr", address, refusal.message, box)
    laid = lay_qr(side, box, frame)
    return _code("qr", address, label, box, laid, modules=side, quiet=QR_QUIET, high=side * laid.dots)


def _barcode(tag: str, label: LabelFormat, box: BarcodeBox, frame: Frame) -> ExaminedCode:
    if not tag:
        return _missing("barcode", tag, "The asset has no name, so there is no tag to print.", box, state="left out")
    try:
        modules = len(bars(tag))
    except NotPrintable as refusal:
        return _missing("barcode", tag, refusal.message, box)
    laid = lay_barcode(modules, box, frame)
    return _code("barcode", tag, label, box, laid, modules=modules, quiet=BARCODE_QUIET, high=frame.down)


def _code(
    kind: str, text: str, label: LabelFormat, box: QrBox | BarcodeBox, laid: Laid, *, modules: int, quiet: int, high: int
) -> ExaminedCode:
    dot = MM_PER_INCH / label.dpi
    if laid.dots < box.min_dots:
        needs = (modules + 2 * quiet) * box.min_dots * dot
        reason = f"At {box.min_dots} dots a module it needs {needs:.1f} mm with its quiet zone; its box has {box.box.width:g} mm."
        return _missing(kind, text, reason, box, modules=modules)
    return ExaminedCode(
        kind=kind,
        text=text,
        state="drawn",
        reason="",
        modules=modules,
        dots=laid.dots,
        module_mm=round(laid.dots * dot, 3),
        size_mm=(round(modules * laid.dots * dot, 2), round(high * dot, 2)),
        quiet_mm=(round(laid.before * dot, 2), round(laid.after * dot, 2)),
        quiet_needed_mm=round(quiet * laid.dots * dot, 2),
        box_mm=(box.x, box.y, box.box.width, box.box.height),
    )


def _missing(
    kind: str, text: str, reason: str, box: QrBox | BarcodeBox, *, state: str = "refused", modules: int | None = None
) -> ExaminedCode:
    place = (box.x, box.y, box.box.width, box.box.height)
    return ExaminedCode(kind, text, state, reason, modules, None, None, None, None, None, place)


def sources_of(settings: Settings, kind: str) -> dict[str, str]:
    """Where each field comes from in the directory that is configured: `rt` or `embedded`."""
    common = {"tag": "The asset’s name", "catalog": "The asset’s catalog"}
    if kind != "rt":
        plain = {"serial": "The asset’s serial number", "manufacturer": "The asset’s manufacturer"}
        return common | plain | {"model": "The asset’s manufacturer and model"}
    serial, model, maker = settings.rt_serial_field, settings.rt_model_field, settings.rt_manufacturer_field
    return common | {
        "serial": f"Custom field “{serial}” (RT_SERIAL_FIELD)",
        "manufacturer": f"Custom field “{maker}” (RT_MANUFACTURER_FIELD)",
        "model": f"Custom fields “{maker}” (RT_MANUFACTURER_FIELD) and “{model}” (RT_MODEL_FIELD)",
    }
