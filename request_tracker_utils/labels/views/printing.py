"""Pages that print: one label, a batch, and the calibration page."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from pydantic import ValidationError

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels import service
from request_tracker_utils.labels.calibration import calibration_pages
from request_tracker_utils.labels.current import installed_formats, print_recorder, site_template
from request_tracker_utils.labels.errors import NotPrintable
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.print_page import AlternativeFormat, BatchProgress, render_label, render_labels
from request_tracker_utils.labels.renderer import LabelContent, can_print, validate_sheet_options
from request_tracker_utils.labels.schemas import BatchRequest, PrintLabelQuery
from request_tracker_utils.labels.selection import check_label_count
from request_tracker_utils.labels.service import LabelBatch
from request_tracker_utils.labels.stylesheet import page_css
from request_tracker_utils.labels.validation import MIN_MODULE_DOTS
from request_tracker_utils.web.addresses import comes_from_another_site
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import streamed
from request_tracker_utils.web.error_responses import raise_invalid, wants_page
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.security import nonce, policy

SAMPLE_ASSET_ID = 12_345
"""As long as most asset IDs."""

PREVIEW_LABELS = 10

pages = Blueprint("labels", __name__)


@pages.get("/labels/print")
@require(LabelPermission.PRINT)
def print_label() -> ResponseReturnValue:
    """The label of one asset. A link on a page of another site leads to a question first: the print is recorded, and the tag of a printed
    label is never assigned again. Pages of Request Tracker may link to labels."""
    try:
        query = PrintLabelQuery.model_validate({name: value for name, value in request.args.items() if value})
    except ValidationError as error:
        raise_invalid(error)
    asset = service.find_asset(asset_store(), asset_id=query.requested_id, name=query.assetName)
    if comes_from_another_site(settings().rt_url or ""):
        address = url_for(".print_label", **query.model_dump(exclude_defaults=True))
        return render_template("labels/confirm.html", name=asset.name or f"#{asset.id}", asset_id=asset.id, address=address)
    notices = service.qr_address_warnings(asset_store())
    content = service.label_content(asset_store(), asset)
    label_format = installed_formats().get(query.size) if query.size else installed_formats().for_asset(asset)
    try:
        page = render_label(content, label_format, notices=notices, **_page_options(query.autoprint, back="assets.search"))
    except NotPrintable as error:
        if not wants_page():
            error.fields["fits"] = [label.name for label in installed_formats().fitting(content)]
            raise
        options = _page_options(False, back="assets.search")
        return _with_policy(Response("".join(render_labels([content], label_format, notices=notices, **options)), error.status))
    notices += print_recorder(current_actor(), label_format.name).record([(asset.id, content.tag)])
    return _with_policy(Response("".join(page)))


@pages.post("/labels/batch")
@require(LabelPermission.PRINT)
def print_batch() -> Response:
    """The labels of many assets, requested as JSON or by a form."""
    sent: Any = request.get_json() if request.is_json else {**request.form.to_dict(), "asset_ids": request.form.getlist("asset_ids")}
    if not isinstance(sent, dict):
        raise Invalid(_("Send a JSON object with asset_ids or query."))
    try:
        batch = BatchRequest.model_validate({name: value for name, value in sent.items() if name != "csrf_token"})
    except ValidationError as error:
        raise_invalid(error)
    return stream_batch(batch)


def stream_batch(requested: BatchRequest) -> Response:
    """The page of these labels. It starts before the last asset is fetched."""
    label_format = installed_formats().get(requested.size or settings().label_format)
    validate_sheet_options(label_format, requested.copies, requested.skip)  # before anything is recorded as printed
    progress = BatchProgress(_expected_labels(requested), resume_url=url_for("labels.print_batch"))
    notices = service.qr_address_warnings(asset_store())
    recorder = print_recorder(current_actor(), label_format.name, requested.copies)
    batch = LabelBatch(
        asset_store(),
        notices,
        record_printed=(lambda _labels: []) if requested.preview else recorder.record,
        can_print=lambda content: can_print(label_format, content),
        asset_ids=requested.asset_ids or [],
        query=requested.query or "",
        after_id=requested.beyond,
        limit=PREVIEW_LABELS if requested.preview else service.MAX_LABELS,
    )
    labels = _with_resume_form(batch, batch.labels(), progress, requested)
    options = _page_options(requested.autoprint and not requested.preview, back="labels.batch")
    options |= {"copies": requested.copies, "skip": requested.skip, "preview": requested.preview}
    options |= {"progress": None if requested.preview else progress}
    return _with_policy(streamed(render_labels(labels, label_format, notices=notices, **options), mimetype="text/html"))


def _expected_labels(requested: BatchRequest) -> int | None:
    """How many labels to expect, including copies; the results of a query are counted first. Raises Invalid for too many."""
    if requested.asset_ids:
        count = len(set(requested.asset_ids))
    elif requested.preview or requested.beyond:
        count = requested.total or 0
    else:
        count = asset_store().count(requested.query or "")
    check_label_count(count)
    return count * requested.copies or None


def _with_resume_form(
    batch: LabelBatch, labels: Iterator[LabelContent], progress: BatchProgress, requested: BatchRequest
) -> Iterator[LabelContent]:
    """The labels. If the asset store fails before the last one, fills the form that prints the remaining ones."""
    same = {
        "size": requested.size or settings().label_format,
        "copies": str(requested.copies),
        "autoprint": "1" if requested.autoprint else "0",
    }
    if "Authorization" not in request.headers:
        same["csrf_token"] = generate_csrf()  # before the response starts: the first token of a session sets a cookie

    def stream() -> Iterator[LabelContent]:
        yield from labels
        if batch.interrupted and requested.asset_ids:
            progress.resume_fields = {"asset_ids": ",".join(map(str, batch.remaining)), **same}
        elif batch.interrupted:
            progress.resume_fields = {"query": batch.query, "beyond": str(batch.last_id), **same}

    return stream()


@pages.get("/labels/calibration")
@require(LabelPermission.PRINT)
def calibrate() -> Response:
    """The calibration page for a new printer."""
    label = installed_formats().get(request.args.get("size") or settings().label_format)
    page = render_template(
        "labels/calibration.html",
        label=label,
        pages=calibration_pages(label, address=asset_store().page_address(SAMPLE_ASSET_ID), prefix=settings().prefix),
        style=page_css(label, lambda name: url_for("static", filename=name)),
        formats=installed_formats().all(),
        min_dots=MIN_MODULE_DOTS,
    )
    return _with_policy(Response(page))


def _page_options(autoprint: bool, *, back: str) -> dict[str, Any]:
    return {
        "templates": current_app.jinja_env,
        "static": lambda name: url_for("static", filename=name),
        "nonce": nonce(),
        "autoprint": autoprint,
        "back": url_for(back),
        "alternatives": _alternatives,
        "site_template": site_template(),
    }


def _alternatives(content: LabelContent) -> list[AlternativeFormat]:
    """The formats that can print the label, with the URLs that print it so."""
    fitting = installed_formats().fitting(content)
    return [AlternativeFormat(label.title, url_for(".print_label", asset_id=content.asset_id, size=label.name)) for label in fitting]


def _with_policy(response: Response) -> Response:
    """The policy allows the fonts and styles that a site's formats and template embed, and no script but ours."""
    response.headers["Content-Security-Policy"] = policy(nonce(), inline_style=site_template() is not None, embedded_fonts=True)
    return response
