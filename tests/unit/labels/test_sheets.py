"""Sheets: the grid is that of the stock, labels fill it in order, and places may be left empty."""

import re
from typing import Any

import pytest

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.labels.drawing import LabelContent
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.page import Other, render_labels
from tests.unit.labels.test_page import PAGE

SHEETS = [label for label in built_in().all() if label.sheet]
LETTERS, SMALL = built_in().named("avery-5160"), built_in().named("small")


def labels(count: int) -> list[LabelContent]:
    return [LabelContent(number, f"W12-{number:04}", f"https://x.example.org/{number}") for number in range(1, count + 1)]


def page(contents: list[LabelContent], label: LabelFormat = LETTERS, **options: Any) -> str:
    return "".join(render_labels(contents, label, **{"notices": [], **PAGE, **options}))


def on_sheets(html: str) -> list[list[tuple[int, str]]]:
    """For each sheet the places that are taken, each with its tag."""
    cells = r'<div class="label at-(\d+)">.*?asset-tag[^>]*>([^<]*)<'
    return [[(int(place), tag) for place, tag in re.findall(cells, sheet, re.S)] for sheet in html.split('<div class="sheet">')[1:]]


@pytest.mark.parametrize(
    ("name", "size", "sheet", "grid"),
    [
        ("avery-5160", (66.675, 25.4), (215.9, 279.4), (3, 10)),
        ("avery-5163", (101.6, 50.8), (215.9, 279.4), (2, 5)),
        ("avery-l7160", (63.5, 38.1), (210, 297), (3, 7)),
    ],
)
def test_the_grid_is_that_of_the_stock_and_lies_in_the_middle_of_the_sheet(
    name: str, size: tuple[float, float], sheet: tuple[float, float], grid: tuple[int, int]
) -> None:
    label = built_in().named(name)
    assert ((label.width, label.height), label.page, (label.sheet.columns, label.sheet.rows)) == (size, sheet, grid)
    right, bottom = label.sheet.corner(label.sheet.places - 1)
    assert sheet[0] - (right + size[0]) == pytest.approx(label.sheet.left, abs=0.02)
    assert sheet[1] - (bottom + size[1]) == pytest.approx(label.sheet.top, abs=0.02)


@pytest.mark.parametrize("label", SHEETS, ids=lambda label: label.name)
def test_one_label_more_than_a_sheet_holds_begins_a_second(label: LabelFormat) -> None:
    places = label.sheet.places
    first, second = on_sheets(page(labels(places + 1), label))
    assert [place for place, _ in first] == list(range(places))
    assert [tag for _, tag in first] == [content.tag for content in labels(places)]
    assert second == [(0, f"W12-{places + 1:04}")]


def test_a_full_sheet_is_no_second_one() -> None:
    html = page(labels(30))
    assert len(on_sheets(html)) == 1
    assert html.count("<div") == html.count("</div>")


def test_places_of_the_first_sheet_may_stay_empty() -> None:
    first, second = on_sheets(page(labels(5), skip=27))
    assert first == [(27, "W12-0001"), (28, "W12-0002"), (29, "W12-0003")]
    assert second == [(0, "W12-0004"), (1, "W12-0005")]


def test_copies_come_one_after_the_other_and_go_on_on_the_next_sheet() -> None:
    first, second = on_sheets(page(labels(2), skip=26, copies=3))
    assert [tag for _, tag in first] == ["W12-0001"] * 3 + ["W12-0002"]
    assert second == [(0, "W12-0002"), (1, "W12-0002")]


def test_copies_of_a_roll_are_labels_of_their_own() -> None:
    html = page(labels(2), SMALL, copies=3)
    assert html.count('<div class="label">') == 6
    assert "6 labels" in html


@pytest.mark.parametrize(
    ("label", "options", "field"),
    [(SMALL, {"skip": 1}, "skip"), (LETTERS, {"skip": 30}, "skip"), (LETTERS, {"skip": -1}, "skip"), (LETTERS, {"copies": 0}, "copies")],
)
def test_places_and_copies_that_cannot_be_are_refused_before_anything_is_handed_out(
    label: LabelFormat, options: dict[str, int], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        render_labels(labels(1), label, notices=[], **PAGE, **options)
    assert refusal.value.fields["field"] == field


def test_a_label_that_does_not_fit_takes_no_place_and_is_said_below_its_sheet_with_formats_that_fit() -> None:
    notices: list[str] = []
    contents = labels(3)
    contents[1] = LabelContent(2, "Projector cart 4, front", "https://x.example.org/2")
    html = page(contents, notices=notices, others=lambda content: [Other("Large", f"/print?asset_id={content.asset_id}&size=large")])
    assert on_sheets(html) == [[(0, "W12-0001"), (1, "W12-0003")]]
    _, _, below = html.partition("W12-0003")
    assert "Asset #2 is not printed. The tag “Projector cart 4, front” is too long" in below
    assert '<a href="/print?asset_id=2&amp;size=large">Large</a>' in below
    assert notices[0].endswith("It fits on: Large.")


def test_on_a_roll_it_is_said_where_the_label_would_be() -> None:
    contents = labels(3)
    contents[1] = LabelContent(2, "A" * 60, "https://x.example.org/2")
    pieces = re.findall(r'class="(label|left-out screen)"', page(contents, SMALL))
    assert pieces == ["label", "left-out screen", "label"]
