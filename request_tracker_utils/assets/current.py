"""The asset creator of this app, for entry points."""

from threading import Semaphore

from flask import Flask

from request_tracker_utils.asset_store.current import WEBHOOK_THREADS, asset_store
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.assets.fields import CreationSettings, NewAssetFields
from request_tracker_utils.assets.service import AssetCreator, CreatedAsset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels import service as labels
from request_tracker_utils.labels.current import installed_formats
from request_tracker_utils.labels.renderer import can_print
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, registry_of, settings


class CreationSlots(Semaphore):
    """How many creations may wait for others at once, so that enough threads stay free to answer Request Tracker's webhook."""


def install(app: Flask) -> None:
    registry = registry_of(app)
    registry.provide(CreationSlots, CreationSlots(max(1, registry.settings.threads // 2 - WEBHOOK_THREADS)))


def creator(actor: Actor | None = None) -> AssetCreator:
    """For the caller of this request, unless another actor is given."""
    return AssetCreator(
        transaction,
        reading,
        asset_store(),
        CreationSettings.from_settings(settings()),
        actor or current_actor(),
        waiting_slots=registry().get(CreationSlots),
    )


def can_render_label(created: CreatedAsset, fields: NewAssetFields) -> bool:
    """Whether the asset's label fits its format, so that its print page shows it. Needs no request to the asset store."""
    new = CreationSettings.from_settings(settings()).new_asset(fields)
    asset = Asset(created.asset_id, created.tag, created.serial, new.model, new.manufacturer, new.catalog, fields=new.fields)
    return can_print(installed_formats().for_asset(asset), labels.label_content(asset_store(), asset))
