"""The inspection of a label explains the state of each text and code."""

from dataclasses import replace

import pytest

from request_tracker_utils.core.settings import load_settings
from request_tracker_utils.labels.inspection import CodeInspection, LabelInspection, TextInspection, field_sources, inspect_label
from request_tracker_utils.labels.installed_formats import built_in_formats
from request_tracker_utils.labels.renderer import LabelContent
from tests.services.tables import check_all

SMALL = built_in_formats().get("small")
CONTENT = LabelContent(1, "W12-0001", "https://rt.example.org/Asset/Display.html?id=1", serial="ABC123", model="Chromebook 3100")
SOURCES = field_sources(load_settings({"RT_SERIAL_FIELD": "Serial"}), "rt")


def inspect(**changes: object) -> LabelInspection:
    return inspect_label(replace(CONTENT, **changes), SMALL, SOURCES)  # type: ignore[arg-type]


def text_of(inspection: LabelInspection, field: str) -> TextInspection:
    return next(text for text in inspection.texts if text.field == field)


def code_of(inspection: LabelInspection, kind: str) -> CodeInspection:
    return next(code for code in inspection.codes if code.kind == kind)


def test_a_text_has_its_source_and_size() -> None:
    serial = text_of(inspect(), "serial")
    assert (serial.source, serial.value, serial.printed) == ("Custom field “Serial” (RT_SERIAL_FIELD)", "ABC123", "S/N ABC123")
    assert (serial.state, serial.size, serial.box_mm) == ("whole", 9, (28.5, 14.7, 40, 4.2))
    assert 0 < serial.width_mm < 40
    assert text_of(inspect(), "Funding Source").source == "Custom field “Funding Source”"


def test_the_reason_says_why_a_text_is_empty_smaller_or_truncated() -> None:
    def check(changes: dict[str, object], field: str, state: str, reason: str) -> None:
        found = text_of(inspect(**changes), field)
        assert found.state == state
        assert reason in found.reason

    check_all(
        [
            ({"serial": ""}, "serial", "empty", "The asset has no value for this field."),
            ({"serial": "A" * 24}, "serial", "shrunk", "At 9 points it would be"),
            ({"model": "Chromebook " * 20}, "model", "cut", "At 6.5 points, the smallest allowed, it would be"),
            ({"tag": ""}, "tag", "whole", "The asset has no name, so its ID is printed instead of a tag."),
            ({"tag": "W" * 40}, "tag", "refused", "too long to be readable"),
        ],
        check,
    )


def test_a_code_has_its_layout_in_the_box() -> None:
    barcode = code_of(inspect(), "barcode")
    assert (barcode.state, barcode.text, barcode.modules, barcode.dots) == ("drawn", "W12-0001", 112, 5)
    assert barcode.module_mm == pytest.approx(5 * 25.4 / 300, abs=0.001)
    assert barcode.size_mm == pytest.approx((112 * 5 * 25.4 / 300, 7.8), abs=0.1)
    assert min(barcode.quiet_mm) >= barcode.quiet_needed_mm == pytest.approx(10 * barcode.module_mm, abs=0.01)
    qr = code_of(inspect(), "qr")
    assert (qr.modules, qr.dots, qr.text) == (33, 6, CONTENT.qr_address)
    assert min(qr.quiet_mm) >= qr.quiet_needed_mm == pytest.approx(4 * qr.module_mm, abs=0.01)


def test_the_reason_says_why_a_code_is_not_drawn_and_whether_the_label_prints() -> None:
    def check(changes: dict[str, object], kind: str, state: str, reason: str, prints: bool) -> None:
        inspection = inspect(**changes)
        found = code_of(inspection, kind)
        assert (found.state, inspection.prints) == (state, prints)
        assert reason in found.reason

    check_all(
        [
            ({"tag": "A" * 25}, "barcode", "refused", "At 3 dots per module it needs", False),
            ({"tag": "W12-é"}, "barcode", "refused", "which a barcode cannot encode", False),
            ({"tag": ""}, "barcode", "left out", "The asset has no name", True),
            ({"qr_address": "https://x.example.org/" + "x" * 400}, "qr", "refused", "At 3 dots per module it needs", False),
            ({"qr_address": "https://x.example.org/" + "x" * 4000}, "qr", "refused", "too long for a QR code", False),
        ],
        check,
    )


def test_the_page_of_a_sheet_has_its_own_size() -> None:
    sheet = inspect_label(CONTENT, built_in_formats().get("avery-5160"), field_sources(load_settings({}), "embedded"))
    assert (sheet.page_mm, sheet.label_mm, sheet.labels_on_page, sheet.dpi) == ((215.9, 279.4), (66.675, 25.4), 30, 300)
    assert text_of(sheet, "model").source == "Manufacturer and model"
