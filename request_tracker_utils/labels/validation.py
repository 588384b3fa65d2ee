"""Validation of label formats: whether their labels can be scanned and read."""

from collections.abc import Iterator
from itertools import combinations

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.formats import (
    BUNDLED_FONT_NAME,
    FONT_SIZE_STEP,
    MM_PER_INCH,
    POINTS_PER_INCH,
    InvalidImage,
    LabelFormat,
    Sheet,
    image_data_url,
)
from request_tracker_utils.labels.typography import BUNDLED_FONT, InvalidFont, font_for

MIN_BAR_HEIGHT = 6.35
"""Millimeters: the usual minimum height of Code 128 bars, a quarter of an inch (ISO/IEC 15417)."""

MIN_MODULE_DOTS = 3
"""Dots per module: three dots at 300 dpi are 0.25 mm, the smallest module that handheld scanners read reliably."""

MIN_FONT_SIZE = 5.0
"""Points: smaller type is not readable at 300 dpi."""

MAX_PAGE_SIZE = 1_000.0
"""Millimeters: anything larger was meant in other units."""

MAX_LABELS_PER_SHEET = 500
"""Each label of a sheet has its own CSS rules."""

_SLACK = 0.01
"""Millimeters that absorb the rounding of decimal fractions."""


def problems(label: LabelFormat) -> list[str]:
    """Everything that prevents a format from printing labels that scan, each as `key: reason`. Empty for a valid format."""
    sheet = _sheet_problems(label, label.sheet) if label.sheet else ()
    return [
        *_page_problems(label),
        *sheet,
        *_box_problems(label),
        *_code_problems(label),
        *_file_problems(label),
        *_text_problems(label),
    ]


def _page_problems(label: LabelFormat) -> Iterator[str]:
    yield from _size_problems("", label)
    for key in ("left", "top", "right", "bottom"):
        if getattr(label, key) < 0:
            yield _("%(key)s: a margin cannot be negative", key=key)
    if label.printable.width <= 0 or label.printable.height <= 0:
        yield _("left, top, right, bottom: the margins leave no printable area")
    if label.dpi < 150:
        yield _("dpi: %(dpi)s is too coarse for codes; common values are 203, 300 and 600", dpi=label.dpi)
    elif label.dpi > 2_400:
        yield _("dpi: %(dpi)s is more than any printer has; common values are 203, 300 and 600", dpi=label.dpi)


def _sheet_problems(label: LabelFormat, sheet: Sheet) -> Iterator[str]:
    yield from _size_problems("sheet.", sheet)
    for key in ("left", "top"):
        if getattr(sheet, key) < 0:
            yield _("%(key)s: a margin cannot be negative", key=f"sheet.{key}")
    if sheet.columns < 1 or sheet.rows < 1 or sheet.label_count > MAX_LABELS_PER_SHEET:
        yield _(
            "sheet.columns, sheet.rows: must be at least 1, and at most %(maximum)s labels in total",
            maximum=MAX_LABELS_PER_SHEET,
        )
        return
    for key, pitch, size in (("across", sheet.across, label.width), ("down", sheet.down, label.height)):
        if pitch < size - _SLACK:
            yield _(
                "%(key)s: labels overlap, because the pitch of %(pitch)s mm is less than the label's %(size)s mm",
                key=f"sheet.{key}",
                pitch=f"{pitch:g}",
                size=f"{size:g}",
            )
    right, bottom = (edge + size for edge, size in zip(sheet.corner(sheet.label_count - 1), (label.width, label.height), strict=True))
    if right > sheet.width + _SLACK:
        yield _(
            "sheet.columns: the labels end at %(end)s mm, but the sheet is %(size)s mm wide",
            end=f"{right:g}",
            size=f"{sheet.width:g}",
        )
    if bottom > sheet.height + _SLACK:
        yield _(
            "sheet.rows: the labels end at %(end)s mm, but the sheet is %(size)s mm high",
            end=f"{bottom:g}",
            size=f"{sheet.height:g}",
        )


def _size_problems(prefix: str, page: LabelFormat | Sheet) -> Iterator[str]:
    for key in ("width", "height"):
        if not 0 < getattr(page, key) <= MAX_PAGE_SIZE:
            yield _("%(key)s: must be more than 0 mm and at most %(maximum)s mm", key=f"{prefix}{key}", maximum=f"{MAX_PAGE_SIZE:g}")


