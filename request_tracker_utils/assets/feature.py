"""Assets, as the app sees them."""

from datetime import datetime

from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import cli, current, demo, status
from request_tracker_utils.assets.api import api
from request_tracker_utils.assets.jobs import jobs
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.rules import Rules
from request_tracker_utils.assets.tagged import TagsOfAssets
from request_tracker_utils.assets.tasks import kinds
from request_tracker_utils.assets.views import assets as views, creation as creation_views, intakes as intake_views
from request_tracker_utils.labels.print_history import PrintListeners
from request_tracker_utils.labels.service import LabelNames, TagLookup
from request_tracker_utils.tags import service as tags
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem
from request_tracker_utils.web.registry import registry_of, settings


def note_printed(session: Session, labels: LabelNames, now: datetime) -> list[str]:
    """A tag whose label may hang on a device is never given to another one. Says which labels bear an old name."""
    others, names = tags.mark_printed(session, labels, now=now), dict(labels)
    return [
        f"Asset #{asset_id} is still called “{names[asset_id]}”; {tag} is not its name yet. Print again in a moment."
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
    return demo.fill(asset_store(), Rules.as_set(settings()))


feature = Feature(
    name="assets",
    apis=[api],
    pages=[views.pages, creation_views.pages, intake_views.pages],
    jobs=jobs,
    commands=[cli.assets],
    navigation=[NavItem("Assets", "assets.search", AssetPermission.READ, order=10)],
    cards=[HomeCard("assets/card.html", AssetPermission.READ, dict, order=10)],
    grants={
        "admin": frozenset(AssetPermission),
        "staff": frozenset(AssetPermission),
        "teacher": frozenset({AssetPermission.READ}),
    },
    gauges=[status.gauges],
    status=status.sections,
    demo=Demo("assets with tags", _is_empty, _fill_demo),
    install=install,
)
