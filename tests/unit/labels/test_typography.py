"""Text shrinks to fit its box, is then truncated, and never exceeds the box."""

import pytest
from hypothesis import given, strategies as st
from PIL import ImageFont

from request_tracker_utils.core.settings import STATIC
from request_tracker_utils.labels.formats import TextBox
from request_tracker_utils.labels.installed_formats import built_in_formats
from request_tracker_utils.labels.typography import FONT_FILES, fit_text, normalize_text, text_width
from tests.services.tables import check_all

MODEL = TextBox("model", x=0, y=0, width=40, height=5, min_size=6.5, max_size=10)
SERIAL = TextBox("serial", x=0, y=0, width=40, height=5, min_size=6, max_size=9, bold=True, prefix="S/N ")
TAG = built_in_formats().get("small").texts[0]


def test_text_shrinks_in_half_points_and_is_then_truncated_with_an_ellipsis() -> None:
    short, long = fit_text("Chromebook 3100", MODEL), fit_text("Dell Chromebook 3100 Education", MODEL)
    assert (short.text, short.size, short.truncated) == ("Chromebook 3100", 10, False)
    assert 6.5 <= long.size < 10
    assert (long.size % 0.5, long.truncated) == (0, False)
    longest = fit_text("Chromebook " * 30, MODEL)
    assert (longest.size, longest.truncated) == (6.5, True)
    assert longest.text.startswith("Chromebook ")
    assert longest.text.endswith("…")
    assert not longest.text.endswith(" …")


def test_a_tag_shrinks_and_is_never_truncated() -> None:
    assert fit_text("W12-0001", TAG, allow_truncation=False).size == 21
    line = fit_text("W" * 17, TAG, allow_truncation=False)
    assert (line.text, line.truncated) == ("W" * 17, False)
    assert line.size >= 9
    assert fit_text("W" * 40, TAG, allow_truncation=False) is None


def test_a_prefix_takes_space_too() -> None:
    without_prefix = TextBox("serial", x=0, y=0, width=40, height=5, min_size=6, max_size=9, bold=True)
    assert fit_text("A" * 19, SERIAL).size < fit_text("A" * 19, without_prefix).size


@given(st.text(max_size=400), st.booleans())
def test_no_text_is_wider_than_its_box(text: str, bold: bool) -> None:
    box = SERIAL if bold else MODEL
    line = fit_text(normalize_text(text), box)
    assert text_width(box.prefix + line.text, line.size, bold=bold) <= box.width
    assert box.min_size <= line.size <= box.max_size


def test_truncation_does_not_split_a_combined_character() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"
    for length in range(30):
        rest = fit_text("x" * length + family * 20, MODEL).text.removesuffix("…").removeprefix("x" * length)
        assert rest == family * (len(rest) // len(family))


def test_text_is_normalized_to_one_printable_line() -> None:
    def check(text: str, normalized: str) -> None:
        assert normalize_text(text) == normalized

    check_all(
        [
            ("  Dell\t\n Latitude\u00a05440 ", "Dell Latitude 5440"),
            ("cafe\u0301", "café"),
            ("\u202e0001-21W", "0001-21W"),
            ("a\x00b\x1bc\ud800", "abc"),
            ("😀 Gerät №5", "😀 Gerät №5"),
        ],
        check,
    )


def test_widths_are_those_of_the_bundled_font_whose_license_is_included() -> None:
    def check(bold: bool, text: str) -> None:
        font = ImageFont.truetype(str(STATIC / FONT_FILES[bold]), 1000, layout_engine=ImageFont.Layout.BASIC)
        assert text_width(text, 72 / 25.4, bold=bold) == pytest.approx(sum(font.getlength(c) for c in text) / 1000, rel=0.01)

    check_all([(bold, text) for bold in (False, True) for text in ("W12-0001", "AVATAR Tj.", "Ноутбук Žluťoučký Ωμέγα")], check)
    assert "Bitstream" in (STATIC / "fonts" / "DejaVu-LICENSE.txt").read_text()
