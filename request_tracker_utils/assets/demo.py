"""Sample assets."""

import random

from sqlalchemy import exists, select

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.assets.fields import CreationSettings, NewAssetFields
from request_tracker_utils.assets.service import AssetCreator
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags.confirmation import confirm_due
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.service import FIRST_CHECK_AFTER

COUNT = 60
_MODELS = [
    ("Dell", "Chromebook 3100", "Chromebooks", "Title I"),
    ("Lenovo", "300e Yoga Chromebook Gen 4", "Chromebooks", "Title I"),
    ("HP", "ProBook 440 G10", "General assets", "General fund"),
    ("Apple", "iPad (10th generation)", "General assets", "PTA grant"),
    ("Epson", "PowerLite L210W", "General assets", "Bond 2024"),
]
_SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def is_empty(store: AssetStore) -> bool:
    """Only the embedded asset store is filled: sample data is never written to Request Tracker."""
    with reading() as session:
        tagged = session.scalar(select(exists().select_from(Tag)))
    return store.kind == "embedded" and not tagged and not store.search("", page_size=1).assets


def fill(store: AssetStore, settings: CreationSettings) -> int:
    created_at = utc_now() - FIRST_CHECK_AFTER
    creator = AssetCreator(transaction, reading, store, settings, of_command(), lambda: created_at)
    chance = random.Random(12)  # noqa: S311 — the same sample data each time
    for _ in range(COUNT):
        manufacturer, model, catalog, funding = chance.choices(_MODELS, weights=[30, 12, 9, 6, 3])[0]
        serial = "".join(chance.choices(_SERIAL_LETTERS, k=8))
        creator.create(NewAssetFields(serial, manufacturer, model, funding_source=funding, catalog=catalog))
    confirm_due(transaction, store, actor=of_command(), clock=utc_now)
    return COUNT
