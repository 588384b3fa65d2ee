"""Column charts, as coordinates for an SVG that the page draws. The page has a table of the same numbers behind each chart."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 150
LEFT, TOP, BOTTOM = 30, 10, 22
"""Margins: for the numbers of the axis, and for the labels below the columns."""
GAP = 0.3
"""Share of a group of columns that stays empty."""


@dataclass(frozen=True)
class Column:
    """A rectangle of a series."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """A line across the chart at a number."""

    y: float
    number: int


@dataclass(frozen=True)
class Label:
    x: float
    text: str


@dataclass(frozen=True)
class ColumnChart:
    columns: Sequence[Column]
    lines: Sequence[Line]
    labels: Sequence[Label]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def column_chart(labels: Sequence[str], *series: Sequence[int], label_every: int = 1) -> ColumnChart:
    """One group of columns for each label, with a column of each series. Every `label_every`th label is written, the last one included."""
    top = _round_up(max((number for numbers in series for number in numbers), default=0))
    group = (WIDTH - LEFT) / max(len(labels), 1)
    width = group * (1 - GAP) / max(len(series), 1)

    def y(number: int) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - number / top), 2)

    columns = [
        Column(which, round(LEFT + group * (place + GAP / 2) + width * which, 2), y(number), round(width, 2), round(y(0) - y(number), 2))
        for which, numbers in enumerate(series)
        for place, number in enumerate(numbers)
        if number
    ]
    written = [place for place in range(len(labels)) if (len(labels) - 1 - place) % label_every == 0]
    return ColumnChart(
        columns,
        [Line(y(number), number) for number in ((0, top) if top == 1 else (0, top // 2, top))],
        [Label(round(LEFT + group * (place + 0.5), 2), labels[place]) for place in written],
    )


def _round_up(number: int) -> int:
    """The even round number that the axis ends with: 1, or 2, 4, 6, 10 or 20 times a power of ten."""
    if number <= 1:
        return 1
    power = 1
    while True:
        for factor in (2, 4, 6, 10):
            if number <= factor * power:
                return factor * power
        power *= 10
