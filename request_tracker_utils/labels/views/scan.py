"""The page on which labels are scanned after they are stuck on."""

from flask import jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.labels import record, scans
from request_tracker_utils.labels.current import tagbook
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.scans import Scanned
from request_tracker_utils.labels.views.labels import pages
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_handlers import wants_page
from request_tracker_utils.web.registry import settings


@pages.get("/labels/scan")
@require(LabelPermission.PRINT)
def scan() -> str:
    """A field for a hand scanner, and what was scanned last."""
    return _page()


@pages.post("/labels/scan")
@require(LabelPermission.PRINT)
def scan_label() -> ResponseReturnValue:
    """Marks the label that was scanned. A program gets JSON at once, without what the directory knows of the asset."""
    sent = request.get_json() if request.is_json else request.form
    try:
        scanned = scans.scan(
            transaction,
            asset_store(),
            tagbook(),
            text=str(sent.get("text") or ""),
            own_address=settings().public_address(),
            actor=current_actor(),
            now=utc_now(),
        )
    except AppError as error:
        if not wants_page():
            raise
        return _page(problem=error.message), error.status
    if wants_page():
        return _page(scanned)
    details = url_for("labels_api.label_of_asset", asset_id=scanned.asset_id)
    return jsonify(asset_id=scanned.asset_id, name=scanned.name, details=details, page=url_for("assets.show", asset_id=scanned.asset_id))


def _page(scanned: Scanned | None = None, problem: str = "") -> str:
    asset, silence = _looked_up(scanned) if scanned else (None, "")
    with reading() as session:
        last = record.last_scans(session, current_actor())
    return render_template("labels/scan.html", scanned=scanned, asset=asset, silence=silence, problem=problem, last=last)


def _looked_up(scanned: Scanned) -> tuple[Asset | None, str]:
    """What the directory knows of the asset, or why it does not say."""
    try:
        return asset_store().get(scanned.asset_id), ""
    except AppError as error:
        return None, error.message
