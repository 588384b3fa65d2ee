"""Whether a format prints labels that scan and can be read."""

from collections.abc import Iterator
from itertools import combinations

from request_tracker_utils.labels.fonts import SHIPPED, FontUnusable, font_of
from request_tracker_utils.labels.formats import MM_PER_INCH, POINTS_PER_INCH, SANS, SIZE_STEP, FormatInvalid, LabelFormat, Sheet
from request_tracker_utils.labels.pictures import PictureUnusable, picture

LOWEST_BARS = 6.35
"""Millimetres: the least height of a Code 128 bar (ISO/IEC 15417 in general use: a quarter of an inch)."""

FEWEST_DOTS = 3
"""Dots per module: three at 300 dpi are 0.25 mm, the least that hand-held scanners read reliably."""

LEAST_TEXT = 5.0
"""Points: smaller type cannot be read by eye at 300 dpi."""

LARGEST_PAGE = 1_000.0
"""Millimetres. What is larger was meant in other units."""

_SLACK = 0.01
"""Millimetres that forgive the rounding of decimal fractions."""

MOST_PLACES = 500
"""Labels on a sheet; each has rules of its own in the page."""


def problems(label: LabelFormat) -> list[str]:
    """What keeps a format from printing labels that scan, one `key: reason` each; empty when it is sound."""
    sheet = _of_sheet(label, label.sheet) if label.sheet else ()
    return [*_of_page(label), *sheet, *_of_boxes(label), *_of_symbols(label), *_of_files(label), *_of_texts(label)]


def check(label: LabelFormat) -> LabelFormat:
    """The format itself. Raises FormatInvalid with every problem."""
    if found := problems(label):
        raise FormatInvalid(f"The label format “{label.name}” cannot be used: {'; '.join(found)}.", format=label.name, problems=found)
    return label


def _of_page(label: LabelFormat) -> Iterator[str]:
    for key in ("width", "height"):
        if not 0 < getattr(label, key) <= LARGEST_PAGE:
            yield f"{key}: must be more than 0 mm and at most {LARGEST_PAGE:g}"
    for key in ("left", "top", "right", "bottom"):
        if getattr(label, key) < 0:
            yield f"{key}: a margin cannot be negative"
    if label.printable.width <= 0 or label.printable.height <= 0:
        yield "left, top, right, bottom: the margins leave nothing to print on"
    if not 150 <= label.dpi <= 2_400:
        yield f"dpi: {label.dpi} is too {'coarse for codes' if label.dpi < 150 else 'fine for any printer'}; 203, 300 and 600 are usual"


def _of_sheet(label: LabelFormat, sheet: Sheet) -> Iterator[str]:
    for key in ("width", "height"):
        if not 0 < getattr(sheet, key) <= LARGEST_PAGE:
            yield f"sheet.{key}: must be more than 0 mm and at most {LARGEST_PAGE:g}"
    for key in ("left", "top"):
        if getattr(sheet, key) < 0:
            yield f"sheet.{key}: a margin cannot be negative"
    if sheet.columns < 1 or sheet.rows < 1 or sheet.places > MOST_PLACES:
        yield f"sheet.columns, sheet.rows: must be at least 1, and together make no more than {MOST_PLACES} labels"
        return
    for key, pitch, size in (("across", sheet.across, label.width), ("down", sheet.down, label.height)):
        if pitch < size - _SLACK:
            yield f"sheet.{key}: {pitch:g} mm from one label to the next is less than a label's {size:g} mm; the labels overlap"
    right, bottom = (edge + size for edge, size in zip(sheet.corner(sheet.places - 1), (label.width, label.height), strict=True))
    if right > sheet.width + _SLACK:
        yield f"sheet.columns: the labels end {right:g} mm from the left, and the sheet is {sheet.width:g} mm wide"
    if bottom > sheet.height + _SLACK:
        yield f"sheet.rows: the labels end {bottom:g} mm from the top, and the sheet is {sheet.height:g} mm high"


def _of_boxes(label: LabelFormat) -> Iterator[str]:
    area = label.printable
    for key, box in label.boxes():
        if box.width <= 0 or box.height <= 0:
            yield f"{key}: width and height must be more than 0 mm"
        elif not area.holds(box):
            reach = f"{area.x:g} to {area.x + area.width:g} mm across and {area.y:g} to {area.y + area.height:g} mm down"
            yield f"{key}: lies outside of what the printer reaches ({reach})"
    for (first, one), (second, other) in combinations(label.boxes(), 2):
        if one.overlaps(other):
            yield f"{second}: overlaps {first}"


def _of_symbols(label: LabelFormat) -> Iterator[str]:
    for key, symbol in (("qr", label.qr), ("barcode", label.barcode)):
        if symbol is None:
            continue
        for name in ("min_dots", "max_dots"):
            dots = getattr(symbol, name)
            # The data may come from a file, where nothing keeps a number whole.
            if dots != int(dots) or dots < FEWEST_DOTS:
                yield f"{key}.{name}: must be a whole number of dots, at least {FEWEST_DOTS}, not {dots:g}"
        if symbol.min_dots > symbol.max_dots:
            yield f"{key}.max_dots: is less than {key}.min_dots"
    if label.barcode and label.barcode.height < LOWEST_BARS:
        yield f"barcode.height: must be at least {LOWEST_BARS:g} mm, not {label.barcode.height:g}"


def _of_files(label: LabelFormat) -> Iterator[str]:
    if label.logo:
        try:
            picture(label.logo.file)
        except PictureUnusable as error:
            yield f"logo.file: {error}"
    if label.bold_font and label.font == SANS:
        yield "bold_font: goes with a font of your own; name its file under font"
        return
    for key, bold in (("font", False), ("bold_font", True)):
        if getattr(label, key) not in ("", SANS):
            try:
                font_of(label).advances(bold)
            except FontUnusable as error:
                yield f"{key}: {error}"


def _of_texts(label: LabelFormat) -> Iterator[str]:
    for number, text in enumerate(label.texts):
        key = f"texts[{number}]"
        if not text.field:
            yield f"{key}.field: names no field"
        if text.align not in {"left", "center", "right"}:
            yield f"{key}.align: must be left, center or right, not {text.align!r}"
        if text.min_size < LEAST_TEXT:
            yield f"{key}.min_size: must be at least {LEAST_TEXT:g} points"
        if text.max_size < text.min_size:
            yield f"{key}.max_size: is less than {key}.min_size"
        if any(size % SIZE_STEP for size in (text.min_size, text.max_size)):
            yield f"{key}: font sizes go in steps of {SIZE_STEP:g} points"
        needed = text.max_size * _line_height(label, text.bold) * MM_PER_INCH / POINTS_PER_INCH
        if text.height < needed:
            yield f"{key}.height: {text.max_size:g} points need {needed:.2f} mm"


def _line_height(label: LabelFormat, bold: bool) -> float:
    """In units of the font size; that of the font shipped where the format's own cannot be used, which is said elsewhere."""
    try:
        return font_of(label).advances(bold).line_height
    except FontUnusable:
        return SHIPPED.advances(bold).line_height
