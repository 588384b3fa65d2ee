"""The page that prints labels, streamed, with a toolbar and notices that stay on the screen. A label a page, or sheets of them."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from jinja2 import Environment

from request_tracker_utils.labels.barcodes import NotPrintable
from request_tracker_utils.labels.drawing import Drawer, DrawnLabel, LabelContent
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.progress import Progress
from request_tracker_utils.labels.sheets import check_places
from request_tracker_utils.labels.site_template import Filler, LabelTemplateFailed, OwnTemplate
from request_tracker_utils.labels.style import style

__all__ = ["Drawer", "LabelContent", "Other", "render_label", "render_labels"]

_PIECES = 30
"""Pieces of the template handed on together, some ten labels: large enough for the network, small enough to come at once."""


@dataclass(frozen=True)
class Other:
    """A format on which a label would fit, and where it is printed so."""

    title: str
    address: str


Others = Callable[[LabelContent], list[Other]]


@dataclass(frozen=True)
class _LeftOut:
    """Stands on the screen where a label would be."""

    kind: ClassVar = "left out"
    message: str
    others: list[Other]


@dataclass(frozen=True)
class _Edge:
    """Where a sheet begins or ends."""

    kind: str


_Piece = DrawnLabel | _LeftOut | _Edge


def render_labels(
    labels: Iterable[LabelContent],
    label_format: LabelFormat,
    *,
    templates: Environment,
    static: Callable[[str], str],
    nonce: str,
    notices: list[str],
    autoprint: bool = False,
    back: str = "",
    title: str = "",
    copies: int = 1,
    skip: int = 0,
    others: Others = lambda _: [],
    own: OwnTemplate | None = None,
    progress: Progress | None = None,
    preview: bool = False,
) -> Iterator[str]:
    """The page, in pieces, as the labels come.

    `static` gives the address of a static file (called before this returns, while there is still a request); `nonce` is that
    of the page's one style block and script; `back` is where the link back leads, and may be empty. Each label comes `copies`
    times in a row; the first `skip` places of the first sheet stay empty. A label that cannot be printed is left out and said,
    on the screen only, where it would be and in the notices, with the `others` that would print it. `notices` is read when the
    labels have ended, so that whoever yields the labels may add to it. `autoprint` opens the print dialog when everything is drawn;
    a `preview` has nothing to print it with. `progress` is shown while the labels come. `own` is the site's template for the inside
    of labels. Raises Invalid when the format has no places to skip, or not so many.
    """
    check_places(label_format, copies, skip)
    drawer, outcome = Drawer(label_format), _Outcome(notices)
    context = {
        "label": label_format,
        "style": style(label_format, static),
        "script": static("labels/print.js"),
        "nonce": nonce,
        "autoprint": autoprint,
        "back": back,
        "title": title or f"Labels · {label_format.title}",
        "outcome": outcome,
        "progress": progress,
        "preview": preview,
        "progress_style": static("labels/progress.css"),
    }
    pieces = _Pieces(drawer, outcome, copies=copies, skip=skip, others=others, own=own).of(labels)
    stream = templates.get_template("labels/print.html").stream(**context, pieces=pieces)
    stream.enable_buffering(_PIECES)
    return _closed_with(stream, pieces)


def _closed_with(stream: Iterator[str], pieces: Generator[_Piece]) -> Iterator[str]:
    """Whoever reads no further ends the pieces too, and the process of a site's template with them."""
    with closing(pieces):
        yield from stream


def render_label(
    content: LabelContent, label_format: LabelFormat, *, notices: list[str], own: OwnTemplate | None = None, **page: Any
) -> Iterator[str]:
    """The page of one label; `page` as for `render_labels`. Raises NotPrintable before anything is handed out."""
    drawn = Drawer(label_format).draw(content)
    if own:
        with closing(Filler(own)) as filler:
            filler.fill(content, drawn, label_format)
    return render_labels([content], label_format, notices=notices, own=own, **page)


@dataclass
class _Outcome:
    notices: list[str]
    printed: int = 0
    left_out: int = 0


class _Pieces:
    """What stands on the page, in its order: labels, those that are left out, and where sheets begin and end.

    What is left out in the middle of a sheet is said below that sheet.
    """

    def __init__(self, drawer: Drawer, outcome: _Outcome, *, copies: int, skip: int, others: Others, own: OwnTemplate | None) -> None:
        self._drawer, self._outcome, self._copies, self._others = drawer, outcome, copies, others
        self._place, self._begun, self._below = skip, False, list[_LeftOut]()
        self._filler = Filler(own) if own else None

    def of(self, labels: Iterable[LabelContent]) -> Generator[_Piece]:
        try:
            yield from self._of(labels)
        finally:
            if self._filler:
                self._filler.close()

    def _of(self, labels: Iterable[LabelContent]) -> Iterator[_Piece]:
        for content in labels:
            try:
                for _ in range(self._copies):
                    yield from self._placed(self._draw(content))
            except NotPrintable as refusal:
                left_out = self._refused(content, refusal)
                if self._begun:
                    self._below.append(left_out)
                else:
                    yield left_out
            else:
                if not content.tag:
                    self._outcome.notices.append(f"Asset #{content.asset_id} has no tag; its label has no bar code.")
        yield from self._end()

    def _draw(self, content: LabelContent) -> DrawnLabel:
        drawn = self._drawer.draw(content, self._place)
        if self._filler:
            return replace(drawn, inside=self._filler.fill(content, drawn, self._drawer.label))
        return drawn

    def _placed(self, drawn: DrawnLabel) -> Iterator[_Piece]:
        if not self._drawer.label.sheet:
            yield drawn
        else:
            if not self._begun:
                self._begun = True
                yield _Edge("begins")
            yield drawn
            self._place += 1
            if self._place == len(self._drawer.places):
                yield from self._end()
        self._outcome.printed += 1

    def _end(self) -> Iterator[_Piece]:
        """Of the sheet that has begun, if one has."""
        if self._begun:
            yield _Edge("ends")
            yield from self._below
            self._place, self._begun, self._below = 0, False, []

    def _refused(self, content: LabelContent, refusal: NotPrintable) -> _LeftOut:
        others = [] if isinstance(refusal, LabelTemplateFailed) else self._others(content)
        self._outcome.left_out += 1
        fits = f" It fits on: {', '.join(other.title for other in others)}." if others else ""
        self._outcome.notices.append(f"Not printed: asset #{content.asset_id}. {refusal.message}{fits}")
        return _LeftOut(f"Asset #{content.asset_id} is not printed. {refusal.message}", others)
