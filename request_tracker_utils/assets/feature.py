"""What assets contribute to the app."""

import random
from datetime import datetime

from flask import Flask
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import cli, current, status
from request_tracker_utils.assets.api import api
from request_tracker_utils.assets.current import LabelsOfAssets, TagsOfAssets
from request_tracker_utils.assets.fields import CreationSettings, NewAssetFields
from request_tracker_utils.assets.jobs import jobs, kinds
from request_tracker_utils.assets.models import AssetImport
from request_tracker_utils.assets.permissions import GRANTS, AssetPermission
from request_tracker_utils.assets.service import AssetCreator
from request_tracker_utils.assets.views import import_pages, pages
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.imports.current import OtherWaitingLists
from request_tracker_utils.labels.print_history import PrintListeners
from request_tracker_utils.labels.service import LabelNames, TagLookup
from request_tracker_utils.tags import service as tags
from request_tracker_utils.tags.confirmation import confirm_due
from request_tracker_utils.tags.duplicates import PrintedLabels
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.service import FIRST_CHECK_AFTER
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem
from request_tracker_utils.web.registry import registry_of, settings

DEMO_ASSETS = 60
_MODELS = [
    ("Dell", "Chromebook 3100", "Chromebooks", "Title I"),
    ("Lenovo", "300e Yoga Chromebook Gen 4", "Chromebooks", "Title I"),
    ("HP", "ProBook 440 G10", "General assets", "General fund"),
    ("Apple", "iPad (10th generation)", "General assets", "PTA grant"),
    ("Epson", "PowerLite L210W", "General assets", "Bond 2024"),
]
_SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def note_printed(session: Session, labels: LabelNames, now: datetime) -> list[str]:
    """Marks the tags as printed, so that they are never assigned to another asset. Returns which labels show an old name."""
    others, names = tags.mark_printed(session, labels, now=now), dict(labels)
    return [
        _(
            "Asset #%(asset_id)s still has the name “%(name)s” and will be renamed to %(tag)s soon. Print the label again in a moment.",
            asset_id=asset_id,
            name=names[asset_id],
            tag=tag,
        )
        for asset_id, tag in others.items()
    ]


def install(app: Flask) -> None:
    current.install(app)
    registry = registry_of(app)
    registry.get(PrintListeners).append(note_printed)
    registry.provide(TagLookup, TagsOfAssets())
    registry.provide(PrintedLabels, LabelsOfAssets())
    registry.get(TaskKinds).add(*kinds)
    registry.get(OtherWaitingLists).append(AssetImport)


def _is_empty() -> bool:
    """Only the embedded asset store is filled: sample data is never written to Request Tracker."""
    store = asset_store()
    with reading() as session:
        tagged = session.scalar(select(exists().select_from(Tag)))
    return store.kind == "embedded" and not tagged and not store.search("", page_size=1).assets


def _fill_demo() -> int:
    store, creation_settings = asset_store(), CreationSettings.from_settings(settings())
    created_at = utc_now() - FIRST_CHECK_AFTER
    creator = AssetCreator(transaction, reading, store, creation_settings, of_command(), lambda: created_at)
    chance = random.Random(12)  # noqa: S311 — the same sample data each time
    for _number in range(DEMO_ASSETS):
        manufacturer, model, catalog, funding = chance.choices(_MODELS, weights=[30, 12, 9, 6, 3])[0]
        serial = "".join(chance.choices(_SERIAL_LETTERS, k=8))
        creator.create(NewAssetFields(serial, manufacturer, model, funding_source=funding, catalog=catalog))
    confirm_due(transaction, store, actor=of_command(), clock=utc_now)
    return DEMO_ASSETS


feature = Feature(
    name="assets",
    apis=[api],
    pages=[pages, import_pages],
    jobs=jobs,
    commands=[cli.assets],
    navigation=[NavItem("Assets", "assets.search", AssetPermission.READ, order=10)],
    cards=[HomeCard("assets/card.html", AssetPermission.READ, dict, order=10)],
    grants=GRANTS,
    gauges=[status.gauges],
    status=status.sections,
    demo=Demo(gettext_noop("assets with tags"), _is_empty, _fill_demo),
    former_addresses={
        "/assets/new": "assets.create",
        "/assets/intake": "asset_imports.new_import",
        "/assets/intake/<int:import_id>": "asset_imports.show_import",
    },
    install=install,
)
