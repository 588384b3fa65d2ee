"""Labels over JSON: what one would say and why (for people as a page), and when it was printed and scanned."""

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
from request_tracker_utils.labels import record, service
from request_tracker_utils.labels.barcodes import NotPrintable
from request_tracker_utils.labels.current import catalogue, own_template
from request_tracker_utils.labels.drawing import Drawer, DrawnLabel, LabelContent
from request_tracker_utils.labels.examination import examine, sources_of
from request_tracker_utils.labels.formats import LabelFormat, UnknownFormat
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.schemas import ChosenLabel, LabelExamined, LabelledAssetFacts, LabelPath
from request_tracker_utils.labels.style import label_rules
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.error_handlers import wants_page
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.security import nonce, policy

OF_LABELS = Tag(name="labels", description="What labels say, why they look as they do, when they were printed and scanned.")

api = APIBlueprint("labels_api", __name__, abp_tags=[OF_LABELS])


@api.get("/labels/debug", responses={200: LabelExamined})
@require(LabelPermission.PRINT)
@may_raise(AssetNotFound, UnknownFormat, Conflict)
def debug_label(query: ChosenLabel) -> Any:
    """Show why a label looks as it does: where its texts come from, how large its codes are

    Nothing is printed. A browser gets a page with the label; a program gets JSON.
    """
    asset = service.one(asset_store(), asset_id=query.number, name=query.assetName)
    label = catalogue().named(query.size) if query.size else catalogue().for_asset(asset)
    content = service.content(asset_store(), asset)
    fitting = catalogue().that_fit(content)
    examined = LabelExamined.of(examine(content, label, sources_of(settings(), asset_store().kind)), [each.name for each in fitting])
    if not wants_page():
        return examined.model_dump(mode="json")
    rules = label_rules(label, lambda name: url_for("static", filename=name))
    drawn = _drawn(content, label)
    page = render_template(
        "labels/debug.html",
        examined=examined,
        asset=asset,
        label=label,
        rules=rules,
        drawn=drawn,
        formats=catalogue().all(),
        own=own_template(),
    )
    return Response(page, headers={"Content-Security-Policy": policy(nonce(), embedded_fonts=True)}, mimetype="text/html")


def _drawn(content: LabelContent, label: LabelFormat) -> DrawnLabel | None:
    try:
        return Drawer(label).draw(content)
    except NotPrintable:
        return None


@api.get("/api/labels/<asset_id>", responses={200: LabelledAssetFacts})
@require(LabelPermission.PRINT)
@may_raise(AssetNotFound, AssetStoreUnreachable, AssetStoreRefused, AssetStoreBroken, AssetStoreBusy)
def label_of_asset(path: LabelPath) -> Answer:
    """Show the asset, and when its label was printed and scanned."""
    asset = asset_store().get(path.asset_id)
    with reading() as session:
        label = record.of_asset(session, path.asset_id)
    of_asset = {name: getattr(asset, name) for name in ("name", "serial", "model", "manufacturer", "catalog", "holder")}
    of_label = {name: getattr(label, name, None) for name in ("printed_at", "printed_by", "scanned_at", "scanned_by")}
    return LabelledAssetFacts(asset_id=asset.id, **of_asset, **of_label).model_dump(mode="json")
