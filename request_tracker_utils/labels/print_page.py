"""The print page, streamed: one label per page or sheets of labels, with a toolbar and notices that appear on the screen only."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from jinja2 import Environment

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.errors import LabelTemplateFailed, NotPrintable
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.renderer import LabelContent, LabelRenderer, RenderedLabel, validate_sheet_options
from request_tracker_utils.labels.site_template import SiteTemplate, SiteTemplateRenderer
from request_tracker_utils.labels.stylesheet import page_css

_BUFFERED_CHUNKS = 30
"""Template chunks sent together, about ten labels: large enough for the network, small enough to appear without delay."""


@dataclass
class BatchProgress:
    """Progress shown while labels arrive, and the form that resumes an interrupted page.

    `total` is the number of labels expected, None if unknown. Whoever yields the labels sets `resume_fields` to the fields of a form, sent
    to `resume_url`, that prints the remaining labels.
    """

    total: int | None = None
    resume_url: str = ""
    resume_fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AlternativeFormat:
    """A format that the label fits, and the URL that prints it so."""

    title: str
    url: str


FindAlternatives = Callable[[LabelContent], list[AlternativeFormat]]


@dataclass(frozen=True)
class _UnprintableLabel:
    """Appears on the screen in place of a label that cannot be printed."""

    kind: ClassVar = "unprintable"
    message: str
    alternatives: list[AlternativeFormat]


@dataclass(frozen=True)
class _SheetBoundary:
    """`kind` is `sheet start` or `sheet end`."""

    kind: str


_PageItem = RenderedLabel | _UnprintableLabel | _SheetBoundary


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
    alternatives: FindAlternatives = lambda _content: [],
    site_template: SiteTemplate | None = None,
    progress: BatchProgress | None = None,
    preview: bool = False,
) -> Iterator[str]:
    """The page, in chunks, as the labels arrive.

    `static` returns the URL of a static file (it is called before this function returns, while there is still a request). `nonce` is that
    of the page's one style block and script. `back` is the URL of the Back link, or empty. Each label is printed `copies` times in a row;
    the first `skip` positions of the first sheet stay empty. A label that cannot be printed is reported on the screen, in its place and in
    the notices, with the `alternatives` that would print it. `notices` is read after the last label, so whoever yields the labels may
    append to it. `autoprint` opens the print dialog once everything is drawn; a `preview` has no print button. `progress` is shown while
    labels arrive. `site_template` replaces the inside of labels. Raises Invalid if the format cannot skip so many positions.
    """
    validate_sheet_options(label_format, copies, skip)
    totals = _PageTotals(notices)
    context = {
        "label": label_format,
        "style": page_css(label_format, static),
        "script": static("labels/print.js"),
        "nonce": nonce,
        "autoprint": autoprint,
        "back": back,
        "title": title or _("Labels · %(format)s", format=label_format.title),
        "totals": totals,
        "progress": progress,
        "preview": preview,
        "progress_style": static("labels/progress.css"),
    }
    items = _PageItems(LabelRenderer(label_format), totals, copies, skip, alternatives, site_template).of(labels)
    stream = templates.get_template("labels/print.html").stream(**context, items=items)
    stream.enable_buffering(_BUFFERED_CHUNKS)
    return _closing(stream, items)


def render_label(
    content: LabelContent, label_format: LabelFormat, *, notices: list[str], site_template: SiteTemplate | None = None, **page: Any
) -> Iterator[str]:
    """The page of one label; `page` as for `render_labels`. Raises NotPrintable before anything is sent."""
    rendered = LabelRenderer(label_format).render(content)
    if site_template:
        with closing(SiteTemplateRenderer(site_template)) as renderer:
            renderer.render(content, rendered, label_format)
    return render_labels([content], label_format, notices=notices, site_template=site_template, **page)


def _closing(stream: Iterator[str], items: Generator[_PageItem]) -> Iterator[str]:
    """A client that disconnects closes the stream; this also closes the items, and the process of a site's template with them."""
    with closing(items):
        yield from stream


@dataclass
class _PageTotals:
    notices: list[str]
    printed: int = 0
    not_printed: int = 0


class _PageItems:
    """The items of the page in order: labels, unprintable labels, and sheet boundaries. Those of a sheet are reported below it."""

    def __init__(
        self,
        renderer: LabelRenderer,
        totals: _PageTotals,
        copies: int,
        skip: int,
        alternatives: FindAlternatives,
        site_template: SiteTemplate | None,
    ) -> None:
        self._renderer, self._totals, self._copies, self._alternatives = renderer, totals, copies, alternatives
        self._position, self._in_sheet, self._unprintable_in_sheet = skip, False, list[_UnprintableLabel]()
        self._site_renderer = SiteTemplateRenderer(site_template) if site_template else None

    def of(self, labels: Iterable[LabelContent]) -> Generator[_PageItem]:
        try:
            yield from self._of(labels)
        finally:
            if self._site_renderer:
                self._site_renderer.close()

    def _of(self, labels: Iterable[LabelContent]) -> Iterator[_PageItem]:
        for content in labels:
            try:
                for _copy in range(self._copies):
                    yield from self._place(self._render(content))
            except NotPrintable as error:
                unprintable = self._report(content, error)
                if self._in_sheet:
                    self._unprintable_in_sheet.append(unprintable)
                else:
                    yield unprintable
            else:
                if not content.tag:
                    self._totals.notices.append(_("Asset #%(id)s has no tag, so its label has no barcode.", id=content.asset_id))
        yield from self._end_sheet()

    def _render(self, content: LabelContent) -> RenderedLabel:
        rendered = self._renderer.render(content, self._position)
        if self._site_renderer:
            return replace(rendered, html=self._site_renderer.render(content, rendered, self._renderer.label))
        return rendered

    def _place(self, rendered: RenderedLabel) -> Iterator[_PageItem]:
        if not self._renderer.label.sheet:
            yield rendered
        else:
            if not self._in_sheet:
                self._in_sheet = True
                yield _SheetBoundary("sheet start")
            yield rendered
            self._position += 1
            if self._position == len(self._renderer.positions):
                yield from self._end_sheet()
        self._totals.printed += 1

    def _end_sheet(self) -> Iterator[_PageItem]:
        if self._in_sheet:
            yield _SheetBoundary("sheet end")
            yield from self._unprintable_in_sheet
            self._position, self._in_sheet, self._unprintable_in_sheet = 0, False, []

    def _report(self, content: LabelContent, error: NotPrintable) -> _UnprintableLabel:
        alternatives = [] if isinstance(error, LabelTemplateFailed) else self._alternatives(content)
        self._totals.not_printed += 1
        message = _("The label of asset #%(id)s was not printed. %(reason)s", id=content.asset_id, reason=error.message)
        notice = message
        if alternatives:
            titles = ", ".join(alternative.title for alternative in alternatives)
            notice = " ".join([message, _("It fits these formats: %(titles)s.", titles=titles)])
        self._totals.notices.append(notice)
        return _UnprintableLabel(message, alternatives)
