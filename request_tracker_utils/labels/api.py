"""Labels over JSON: the content and layout of a label (also as a page), and when it was printed and scanned."""

from typing import Any

from flask import Response, render_template, url_for
from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import (
    AssetNotFound,
    AssetStoreBroken,
    AssetStoreBusy,
    AssetStoreRefused,
    AssetStoreUnreachable,
)
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.labels import print_history, service
from request_tracker_utils.labels.current import installed_formats, site_template
from request_tracker_utils.labels.errors import NotPrintable, UnknownFormat
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.inspection import field_sources, inspect_label
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.renderer import LabelContent, LabelRenderer, RenderedLabel
from request_tracker_utils.labels.schemas import AssetLabel, InspectedLabel, LabelPath, LabelQuery
from request_tracker_utils.labels.stylesheet import label_css
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise, wants_page
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.security import nonce, policy

LABELS = Tag(name="labels", description="Labels of assets: their content and layout, and when they were printed and scanned.")

api = APIBlueprint("labels_api", __name__, abp_tags=[LABELS])


@api.get("/labels/debug", responses={200: InspectedLabel})
@require(LabelPermission.PRINT)
@may_raise(AssetNotFound, UnknownFormat, Conflict)
def debug_label(query: LabelQuery) -> Any:
    """Explain the layout of a label

    Returns the source and size of each text and the layout of each code. Nothing is printed. Browsers get a page with the label, other
    clients get JSON.
    """
    asset = service.find_asset(asset_store(), asset_id=query.requested_id, name=query.assetName)
    label = installed_formats().get(query.size) if query.size else installed_formats().for_asset(asset)
    content = service.label_content(asset_store(), asset)
    fitting = [each.name for each in installed_formats().fitting(content)]
    inspected = InspectedLabel.of(inspect_label(content, label, field_sources(settings(), asset_store().kind)), fitting)
    if not wants_page():
        return inspected.model_dump(mode="json")
    page = render_template(
        "labels/debug.html",
        inspected=inspected,
        asset=asset,
        label=label,
        css=label_css(label, lambda name: url_for("static", filename=name)),
        rendered=_render(content, label),
        formats=installed_formats().all(),
        site_template=site_template(),
    )
    return Response(page, headers={"Content-Security-Policy": policy(nonce(), embedded_fonts=True)}, mimetype="text/html")


def _render(content: LabelContent, label: LabelFormat) -> RenderedLabel | None:
    try:
        return LabelRenderer(label).render(content)
    except NotPrintable:
        return None


@api.get("/api/labels/<asset_id>", responses={200: AssetLabel})
@require(LabelPermission.PRINT)
@may_raise(AssetNotFound, AssetStoreUnreachable, AssetStoreRefused, AssetStoreBroken, AssetStoreBusy)
def label_of_asset(path: LabelPath) -> Answer:
    """Get an asset and the status of its label

    The times are those of its newest label.
    """
    asset = asset_store().get(path.asset_id)
    with reading() as session:
        label = print_history.label_of_asset(session, path.asset_id)
    of_asset = {name: getattr(asset, name) for name in ("name", "serial", "model", "manufacturer", "catalog", "holder")}
    of_label = {name: getattr(label, name, None) for name in ("printed_at", "printed_by", "scanned_at", "scanned_by")}
    return AssetLabel(asset_id=asset.id, **of_asset, **of_label).model_dump(mode="json")
