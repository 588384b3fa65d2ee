"""Explains how a label was laid out: the source and size of each text, and the position of each code in its box."""

from collections.abc import Mapping
from dataclasses import dataclass

from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.barcodes import (
    BARCODE_QUIET_ZONE,
    QR_QUIET_ZONE,
    PixelFrame,
    SymbolLayout,
    barcode_modules,
    layout_barcode,
    layout_qr,
    qr_matrix,
)
from request_tracker_utils.labels.errors import NotPrintable
from request_tracker_utils.labels.formats import MM_PER_INCH, BarcodeBox, LabelFormat, QrBox, TextBox
from request_tracker_utils.labels.renderer import LabelContent, LabelRenderer
from request_tracker_utils.labels.typography import FittedLine, Font, font_for, normalize_text, text_width


@dataclass(frozen=True)
class TextInspection:
    """One line. `state` is whole, shrunk, cut, empty or refused; `size` is in points, None if nothing is printed."""

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
class CodeInspection:
    """One code. `kind` is qr or barcode. `state` is drawn, left out (the label prints without it) or refused (the label does not print),
    with the `reason`. `modules` excludes the quiet zone; unknown numbers are None."""

    kind: str
    text: str
    state: str
    reason: str
    modules: int | None
    dots: int | None
    module_mm: float | None
    size_mm: tuple[float, float] | None
    quiet_mm: tuple[float, float] | None
    """Empty space before and after the code."""
    quiet_needed_mm: float | None
    box_mm: tuple[float, float, float, float]


@dataclass(frozen=True)
class LabelInspection:
    asset_id: int
    format: str
    title: str
    dpi: int
    label_mm: tuple[float, float]
    page_mm: tuple[float, float]
    printable_mm: tuple[float, float, float, float]
    labels_on_page: int
    texts: list[TextInspection]
    codes: list[CodeInspection]

    @property
    def prints(self) -> bool:
        return "refused" not in {*(code.state for code in self.codes), *(text.state for text in self.texts)}


def inspect_label(content: LabelContent, label: LabelFormat, sources: Mapping[str, str]) -> LabelInspection:
    """`sources` describes the sources of the fields `tag`, `serial`, `model` …; any other field is a custom field."""
    renderer, area = LabelRenderer(label), label.printable
    position, codes = renderer.positions[0], list[CodeInspection]()
    if label.qr and position.qr:
        codes.append(_inspect_qr(content.qr_address, label, label.qr, position.qr))
    if label.barcode and position.barcode:
        codes.append(_inspect_barcode(content.tag, label, label.barcode, position.barcode))
    return LabelInspection(
        asset_id=content.asset_id,
        format=label.name,
        title=label.title,
        dpi=label.dpi,
        label_mm=(label.width, label.height),
        page_mm=label.page,
        printable_mm=(area.x, area.y, round(area.width, 2), round(area.height, 2)),
        labels_on_page=len(renderer.positions),
        texts=[_inspect_text(number, content, renderer, sources) for number in range(len(label.texts))],
        codes=codes,
    )


def field_sources(settings: Settings, kind: str) -> dict[str, str]:
    """The source of each field in an asset store of this kind: `rt` or `embedded`."""
    sources = {"tag": _("Asset name"), "catalog": _("Asset catalog")}
    if kind != "rt":
        return sources | {"serial": _("Serial number"), "manufacturer": _("Manufacturer"), "model": _("Manufacturer and model")}
    serial, model, manufacturer = settings.rt_serial_field, settings.rt_model_field, settings.rt_manufacturer_field
    return sources | {
        "serial": _("Custom field “%(field)s” (%(setting)s)", field=serial, setting="RT_SERIAL_FIELD"),
        "manufacturer": _("Custom field “%(field)s” (%(setting)s)", field=manufacturer, setting="RT_MANUFACTURER_FIELD"),
        "model": _(
            "Custom fields “%(manufacturer)s” (RT_MANUFACTURER_FIELD) and “%(model)s” (RT_MODEL_FIELD)",
            manufacturer=manufacturer,
            model=model,
        ),
    }


