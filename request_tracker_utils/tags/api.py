"""Tags over JSON, and the webhook that Request Tracker calls."""

from flask import request
from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import CHANGE_ERRORS
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import read_connection, reading, transaction
from request_tracker_utils.core.errors import Unauthenticated
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import sequence, service, webhook
from request_tracker_utils.tags.errors import AssetHasTag, NotATag, PrefixNotFound, SequenceExhausted, SequenceNotReady, TagTaken
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.schemas import (
    AssetCreated,
    ConfirmTag,
    NameUpdated,
    NextTag,
    ResetTag,
    TagAssigned,
    TagConfirmed,
    TagReset,
    UpdateName,
)
from request_tracker_utils.web.auth import current_actor, public, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.threads import Reserved

HOOK_SCHEME = "webhookSecret"
HOOK_SCHEME_SPEC = {
    "type": "http",
    "scheme": "bearer",
    "description": "The webhook secret: WEBHOOK_TOKEN, or the secret on the Webhook page.",
}

api = APIBlueprint(
    "tags",
    __name__,
    abp_tags=[Tag(name="tags", description="Asset tags: show the next one, assign one manually, reset a sequence.")],
)
hook = APIBlueprint(
    "webhook",
    __name__,
    abp_tags=[Tag(name="webhook", description="Called by Request Tracker when an asset is created.")],
    abp_security=[{HOOK_SCHEME: []}],
)


@api.get("/next-asset-tag", responses={200: NextTag})
@require(TagPermission.READ)
@may_raise(SequenceNotReady, SequenceExhausted)
def next_asset_tag() -> Answer:
    """Show the next tag, without using it."""
    with read_connection() as connection:
        return {"next_asset_tag": str(sequence.preview(connection, settings().prefix))}


@api.post("/confirm-asset-tag", responses={200: TagConfirmed})
@require(TagPermission.ASSIGN)
@may_raise(NotATag, TagTaken, AssetHasTag, *CHANGE_ERRORS)
def confirm_asset_tag(body: ConfirmTag) -> Answer:
    """Assign this tag to an asset, and rename the asset.

    The call can be repeated. A tag in use or an asset with a different tag is a conflict.
    """
    tag, _old_name = service.assign_manually(
        transaction, asset_store(), text=body.asset_tag.strip(), asset_id=body.request_tracker_id, actor=current_actor(), now=utc_now()
    )
    message = _("Asset tag confirmation logged successfully. Asset name updated in RT.")
    return TagConfirmed(message=message, asset_tag=tag.tag, rt_asset_id=body.request_tracker_id).model_dump()


@api.post("/update-asset-name", responses={200: NameUpdated})
@require(TagPermission.ASSIGN)
@may_raise(TagTaken, AssetHasTag, SequenceNotReady, *CHANGE_ERRORS)
def update_asset_name(body: UpdateName) -> Answer:
    """Rename an asset. The audit log records the change.

    A name that is an available tag becomes the asset's tag. An asset that has a tag cannot be renamed.
    """
    name = body.asset_name
    old_name = service.rename_asset(transaction, asset_store(), asset_id=body.asset_id, name=name, actor=current_actor(), now=utc_now())
    message = _("Asset %(asset)s was renamed to %(name)s.", asset=body.asset_id, name=name)
    return NameUpdated(message=message, asset_id=body.asset_id, old_name=old_name, new_name=name).model_dump()


@api.post("/reset-asset-tag", responses={200: TagReset})
@require(TagPermission.ADMINISTER)
@may_raise(PrefixNotFound, SequenceNotReady, SequenceExhausted)
def reset_asset_tag(body: ResetTag) -> Answer:
    """Continue a sequence at another number.

    Numbers in use are skipped; the message says which. Released numbers below it are not assigned again.
    """
    prefix, reason = body.prefix or settings().prefix, (body.reason or "").strip() or None
    with transaction() as session:
        result = sequence.reset(session, prefix, number=body.start_number, reason=reason, actor=current_actor(), now=utc_now())
    return TagReset(message=result.message, new_start_tag=str(result.next_tag)).model_dump()


@hook.before_request
def check_secret() -> None:
    """Runs before the body is read."""
    scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
    with reading() as session:
        if scheme.lower() != "bearer" or not webhook.is_secret(session, settings(), given.strip()):
            raise Unauthenticated(
                _("The webhook secret is missing or incorrect. Copy the settings for Request Tracker from the Webhook page.")
            )


@hook.post("/webhook/asset-created", responses={200: TagAssigned, 202: TagAssigned})
@public("has a secret of its own", csrf=False, reserved=Reserved.WEBHOOK)
@may_raise(SequenceExhausted)
def asset_created(body: AssetCreated) -> Answer:
    """Assign a tag to a new asset.

    The response needs the database only, because Request Tracker waits inside a transaction; a job sets the asset's name soon after.
    Repeating the call returns the same tag. A 202 response means that the tag is pending until the existing tags are imported.
    """
    asset_id, name, prefix = body.asset_id, body.asset_name, settings().prefix
    tag = service.on_asset_created(transaction, asset_id=asset_id, asset_name=name, catalog=body.catalog, prefix=prefix, now=utc_now())
    if tag is None:
        message = _("The tag of asset %(asset)s is pending: the existing tags are still being imported.", asset=asset_id)
        return TagAssigned(message=message, asset_id=asset_id, asset_tag=None, previous_name=name).model_dump(), 202
    message = _("Asset tag %(tag)s assigned to asset %(asset)s", tag=tag.tag, asset=asset_id)
    return TagAssigned(message=message, asset_id=asset_id, asset_tag=tag.tag, previous_name=tag.previous_name).model_dump()
