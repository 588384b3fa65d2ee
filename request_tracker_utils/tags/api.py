"""Tags over JSON, and the webhook that Request Tracker calls."""

from flask import request
from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import CHANGE_ERRORS
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import read_connection, reading, transaction
from request_tracker_utils.core.errors import Unauthenticated
from request_tracker_utils.tags import renaming, sequence, service, webhook
from request_tracker_utils.tags.errors import AssetHasTag, NotATag, PrefixNotFound, SequenceExhausted, SequenceNotReady, TagTaken
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.reset import reset
from request_tracker_utils.tags.schemas import (
    AssetCreated,
    ConfirmTag,
    NameUpdated,
    NextTag,
    ResetTag,
    TagConfirmed,
    TagGiven,
    TagReset,
    UpdateName,
)
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import current_actor, public, require
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import settings

HOOK_SCHEME = "webhookSecret"
HOOK_SCHEME_SPEC = {
    "type": "http",
    "scheme": "bearer",
    "description": "The webhook's own secret: WEBHOOK_TOKEN, or what the page Webhook shows to administrators.",
}

api = APIBlueprint(
    "tags",
    __name__,
    abp_tags=[Tag(name="tags", description="Asset tags: which comes next, giving one by hand, and where a sequence goes on.")],
)
hook = APIBlueprint(
    "webhook",
    __name__,
    abp_tags=[Tag(name="webhook", description="What Request Tracker calls when somebody creates an asset there.")],
    abp_security=[{HOOK_SCHEME: []}],
)


@api.get("/next-asset-tag", responses={200: NextTag})
@require(TagPermission.READ)
@may_raise(SequenceNotReady, SequenceExhausted)
def next_asset_tag() -> Answer:
    """Show the tag that would be given next; nothing is spent."""
    with read_connection() as connection:
        return {"next_asset_tag": str(sequence.preview(connection, settings().prefix))}


@api.post("/confirm-asset-tag", responses={200: TagConfirmed})
@require(TagPermission.ASSIGN)
@may_raise(NotATag, TagTaken, AssetHasTag, *CHANGE_ERRORS)
def confirm_asset_tag(body: ConfirmTag) -> Answer:
    """Give an asset this tag, and its name in the directory.

    The same call again is answered as done. A tag that is not free, or an asset that has another one, is a conflict.
    """
    tag = service.confirm_by_hand(
        transaction, asset_store(), text=body.asset_tag.strip(), asset_id=body.request_tracker_id, actor=current_actor(), now=utc_now()
    )
    message = "Asset tag confirmation logged successfully. Asset name updated in RT."
    return TagConfirmed(message=message, asset_tag=tag.tag, rt_asset_id=body.request_tracker_id).model_dump()


@api.post("/update-asset-name", responses={200: NameUpdated})
@require(TagPermission.ASSIGN)
@may_raise(TagTaken, AssetHasTag, SequenceNotReady, *CHANGE_ERRORS)
def update_asset_name(body: UpdateName) -> Answer:
    """Call an asset otherwise in the directory; the audit trail has it.

    A name that is a tag of ours becomes the asset's tag, as if it were confirmed. An asset that has a tag keeps its name.
    """
    name = body.asset_name
    old_name = renaming.rename(transaction, asset_store(), asset_id=body.asset_id, name=name, actor=current_actor(), now=utc_now())
    message = f"Asset {body.asset_id} is called {name} now."
    return NameUpdated(message=message, asset_id=body.asset_id, old_name=old_name, new_name=name).model_dump()


@api.post("/reset-asset-tag", responses={200: TagReset})
@require(TagPermission.ADMINISTER)
@may_raise(PrefixNotFound, SequenceNotReady, SequenceExhausted)
def reset_asset_tag(body: ResetTag) -> Answer:
    """Have a sequence go on with another number.

    Numbers in use are skipped, and the answer says so; numbers below it that were given back are not given again.
    """
    prefix, reason = body.prefix or settings().prefix, (body.reason or "").strip() or None
    with transaction() as session:
        done = reset(session, prefix, number=body.start_number, reason=reason, actor=current_actor(), now=utc_now())
    return TagReset(message=done.message, new_start_tag=str(done.next_tag)).model_dump()


@hook.before_request
def check_secret() -> None:
    """Before anything of the body is looked at."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    with reading() as session:
        if scheme.lower() != "bearer" or not webhook.is_secret(session, settings(), given.strip()):
            raise Unauthenticated("The webhook's secret is missing or wrong. The page Webhook shows what to paste into Request Tracker.")


@hook.post("/webhook/asset-created", responses={200: TagGiven, 202: TagGiven})
@public("has a secret of its own", csrf=False)
@may_raise(SequenceExhausted)
def asset_created(body: AssetCreated) -> Answer:
    """Give a new asset its tag.

    It answers from the database alone, since Request Tracker waits inside its own transaction; the asset's name is set soon after.
    The same call again gives the same tag. Answered with 202, the asset waits until the directory's tags are read.
    """
    asset_id, name, prefix = body.asset_id, body.asset_name, settings().prefix
    tag = service.on_asset_created(transaction, asset_id=asset_id, asset_name=name, catalog=body.catalog, prefix=prefix, now=utc_now())
    if tag is None:
        message = f"Asset {body.asset_id} waits for its tag: the directory's tags are still being read."
        return TagGiven(message=message, asset_id=body.asset_id, asset_tag=None, previous_name=body.asset_name).model_dump(), 202
    message = f"Asset tag {tag.tag} assigned to asset {body.asset_id}"
    return TagGiven(message=message, asset_id=body.asset_id, asset_tag=tag.tag, previous_name=tag.previous_name).model_dump()