def _inspect_text(number: int, content: LabelContent, renderer: LabelRenderer, sources: Mapping[str, str]) -> TextInspection:
    box, font = renderer.label.texts[number], font_for(renderer.label)
    value = content.text(box.field)
    try:
        line = renderer.fit_line(number, content)
        state, reason = _text_state(value, line, box, font)
    except NotPrintable as error:
        line, state, reason = FittedLine("", box.min_size), "refused", error.message
    if box.field == "tag" and not content.tag:
        reason = " ".join([_("The asset has no name, so its ID is printed instead of a tag."), reason]).strip()
    return TextInspection(
        field=box.field,
        source=sources.get(box.field) or _("Custom field “%(field)s”", field=box.field),
        value=value,
        printed=box.prefix + line.text if line.text else "",
        state=state,
        reason=reason,
        size=line.size if line.text else None,
        width_mm=round(text_width(box.prefix + line.text, line.size, bold=box.bold, font=font), 2) if line.text else 0.0,
        box_mm=(box.x, box.y, box.width, box.height),
    )


def _text_state(value: str, line: FittedLine, box: TextBox, font: Font) -> tuple[str, str]:
    if not line.text:
        return "empty", _("The asset has no value for this field.")
    text = box.prefix + normalize_text(value)
    if line.truncated:
        reason = _(
            "At %(size)s points, the smallest allowed, it would be %(width)s mm wide, and its box is %(available)s mm wide.",
            size=f"{box.min_size:g}",
            width=f"{text_width(text, box.min_size, bold=box.bold, font=font):.1f}",
            available=f"{box.width:g}",
        )
        return "cut", reason
    if line.size < box.max_size:
        reason = _(
            "At %(size)s points it would be %(width)s mm wide, and its box is %(available)s mm wide.",
            size=f"{box.max_size:g}",
            width=f"{text_width(text, box.max_size, bold=box.bold, font=font):.1f}",
            available=f"{box.width:g}",
        )
        return "shrunk", reason
    return "whole", ""


def _inspect_qr(address: str, label: LabelFormat, box: QrBox, frame: PixelFrame) -> CodeInspection:
    try:
        side, _matrix = qr_matrix(address)
    except NotPrintable as error:
        return _not_drawn("qr", address, error.message, box)
    layout = layout_qr(side, box, frame)
    return _inspect_code("qr", address, label, box, layout, modules=side, quiet_zone=QR_QUIET_ZONE, height=side * layout.dots)


def _inspect_barcode(tag: str, label: LabelFormat, box: BarcodeBox, frame: PixelFrame) -> CodeInspection:
    if not tag:
        return _not_drawn("barcode", tag, _("The asset has no name, so there is no tag to encode."), box, state="left out")
    try:
        modules = len(barcode_modules(tag))
    except NotPrintable as error:
        return _not_drawn("barcode", tag, error.message, box)
    layout = layout_barcode(modules, box, frame)
    return _inspect_code("barcode", tag, label, box, layout, modules=modules, quiet_zone=BARCODE_QUIET_ZONE, height=frame.down)


def _inspect_code(
    kind: str, text: str, label: LabelFormat, box: QrBox | BarcodeBox, layout: SymbolLayout, *, modules: int, quiet_zone: int, height: int
) -> CodeInspection:
    dot = MM_PER_INCH / label.dpi
    if layout.dots < box.min_dots:
        reason = _(
            "At %(dots)s dots per module it needs %(needed)s mm including its quiet zone, and its box is %(available)s mm wide.",
            dots=box.min_dots,
            needed=f"{(modules + 2 * quiet_zone) * box.min_dots * dot:.1f}",
            available=f"{box.box.width:g}",
        )
        return _not_drawn(kind, text, reason, box, modules=modules)
    return CodeInspection(
        kind=kind,
        text=text,
        state="drawn",
        reason="",
        modules=modules,
        dots=layout.dots,
        module_mm=round(layout.dots * dot, 3),
        size_mm=(round(modules * layout.dots * dot, 2), round(height * dot, 2)),
        quiet_mm=(round(layout.before * dot, 2), round(layout.after * dot, 2)),
        quiet_needed_mm=round(quiet_zone * layout.dots * dot, 2),
        box_mm=(box.x, box.y, box.box.width, box.box.height),
    )


def _not_drawn(
    kind: str, text: str, reason: str, box: QrBox | BarcodeBox, *, state: str = "refused", modules: int | None = None
) -> CodeInspection:
    box_mm = (box.x, box.y, box.box.width, box.box.height)
    return CodeInspection(kind, text, state, reason, modules, None, None, None, None, None, box_mm)
