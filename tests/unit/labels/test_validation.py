"""A format whose labels could not be scanned or read is rejected, and each problem names its key."""

import re
from dataclasses import replace

from request_tracker_utils.labels.formats import BarcodeBox, LabelFormat, QrBox
from request_tracker_utils.labels.installed_formats import built_in_formats
from request_tracker_utils.labels.validation import problems
from tests.services.tables import check_all

LARGE, SMALL = built_in_formats().get("large"), built_in_formats().get("small")


def test_each_problem_names_its_key_and_the_reason() -> None:
    def check(label: LabelFormat, problem: str) -> None:
        assert any(re.match(problem, found) for found in problems(label)), problems(label)

    tag = SMALL.texts[0]
    check_all(
        [
            (replace(SMALL, qr=QrBox(x=1, y=4, size=20.9)), r"qr: is outside the printable area \(x from 3.2 to 87.1 mm, y from 1.55"),
            (replace(SMALL, qr=QrBox(x=10, y=4, size=20.9)), "barcode: overlaps qr"),
            (replace(SMALL, barcode=BarcodeBox(x=24.3, y=20, width=60, height=5)), "barcode.height: must be at least 6.35 mm, not 5 mm"),
            (replace(SMALL, qr=QrBox(x=3.3, y=4, size=20.9, min_dots=2)), "qr.min_dots: must be a whole number of dots, at least 3, not 2"),
            (replace(SMALL, qr=QrBox(x=3.3, y=4, size=20.9, max_dots=4.5)), "qr.max_dots: must be a whole number of dots"),  # type: ignore[arg-type]
            (replace(LARGE, barcode=replace(LARGE.barcode, max_dots=3, min_dots=5)), "barcode.max_dots: is less than barcode.min_dots"),
            (replace(SMALL, left=50, right=50), "left, top, right, bottom: the margins leave no printable area"),
            (replace(SMALL, width=0), "width: must be more than 0 mm"),
            (replace(SMALL, top=-1), "top: a margin cannot be negative"),
            (replace(SMALL, dpi=72), "dpi: 72 is too coarse for codes"),
            (replace(SMALL, dpi=9_600), "dpi: 9600 is more than any printer has"),
            (replace(SMALL, texts=(replace(tag, max_size=40),)), r"texts\[0\].height: 40 points need"),
            (replace(SMALL, texts=(replace(tag, min_size=3),)), r"texts\[0\].min_size: must be at least 5 points"),
            (replace(SMALL, texts=(replace(tag, min_size=8, max_size=7),)), r"texts\[0\].max_size: is less than texts\[0\].min_size"),
            (replace(SMALL, texts=(replace(tag, min_size=8.2),)), r"texts\[0\]: font sizes must be multiples of 0.5 points"),
            (replace(SMALL, texts=(replace(tag, align="middle"),)), r"texts\[0\].align: must be left, center or right, not 'middle'"),
            (replace(SMALL, texts=(replace(tag, field=""),)), r"texts\[0\].field: is empty"),
            (replace(SMALL, texts=(replace(tag, width=-1),)), r"texts\[0\]: width and height must be more than 0"),
        ],
        check,
    )


def test_all_problems_are_reported_together() -> None:
    assert len(problems(replace(SMALL, dpi=72, qr=QrBox(x=3.3, y=4, size=20.9, min_dots=1), top=-1))) == 3


def test_boxes_may_touch_but_not_overlap() -> None:
    first = QrBox(x=3.3, y=4, size=20).box
    assert not first.overlaps(QrBox(x=23.3, y=4, size=20).box)
    assert first.overlaps(QrBox(x=23.2, y=4, size=20).box)
