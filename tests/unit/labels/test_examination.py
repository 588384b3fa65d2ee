"""It says of each text and code what became of it and why."""

from dataclasses import replace

import pytest

from request_tracker_utils.core.settings import load_settings
from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.labels.drawing import LabelContent
from request_tracker_utils.labels.examination import Examination, ExaminedCode, ExaminedText, examine, sources_of

SMALL = built_in().named("small")
CONTENT = LabelContent(1, "W12-0001", "https://rt.example.org/Asset/Display.html?id=1", serial="ABC123", model="Chromebook 3100")
SOURCES = sources_of(load_settings({"RT_SERIAL_FIELD": "Serial"}), "rt")


def examined(**changes: object) -> Examination:
    return examine(replace(CONTENT, **changes), SMALL, SOURCES)  # type: ignore[arg-type]


def text(examination: Examination, field: str) -> ExaminedText:
    return next(text for text in examination.texts if text.field == field)


def code(examination: Examination, kind: str) -> ExaminedCode:
    return next(code for code in examination.codes if code.kind == kind)


def test_a_text_says_where_it_comes_from_and_how_large_it_is() -> None:
    serial = text(examined(), "serial")
    assert (serial.source, serial.value, serial.printed) == ("Custom field “Serial” (RT_SERIAL_FIELD)", "ABC123", "S/N ABC123")
    assert (serial.state, serial.size, serial.box_mm) == ("whole", 9, (28.5, 14.7, 40, 4.2))
    assert 0 < serial.width_mm < 40
    assert text(examined(), "Funding Source").source == "Custom field “Funding Source”"


@pytest.mark.parametrize(
    ("changes", "field", "state", "reason"),
    [
        ({"serial": ""}, "serial", "empty", "The asset has no value here."),
        ({"serial": "A" * 24}, "serial", "shrunk", "At 9 points it would take"),
        ({"model": "Chromebook " * 20}, "model", "cut", "At 6.5 points, the smallest allowed, it would take"),
        ({"tag": ""}, "tag", "whole", "The asset has no name; its number stands in place of the tag."),
        ({"tag": "W" * 40}, "tag", "refused", "too long to be read"),
    ],
)
def test_it_says_why_a_text_is_missing_smaller_or_cut(changes: dict[str, object], field: str, state: str, reason: str) -> None:
    found = text(examined(**changes), field)
    assert found.state == state
    assert reason in found.reason


def test_a_code_says_how_it_lies_in_its_box() -> None:
    bars = code(examined(), "barcode")
    assert (bars.state, bars.text, bars.modules, bars.dots) == ("drawn", "W12-0001", 112, 5)
    assert bars.module_mm == pytest.approx(5 * 25.4 / 300, abs=0.001)
    assert bars.size_mm == pytest.approx((112 * 5 * 25.4 / 300, 7.8), abs=0.1)
    assert min(bars.quiet_mm) >= bars.quiet_needed_mm == pytest.approx(10 * bars.module_mm, abs=0.01)
    square = code(examined(), "qr")
    assert (square.modules, square.dots, square.text) == (33, 6, CONTENT.qr_address)
    assert min(square.quiet_mm) >= square.quiet_needed_mm == pytest.approx(4 * square.module_mm, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "kind", "state", "reason", "prints"),
    [
        ({"tag": "A" * 25}, "barcode", "refused", "At 3 dots a module it needs", False),
        ({"tag": "W12-é"}, "barcode", "refused", "for which a bar code has no bars", False),
        ({"tag": ""}, "barcode", "left out", "The asset has no name", True),
        ({"qr_address": "https://x.example.org/" + "x" * 400}, "qr", "refused", "At 3 dots a module it needs", False),
        ({"qr_address": "https://x.example.org/" + "x" * 4000}, "qr", "refused", "too long for any QR code", False),
    ],
)
def test_it_says_why_a_code_is_not_drawn_and_whether_the_label_prints(
    changes: dict[str, object], kind: str, state: str, reason: str, prints: bool
) -> None:
    examination = examined(**changes)
    found = code(examination, kind)
    assert (found.state, examination.prints) == (state, prints)
    assert reason in found.reason


def test_the_page_of_a_sheet_is_told() -> None:
    sheet = examine(CONTENT, built_in().named("avery-5160"), sources_of(load_settings({}), "embedded"))
    assert (sheet.page_mm, sheet.label_mm, sheet.labels_on_page, sheet.dpi) == ((215.9, 279.4), (66.675, 25.4), 30, 300)
    assert text(sheet, "model").source == "The asset’s manufacturer and model"
