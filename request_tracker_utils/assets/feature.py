"""What assets contribute to the app."""

from datetime import datetime

from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import cli, current, demo, status
from request_tracker_utils.assets.api import api
from request_tracker_utils.assets.fields import CreationSettings
from request_tracker_utils.assets.jobs import jobs
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.tagged import TagsOfAssets
from request_tracker_utils.assets.tasks import kinds
from request_tracker_utils.assets.views import assets as views, creation as creation_views, imports as import_views
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.labels.print_history import PrintListeners
from request_tracker_utils.labels.service import LabelNames, TagLookup
from request_tracker_utils.tags import service as tags
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem
from request_tracker_utils.web.registry import registry_of, settings


def note_printed(session: Session, labels: LabelNames, now: datetime) -> list[str]:
    """Marks the tags as printed, so that they are never assigned to another asset. Returns which labels show an old name."""
    others, names = tags.mark_printed(session, labels, now=now), dict(labels)
    return [
        _(
            "The name of asset #%(asset_id)s is still “%(name)s”; it will be %(tag)s soon. Print the label again in a moment.",
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
    registry.get(TaskKinds).add(*kinds)


def _is_empty() -> bool:
    return demo.is_empty(asset_store())


def _fill_demo() -> int:
    return demo.fill(asset_store(), CreationSettings.from_settings(settings()))


feature = Feature(
    name="assets",
    apis=[api],
    pages=[views.pages, creation_views.pages, import_views.pages],
    jobs=jobs,
    commands=[cli.assets],
    navigation=[NavItem(gettext_noop("Assets"), "assets.search", AssetPermission.READ, order=10)],
    cards=[HomeCard("assets/card.html", AssetPermission.READ, dict, order=10)],
    grants={
        "admin": frozenset(AssetPermission),
        "staff": frozenset(AssetPermission),
        "teacher": frozenset({AssetPermission.READ}),
    },
    gauges=[status.gauges],
    status=status.sections,
    demo=Demo(gettext_noop("assets with tags"), _is_empty, _fill_demo),
    moved={"/assets/new": "creation.create", "/assets/intake": "asset_imports.new", "/assets/intake/<int:import_id>": "asset_imports.show"},
    install=install,
)
