"""Pages that print."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request, stream_with_context, url_for
from flask_wtf.csrf import generate_csrf
from pydantic import ValidationError

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.labels import service
from request_tracker_utils.labels.barcodes import NotPrintable
from request_tracker_utils.labels.batch import Batch
from request_tracker_utils.labels.calibration import leaves
from request_tracker_utils.labels.catalogue import fits
from request_tracker_utils.labels.choice import check_count
from request_tracker_utils.labels.current import catalogue, own_template, printing
from request_tracker_utils.labels.drawing import LabelContent
from request_tracker_utils.labels.page import Other, render_label, render_labels
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.progress import Progress
from request_tracker_utils.labels.schemas import BatchLabels, PrintLabel
from request_tracker_utils.labels.sheets import check_places
from request_tracker_utils.labels.style import style
from request_tracker_utils.labels.validation import FEWEST_DOTS
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_handlers import raise_invalid, wants_page
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.security import nonce, policy

LIKELY_ASSET = 12_345
"""A number as long as most assets have."""

PREVIEWED = 10
"""Labels of a preview."""

pages = Blueprint("labels", __name__)


@pages.get("/labels/print")
@require(LabelPermission.PRINT)
def print_label() -> Response:
    """The label of one asset."""
    try:
        wanted = PrintLabel.model_validate({name: value for name, value in request.args.items() if value})
    except ValidationError as error:
        raise_invalid(error)
    asset = service.one(asset_store(), asset_id=wanted.number, name=wanted.assetName)
    notices = service.address_warnings(asset_store())
    content = service.content(asset_store(), asset)
    label_format = catalogue().named(wanted.size) if wanted.size else catalogue().for_asset(asset)
    try:
        page = render_label(content, label_format, notices=notices, **_page(wanted.autoprint, back="assets.search"))
    except NotPrintable as refusal:
        if not wants_page():
            refusal.fields["fits"] = [label.name for label in catalogue().that_fit(content)]
            raise
        return _streamed(render_labels([content], label_format, notices=notices, **_page(False, back="assets.search")), refusal.status)
    notices += printing(current_actor(), label_format.name).announce([(asset.id, content.tag)])
    return _streamed(page)


@pages.post("/labels/batch")
@require(LabelPermission.PRINT)
def print_batch() -> Response:
    """The labels of many assets, from JSON or from a form's fields."""
    sent: Any = request.get_json() if request.is_json else {**request.form.to_dict(), "asset_ids": request.form.getlist("asset_ids")}
    if not isinstance(sent, dict):
        raise Invalid("Send a JSON object with asset_ids or query.")
    try:
        wanted = BatchLabels.model_validate({name: value for name, value in sent.items() if name != "csrf_token"})
    except ValidationError as error:
        raise_invalid(error)
    return streamed_batch(wanted)


def streamed_batch(wanted: BatchLabels) -> Response:
    """The page of these labels, which begins before the last asset is fetched."""
    label_format = catalogue().named(wanted.size or settings().label_format)
    check_places(label_format, wanted.copies, wanted.skip)  # before anything counts as printed
    progress = Progress(_expected(wanted), again=url_for("labels.print_batch"))
    notices = service.address_warnings(asset_store())
    job = printing(current_actor(), label_format.name, wanted.copies)
    batch = Batch(
        asset_store(),
        notices,
        (lambda _: []) if wanted.preview else job.announce,
        partial(fits, label_format),
        asset_ids=wanted.asset_ids or [],
        query=wanted.query or "",
        beyond=wanted.beyond,
        most=PREVIEWED if wanted.preview else service.MOST_LABELS,
    )
    labels = _until_it_stops(batch, batch.labels(), progress, wanted)
    page = _page(wanted.autoprint and not wanted.preview, back="labels.batch")
    page |= {"copies": wanted.copies, "skip": wanted.skip, "progress": None if wanted.preview else progress, "preview": wanted.preview}
    return _streamed(render_labels(labels, label_format, notices=notices, **page))


def _expected(wanted: BatchLabels) -> int | None:
    """How many labels will come, copies included. Raises Invalid for too many; of a query the directory is asked."""
    if wanted.asset_ids:
        count = len(set(wanted.asset_ids))
    elif wanted.preview or wanted.beyond:
        count = wanted.total or 0
    else:
        count = asset_store().count(wanted.query or "")
    check_count(count)
    return count * wanted.copies or None


def _until_it_stops(batch: Batch, labels: Iterator[LabelContent], progress: Progress, wanted: BatchLabels) -> Iterator[LabelContent]:
    """The labels; when the directory fails in the middle, what it takes to print the rest."""
    same = {"size": wanted.size or settings().label_format, "copies": str(wanted.copies), "autoprint": "1" if wanted.autoprint else "0"}
    if "Authorization" not in request.headers:
        same["csrf_token"] = generate_csrf()  # now, since the first one of a session sets a cookie

    def handed_out() -> Iterator[LabelContent]:
        yield from labels
        if batch.stopped and wanted.asset_ids:
            progress.rest = {"asset_ids": ",".join(map(str, batch.left)), **same}
        elif batch.stopped:
            progress.rest = {"query": batch.query, "beyond": str(batch.last_id), **same}

    return handed_out()


@pages.get("/labels/calibration")
@require(LabelPermission.PRINT)
def calibrate() -> Response:
    """What is printed first on a new printer."""
    label = catalogue().named(request.args.get("size") or settings().label_format)
    page = render_template(
        "labels/calibration.html",
        label=label,
        leaves=leaves(label, address=asset_store().page_address(LIKELY_ASSET), prefix=settings().prefix),
        style=style(label, lambda name: url_for("static", filename=name)),
        formats=catalogue().all(),
        fewest=FEWEST_DOTS,
    )
    return _streamed(iter([page]))


def _page(autoprint: bool, *, back: str) -> dict[str, Any]:
    return {
        "templates": current_app.jinja_env,
        "static": lambda name: url_for("static", filename=name),
        "nonce": nonce(),
        "autoprint": autoprint,
        "back": url_for(back),
        "others": _others,
        "own": own_template(),
    }


def _others(content: LabelContent) -> list[Other]:
    """The formats on which a label would fit, each with where it is printed so."""
    fitting = catalogue().that_fit(content)
    return [Other(label.title, url_for(".print_label", asset_id=content.asset_id, size=label.name)) for label in fitting]


def _streamed(page: Iterator[str], status: int = 200) -> Response:
    """Under a policy that lets in the fonts and styles that a site's formats and template bring along, and none but our script."""
    response = Response(stream_with_context(page), status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = policy(nonce(), inline_style=own_template() is not None, embedded_fonts=True)
    return response
