"""What an asset is called in the directory, set from here and written down."""

from datetime import datetime

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.tags import service, trail
from request_tracker_utils.tags.errors import AssetHasTag
from request_tracker_utils.tags.names import LONGEST_TAG


def rename(transaction: Transaction, asset_store: AssetStore, *, asset_id: int, name: str, actor: Actor, now: datetime) -> str:
    """Calls the asset so in the directory, and returns what it was called before.

    A name that is a tag of ours becomes the asset's tag, see service.give_by_hand. Raises AssetHasTag when the asset has a tag and is to
    be called otherwise; what give_by_hand and the directory raise.
    """
    with transaction() as session:
        is_tag = service.name_of_tag(session, name) is not None
        tag = service.tag_of_asset(session, asset_id)
    if is_tag:
        _, old_name = service.give_by_hand(transaction, asset_store, text=name, asset_id=asset_id, actor=actor, now=now)
        return old_name
    if tag is not None:
        raise AssetHasTag(
            f"Asset {asset_id} has the tag {tag.tag}, and is called like it. Leave the name as it is; to give the tag up, rename the asset "
            "in Request Tracker and settle the difference under Asset tags.",
            field="asset_name",
            asset_tag=tag.tag,
            asset_id=asset_id,
        )
    old_name = asset_store.rename(asset_id, name)
    with transaction() as session:
        # There is no tag to name: what the row is found by is the name, as far as there is room for it.
        trail.write(
            session, name[:LONGEST_TAG], asset_id, name[:500], action="renamed", actor=actor, now=now, old_name=old_name[:500] or None
        )
    return old_name
