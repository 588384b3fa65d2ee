"""Batch creation over JSON, as its contract specifies."""

from typing import Any

from flask import url_for
from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import schemas
from request_tracker_utils.assets.creations import check_serials
from request_tracker_utils.assets.current import can_render_label, creator
from request_tracker_utils.assets.errors import FieldInvalid, FieldMissing
from request_tracker_utils.assets.fields import validate
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import sequence
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.prefixes import prefix_for
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import error_shape, may_raise
from request_tracker_utils.web.registry import settings

BATCH_CREATION = Tag(name="batch creation", description="Create assets one at a time, each with its tag and label.")

api = APIBlueprint("asset_creation", __name__, abp_tags=[BATCH_CREATION])


@api.post("/assets/create", responses={201: schemas.CreatedAssetResponse})
@require(AssetPermission.CREATE)
@error_shape(schemas.CREATION)
@may_raise(FieldMissing, FieldInvalid, schemas.DuplicateSerial, schemas.CreationFailed, schemas.SequenceUnavailable)
def create_asset(body: schemas.CreateAsset) -> Answer:
    """Create an asset with the next tag, and render its label.

    A serial number is created only once, even if it is sent repeatedly or by several clients. If Request Tracker does not answer, the tag
    and the serial number stay reserved until the program has checked whether the asset exists. Retry the request then.
    """
    with schemas.creation_errors():
        fields = validate(body.model_dump(), contract_words=True)
        created = creator().create(fields)
    printed = can_render_label(created, fields)
    if printed:
        message = _("Asset %(tag)s created successfully", tag=created.tag)
    else:
        message = _("Asset %(tag)s created successfully, but label printing failed", tag=created.tag)
    return schemas.CreatedAssetResponse(
        success=True,
        asset_id=created.asset_id,
        asset_tag=created.tag,
        serial_number=created.serial,
        label_printed=printed,
        message=message,
        retry_print_url=None if printed else url_for("labels.print_label", asset_id=created.asset_id),
    ).model_dump(exclude_none=True), 201


@api.get("/assets/validate-serial", responses={200: schemas.SerialChecked})
@require(AssetPermission.CREATE)
@error_shape(schemas.PLAIN)
@may_raise(schemas.SerialNotChecked)
def validate_serial(query: schemas.SerialQuery) -> Answer:
    """Check whether a serial number is free, without reserving it."""
    serial = query.serial_number.strip()
    if not serial:
        raise Invalid(_("Missing required parameter: serial_number"), field="serial_number")
    try:
        (check,) = check_serials(reading, asset_store(), [serial])
    except schemas.ASSET_STORE_ERRORS as error:
        raise schemas.SerialNotChecked(error.message) from error
    existing: dict[str, Any] = {"existing_asset_id": check.asset_id, "existing_asset_tag": check.tag or None}
    checked = schemas.SerialChecked(valid=not check.problem, serial_number=serial, error=check.problem or None, **existing)
    return checked.model_dump(exclude_none=True)


@api.get("/assets/preview-next-tag", responses={200: schemas.TagPreviewed})
@require(AssetPermission.CREATE)
@error_shape(schemas.PLAIN)
@may_raise(schemas.SequenceUnavailable)
def preview_next_tag(query: schemas.CatalogQuery) -> Answer:
    """Preview the next tag, without assigning it."""
    with reading() as session:
        prefix = prefix_for(session, query.catalog.strip() or settings().rt_catalog, settings().prefix)
        try:
            following = sequence.preview(session, prefix)
        except (SequenceNotReady, SequenceExhausted) as error:
            raise schemas.sequence_unavailable(error) from error
    return schemas.TagPreviewed(next_tag=str(following), prefix=following.prefix, sequence_number=following.number).model_dump()


@api.post("/assets/batch/clear-form", responses={200: schemas.FormCleared})
@require(AssetPermission.CREATE)
@error_shape(schemas.CREATION)
def clear_form() -> Answer:
    """Confirm that the form is cleared. Its state is stored in the browser only."""
    return schemas.FormCleared(success=True, message=_("Form state cleared")).model_dump()
