"""Labels over JSON."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.db import reading
from request_tracker_utils.directory.current import directory
from request_tracker_utils.directory.service import (
    AssetNotFound,
    DirectoryBroken,
    DirectoryBusy,
    DirectoryRefused,
    DirectoryUnreachable,
)
from request_tracker_utils.labels import record
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.schemas import LabelledAssetFacts, LabelPath
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.refusals import may_refuse

OF_LABELS = Tag(name="labels", description="Labels: whose they are, when they were printed and scanned.")

api = APIBlueprint("labels_api", __name__, abp_tags=[OF_LABELS])


@api.get("/api/labels/<int:asset_id>", responses={200: LabelledAssetFacts})
@require(LabelPermission.PRINT)
@may_refuse(AssetNotFound, DirectoryUnreachable, DirectoryRefused, DirectoryBroken, DirectoryBusy)
def label_of_asset(path: LabelPath) -> Answer:
    """Show the asset, and when its label was printed and scanned."""
    asset = directory().get(path.asset_id)
    with reading() as session:
        label = record.of_asset(session, path.asset_id)
    of_asset = {name: getattr(asset, name) for name in ("name", "serial", "model", "manufacturer", "catalog", "holder")}
    of_label = {name: getattr(label, name, None) for name in ("printed_at", "printed_by", "scanned_at", "scanned_by")}
    return LabelledAssetFacts(asset_id=asset.id, **of_asset, **of_label).model_dump(mode="json")
