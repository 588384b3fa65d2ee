"""Text shrinks, then is cut; it never takes more than its box."""

import pytest
from hypothesis import given, strategies as st
from PIL import ImageFont

from request_tracker_utils.core.resources import STATIC
from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.labels.fonts import FONT_FILES
from request_tracker_utils.labels.formats import TextBox
from request_tracker_utils.labels.text import clean, fit, width

SMALL = built_in().named("small")
MODEL = TextBox("model", x=0, y=0, width=40, height=5, min_size=6.5, max_size=10)
SERIAL = TextBox("serial", x=0, y=0, width=40, height=5, min_size=6, max_size=9, bold=True, prefix="S/N ")
TAG = SMALL.texts[0]


def test_a_short_text_has_the_largest_size() -> None:
    line = fit("Chromebook 3100", MODEL)
    assert (line.text, line.size, line.cut) == ("Chromebook 3100", 10, False)


def test_a_longer_text_shrinks_by_half_points_and_is_kept_whole() -> None:
    line = fit("Dell Chromebook 3100 Education", MODEL)
    assert 6.5 <= line.size < 10
    assert line.size % 0.5 == 0
    assert not line.cut


def test_a_text_that_is_too_long_is_cut_with_an_ellipsis() -> None:
    line = fit("Chromebook " * 30, MODEL)
    assert line.cut
    assert line.size == 6.5
    assert line.text.startswith("Chromebook ")
    assert line.text.endswith("…")
    assert not line.text.endswith(" …")


def test_the_tag_shrinks_and_is_never_cut() -> None:
    assert fit("W12-0001", TAG, whole=True).size == 21
    line = fit("W" * 17, TAG, whole=True)
    assert (line.text, line.cut) == ("W" * 17, False)
    assert line.size >= 9
    assert fit("W" * 40, TAG, whole=True) is None


def test_what_stands_before_a_value_takes_room_too() -> None:
    assert (
        fit("A" * 19, SERIAL).size < fit("A" * 19, TextBox("serial", x=0, y=0, width=40, height=5, min_size=6, max_size=9, bold=True)).size
    )


@given(st.text(max_size=400), st.booleans())
def test_no_text_takes_more_than_its_box(text: str, bold: bool) -> None:
    box = SERIAL if bold else MODEL
    line = fit(clean(text), box)
    assert width(box.prefix + line.text, line.size, bold=bold) <= box.width
    assert box.min_size <= line.size <= box.max_size


def test_a_character_that_is_made_of_several_is_not_cut_apart() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"
    for before in range(30):
        kept = fit("x" * before + family * 20, MODEL).text.removesuffix("…").removeprefix("x" * before)
        assert kept == family * (len(kept) // len(family))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Dell\t\n Latitude\u00a05440 ", "Dell Latitude 5440"),
        ("cafe\u0301", "café"),
        ("\u202e0001-21W", "0001-21W"),
        ("a\x00b\x1bc\ud800", "abc"),
        ("😀 Gerät №5", "😀 Gerät №5"),
    ],
)
def test_a_text_becomes_one_clean_line(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize("bold", [False, True])
def test_the_width_is_that_of_the_font_shipped(bold: bool) -> None:
    font = ImageFont.truetype(str(STATIC / FONT_FILES[bold]), 1000, layout_engine=ImageFont.Layout.BASIC)
    for text in ("W12-0001", "AVATAR Tj.", "Ноутбук Žluťoučký Ωμέγα"):
        assert width(text, 72 / 25.4, bold=bold) == pytest.approx(sum(font.getlength(c) for c in text) / 1000, rel=0.01)


def test_the_licence_stands_beside_the_font() -> None:
    assert "Bitstream" in (STATIC / "fonts" / "DejaVu-LICENSE.txt").read_text()