def _box_problems(label: LabelFormat) -> Iterator[str]:
    area = label.printable
    for key, box in label.boxes():
        if box.width <= 0 or box.height <= 0:
            yield _("%(key)s: width and height must be more than 0 mm", key=key)
        elif not area.contains(box):
            yield _(
                "%(key)s: is outside the printable area (x from %(left)s to %(right)s mm, y from %(top)s to %(bottom)s mm)",
                key=key,
                left=f"{area.x:g}",
                right=f"{area.x + area.width:g}",
                top=f"{area.y:g}",
                bottom=f"{area.y + area.height:g}",
            )
    for (first, one), (second, other) in combinations(label.boxes(), 2):
        if one.overlaps(other):
            yield _("%(key)s: overlaps %(other)s", key=second, other=first)


def _code_problems(label: LabelFormat) -> Iterator[str]:
    for key, code in (("qr", label.qr), ("barcode", label.barcode)):
        if code is None:
            continue
        for name in ("min_dots", "max_dots"):
            dots = getattr(code, name)
            # Formats built in Python are not type-checked at run time: the number may be a fraction.
            if dots != int(dots) or dots < MIN_MODULE_DOTS:
                yield _(
                    "%(key)s: must be a whole number of dots, at least %(minimum)s, not %(value)s",
                    key=f"{key}.{name}",
                    minimum=MIN_MODULE_DOTS,
                    value=f"{dots:g}",
                )
        if code.min_dots > code.max_dots:
            yield _("%(key)s: is less than %(other)s", key=f"{key}.max_dots", other=f"{key}.min_dots")
    if label.barcode and label.barcode.height < MIN_BAR_HEIGHT:
        yield _(
            "barcode.height: must be at least %(minimum)s mm, not %(value)s mm",
            minimum=f"{MIN_BAR_HEIGHT:g}",
            value=f"{label.barcode.height:g}",
        )


def _file_problems(label: LabelFormat) -> Iterator[str]:
    if label.logo:
        try:
            image_data_url(label.logo.file)
        except InvalidImage as error:
            yield f"logo.file: {error}"
    if label.bold_font and label.font == BUNDLED_FONT_NAME:
        yield _("bold_font: requires a font file of your own; set font to its regular file")
        return
    for key, bold in (("font", False), ("bold_font", True)):
        if getattr(label, key) not in ("", BUNDLED_FONT_NAME):
            try:
                font_for(label).advances(bold)
            except InvalidFont as error:
                yield f"{key}: {error}"


def _text_problems(label: LabelFormat) -> Iterator[str]:
    for number, text in enumerate(label.texts):
        key = f"texts[{number}]"
        if not text.field:
            yield _("%(key)s: is empty", key=f"{key}.field")
        if text.align not in {"left", "center", "right"}:
            yield _("%(key)s: must be left, center or right, not %(value)s", key=f"{key}.align", value=repr(text.align))
        if text.min_size < MIN_FONT_SIZE:
            yield _("%(key)s: must be at least %(minimum)s points", key=f"{key}.min_size", minimum=f"{MIN_FONT_SIZE:g}")
        if text.max_size < text.min_size:
            yield _("%(key)s: is less than %(other)s", key=f"{key}.max_size", other=f"{key}.min_size")
        if any(size % FONT_SIZE_STEP for size in (text.min_size, text.max_size)):
            yield _("%(key)s: font sizes must be multiples of %(step)s points", key=key, step=f"{FONT_SIZE_STEP:g}")
        height = text.max_size * _line_height(label, text.bold) * MM_PER_INCH / POINTS_PER_INCH
        if text.height < height:
            yield _("%(key)s: %(size)s points need %(height)s mm", key=f"{key}.height", size=f"{text.max_size:g}", height=f"{height:.2f}")


def _line_height(label: LabelFormat, bold: bool) -> float:
    """In units of the font size. Falls back to the bundled font if the format's own is unusable, which is reported separately."""
    try:
        return font_for(label).advances(bold).line_height
    except InvalidFont:
        return BUNDLED_FONT.advances(bold).line_height
