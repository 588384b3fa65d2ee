"""A format that cannot print labels that scan is refused, and says which number is wrong."""

from dataclasses import replace

import pytest

from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.labels.formats import BarcodeBox, FormatInvalid, QrBox, UnknownFormat
from request_tracker_utils.labels.validation import check, problems

LARGE, SMALL = built_in().named("large"), built_in().named("small")


def test_the_known_formats_have_the_sizes_of_the_stock_and_of_what_the_printer_reaches() -> None:
    small, large = SMALL, LARGE
    assert (small.width, small.height) == (90.3, 29)
    assert (round(small.printable.width, 2), round(small.printable.height, 2)) == (83.9, 25.9)
    assert (large.width, large.height) == (100, 62)
    assert (round(large.printable.width, 2), round(large.printable.height, 2)) == (93.9, 58.9)
    assert all(not problems(label) for label in built_in().all())


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UnknownFormat, match=r"“huge”.*large, small, avery-5160") as refusal:
        built_in().named("huge")
    assert refusal.value.fields["known"] == ["large", "small", "avery-5160", "avery-5163", "avery-l7160"]


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        (replace(SMALL, qr=QrBox(x=1, y=4, size=20.9)), r"qr: lies outside of what the printer reaches \(3.2 to 87.1 mm across"),
        (replace(SMALL, qr=QrBox(x=10, y=4, size=20.9)), "barcode: overlaps qr"),
        (replace(SMALL, barcode=BarcodeBox(x=24.3, y=20, width=60, height=5)), r"barcode.height: must be at least 6.35 mm, not 5"),
        (replace(SMALL, qr=QrBox(x=3.3, y=4, size=20.9, min_dots=2)), "qr.min_dots: must be a whole number of dots, at least 3, not 2"),
        (replace(SMALL, qr=QrBox(x=3.3, y=4, size=20.9, max_dots=4.5)), "qr.max_dots: must be a whole number of dots"),  # type: ignore[arg-type]
        (replace(LARGE, barcode=replace(LARGE.barcode, max_dots=3, min_dots=5)), "barcode.max_dots: is less than barcode.min_dots"),
        (replace(SMALL, left=50, right=50), "the margins leave nothing to print on"),
        (replace(SMALL, width=0), "width: must be more than 0 mm"),
        (replace(SMALL, top=-1), "top: a margin cannot be negative"),
        (replace(SMALL, dpi=72), "dpi: 72 is too coarse"),
        (replace(SMALL, texts=(replace(SMALL.texts[0], max_size=40),)), r"texts\[0\].height: 40 points need"),
        (replace(SMALL, texts=(replace(SMALL.texts[0], min_size=3),)), r"texts\[0\].min_size: must be at least 5 points"),
        (replace(SMALL, texts=(replace(SMALL.texts[0], min_size=8, max_size=7),)), r"texts\[0\].max_size: is less than"),
        (replace(SMALL, texts=(replace(SMALL.texts[0], min_size=8.2),)), "steps of 0.5 points"),
        (replace(SMALL, texts=(replace(SMALL.texts[0], align="middle"),)), "align: must be left, center or right, not 'middle'"),
        (replace(SMALL, texts=(replace(SMALL.texts[0], field=""),)), "field: names no field"),
        (replace(SMALL, texts=(replace(SMALL.texts[0], width=-1),)), r"texts\[0\]: width and height must be more than 0"),
    ],
)
def test_a_format_that_cannot_be_printed_says_where_and_why(label, problem) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FormatInvalid, match=problem) as refusal:
        check(label)
    assert f"“{label.name}”" in refusal.value.message


def test_every_problem_is_told_at_once() -> None:
    assert len(problems(replace(SMALL, dpi=72, qr=QrBox(x=3.3, y=4, size=20.9, min_dots=1), top=-1))) == 3


def test_boxes_may_touch_but_not_overlap() -> None:
    first = QrBox(x=3.3, y=4, size=20).box
    assert not first.overlaps(QrBox(x=23.3, y=4, size=20).box)
    assert first.overlaps(QrBox(x=23.2, y=4, size=20).box)
