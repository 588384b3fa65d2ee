"""What requests, jobs and tasks of this app create assets with."""

from threading import Semaphore

from flask import Flask

from request_tracker_utils.asset_store.current import WEBHOOK_THREADS, asset_store
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.assets.fields import Wanted
from request_tracker_utils.assets.rules import Rules
from request_tracker_utils.assets.service import Created, Creator
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels import service as labels
from request_tracker_utils.labels.current import installed_formats
from request_tracker_utils.labels.renderer import can_print
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, registry_of, settings


class CreationSlots(Semaphore):
    """How many creations may wait for Request Tracker at once: as many threads stay free to answer its webhook."""


def install(app: Flask) -> None:
    registry = registry_of(app)
    registry.provide(CreationSlots, CreationSlots(max(1, registry.settings.threads // 2 - WEBHOOK_THREADS)))


def creator(actor: Actor | None = None) -> Creator:
    """For the caller of this request, unless somebody else is named."""
    return Creator(
        transaction, reading, asset_store(), Rules.as_set(settings()), actor or current_actor(), waiters=registry().get(CreationSlots)
    )


def label_waits(made: Created, wanted: Wanted) -> bool:
    """Whether the asset's label can be drawn: then it waits at its print page. The server cannot see paper. Asks nobody."""
    new = Rules.as_set(settings()).new_asset(wanted)
    asset = Asset(made.asset_id, made.tag, made.serial, new.model, new.manufacturer, new.catalog, fields=new.fields)
    return can_print(installed_formats().for_asset(asset), labels.label_content(asset_store(), asset))
