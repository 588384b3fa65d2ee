"""Batch creation over JSON, as its contract says."""

from typing import Any

from flask import url_for
from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets.current import creator, label_waits
from request_tracker_utils.assets.errors import FieldMissing, FieldUnfit
from request_tracker_utils.assets.fields import checked
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.schemas import contract
from request_tracker_utils.assets.schemas.creation import (
    AssetAdded,
    CreateAsset,
    FormCleared,
    SerialChecked,
    TagPreviewed,
    WhichCatalog,
    WhichSerial,
)
from request_tracker_utils.assets.serials import check
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags import sequence
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.prefixes import prefix_for
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.error_responses import error_shape, may_raise
from request_tracker_utils.web.registry import settings

OF_CREATION = Tag(name="batch creation", description="Assets one after the other, each with its tag and label.")

api = APIBlueprint("asset_creation", __name__, abp_tags=[OF_CREATION])


@api.post("/assets/create", responses={201: AssetAdded})
@require(AssetPermission.CREATE)
@error_shape(contract.CREATION)
@may_raise(FieldMissing, FieldUnfit, contract.DuplicateSerial, contract.CreationFailed, contract.SequenceUnavailable)
def create_asset(body: CreateAsset) -> Answer:
    """Create an asset under the next tag, and draw its label.

    A serial number is created once, however often and by how many it is sent. Where the directory did not answer, its tag and serial number
    are kept until it is known whether the asset exists: the same request then gets the truth.
    """
    with contract.creating():
        wanted = checked(body.model_dump())
        made = creator().create(wanted)
    printed = label_waits(made, wanted)
    message = f"Asset {made.tag} created successfully" + ("" if printed else ", but label printing failed")
    again = None if printed else url_for("labels.print_label", asset_id=made.asset_id)
    return AssetAdded(
        success=True,
        asset_id=made.asset_id,
        asset_tag=made.tag,
        serial_number=made.serial,
        label_printed=printed,
        message=message,
        retry_print_url=again,
    ).model_dump(exclude_none=True), 201


@api.get("/assets/validate-serial", responses={200: SerialChecked})
@require(AssetPermission.CREATE)
@error_shape(contract.PLAIN)
@may_raise(contract.SerialNotChecked)
def validate_serial(query: WhichSerial) -> Answer:
    """Say whether an asset with this serial number can be created; nothing is held."""
    serial = query.serial_number.strip()
    if not serial:
        raise Invalid("Missing required parameter: serial_number", field="serial_number")
    try:
        (found,) = check(reading, asset_store(), [serial])
    except contract.OF_DIRECTORY as error:
        raise contract.SerialNotChecked(error.message) from error
    told: dict[str, Any] = {"existing_asset_id": found.asset_id, "existing_asset_tag": found.tag or None}
    return SerialChecked(valid=not found.problem, serial_number=serial, error=found.problem or None, **told).model_dump(exclude_none=True)


@api.get("/assets/preview-next-tag", responses={200: TagPreviewed})
@require(AssetPermission.CREATE)
@error_shape(contract.PLAIN)
@may_raise(contract.SequenceUnavailable)
def preview_next_tag(query: WhichCatalog) -> Answer:
    """Show the tag that the next asset would get; nothing is spent."""
    with reading() as session:
        prefix = prefix_for(session, query.catalog.strip() or settings().rt_catalog, settings().prefix)
        try:
            following = sequence.preview(session, prefix)
        except (SequenceNotReady, SequenceExhausted) as error:
            raise contract.sequence_unavailable(error) from error
    return TagPreviewed(next_tag=str(following), prefix=following.prefix, sequence_number=following.number).model_dump()


@api.post("/assets/batch/clear-form", responses={200: FormCleared})
@require(AssetPermission.CREATE)
@error_shape(contract.CREATION)
def clear_form() -> Answer:
    """Say that the form is empty again; what it held is kept in the browser alone."""
    return FormCleared(success=True, message="Form state cleared").model_dump()
