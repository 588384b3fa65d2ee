"""Pages after printing: the print history, labels that were not scanned, and the page that scans them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from flask import Response, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.labels import print_history
from request_tracker_utils.labels.current import installed_formats, tag_lookup
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.print_history import PAGE_SIZE, UnscannedCursor
from request_tracker_utils.labels.scanning import ScannedLabel, record_scan
from request_tracker_utils.labels.views.printing import pages
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import wants_page
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.threads import Reserved

DEFAULT_DAYS, MAX_DAYS = 7, 3_650


@pages.get("/labels/prints")
@require(LabelPermission.PRINT)
def prints() -> str:
    """The print history, newest first."""
    before = request.args.get("before", type=int)
    with reading() as session:
        found = print_history.list_prints(session, before=before, limit=PAGE_SIZE + 1)
    more = len(found) > PAGE_SIZE
    return render_template("labels/prints.html", prints=found[:PAGE_SIZE], before=before, more=more, formats=installed_formats().by_name)


@pages.get("/labels/prints/unscanned")
@require(LabelPermission.PRINT)
def unscanned() -> str:
    """Labels that were printed some days ago and have not been scanned, oldest first."""
    days, after = _days(), _cursor()
    with reading() as session:
        found = print_history.list_unscanned(session, until=_days_ago(days), after=after, limit=PAGE_SIZE + 1)
    labels, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    return render_template("labels/unscanned.html", labels=labels, days=days, more=more, after=after, max_days=MAX_DAYS)


@pages.get("/labels/prints/unscanned.csv")
@require(LabelPermission.PRINT)
def unscanned_csv() -> Response:
    """The same as CSV."""
    rows = _export_rows(_days_ago(_days()))
    return csv_response("labels-never-scanned", ("label", "asset", "printed", "by"), rows, what="labels that were never scanned")


@pages.get("/labels/scan")
@require(LabelPermission.PRINT, reserved=Reserved.SCAN)
def scan() -> str:
    """A field for a handheld scanner, and the recent scans."""
    return _scan_page()


@pages.post("/labels/scan")
@require(LabelPermission.PRINT, reserved=Reserved.SCAN)
def scan_label() -> ResponseReturnValue:
    """Marks the scanned label. API clients get JSON without the asset's details, which takes no request to the asset store."""
    sent = request.get_json() if request.is_json else request.form
    try:
        scanned = record_scan(
            transaction,
            asset_store(),
            tag_lookup(),
            text=str(sent.get("text") or ""),
            own_address=settings().public_address(),
            actor=current_actor(),
            now=utc_now(),
        )
    except AppError as error:
        if not wants_page():
            raise
        return _scan_page(problem=error.message), error.status
    if wants_page():
        return _scan_page(scanned)
    details = url_for("labels_api.label_of_asset", asset_id=scanned.asset_id)
    return jsonify(asset_id=scanned.asset_id, name=scanned.name, details=details, page=url_for("assets.show", asset_id=scanned.asset_id))


def _export_rows(until: datetime) -> Iterator[tuple[object, ...]]:
    with reading() as session:
        for label in print_history.iterate_unscanned(session, until=until):
            yield label.name, label.asset_id, label.printed_at.isoformat(), label.printed_by


def _days() -> int:
    return min(max(0, request.args.get("days", DEFAULT_DAYS, type=int)), MAX_DAYS)


def _days_ago(days: int) -> datetime:
    return utc_now() - timedelta(days=days)


def _cursor() -> UnscannedCursor | None:
    """Where the previous page ended; None for the first page, and for invalid arguments."""
    asset_id, printed = request.args.get("asset", type=int), request.args.get("printed", "")
    try:
        printed_at = datetime.fromisoformat(printed)
    except ValueError:
        return None
    return None if asset_id is None or printed_at.tzinfo is None else UnscannedCursor(printed_at, asset_id)


def _scan_page(scanned: ScannedLabel | None = None, problem: str = "") -> str:
    asset, lookup_error = _asset_details(scanned) if scanned else (None, "")
    with reading() as session:
        recent = print_history.recent_scans(session, current_actor())
    return render_template("labels/scan.html", scanned=scanned, asset=asset, lookup_error=lookup_error, problem=problem, recent=recent)


def _asset_details(scanned: ScannedLabel) -> tuple[Asset | None, str]:
    """The asset, or why the asset store does not answer."""
    try:
        return asset_store().get(scanned.asset_id), ""
    except AppError as error:
        return None, error.message
