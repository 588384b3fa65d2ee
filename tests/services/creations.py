"""Assets created as the program creates them."""

from datetime import datetime, timedelta
from itertools import count

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.assets.fields import CreationSettings, NewAssetFields
from request_tracker_utils.assets.service import AssetCreator, CreatedAsset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import confirmation

ADA = Actor("ada")
_numbers = count(1)


def laptop(serial: str = "", **fields: str) -> NewAssetFields:
    """With a serial number of its own unless one is given."""
    return NewAssetFields(serial or f"SN-{next(_numbers):05d}", **{"manufacturer": "Dell", "model": "Chromebook 3100", **fields})


def creator(
    asset_store: AssetStore, settings: CreationSettings | None = None, *, actor: Actor = ADA, now: datetime | None = None
) -> AssetCreator:
    return AssetCreator(transaction, reading, asset_store, settings or CreationSettings(), actor, (lambda: now) if now else utc_now)


def create(asset_store: AssetStore, serial: str = "", *, now: datetime | None = None, **fields: str) -> CreatedAsset:
    """Inside the app's context."""
    return creator(asset_store, now=now).create(laptop(serial, **fields))


def create_confirmed(asset_store: AssetStore, serial: str = "", **fields: str) -> CreatedAsset:
    """Created some minutes ago, and confirmed by the job since."""
    created = create(asset_store, serial, now=utc_now() - timedelta(minutes=5), **fields)
    confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=utc_now)
    return created
