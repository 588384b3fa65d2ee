"""Assets, as the app sees them."""

from datetime import datetime

from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.assets import cli, demo, request, status
from request_tracker_utils.assets.api import api
from request_tracker_utils.assets.jobs import jobs
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.tagged import TagsOfAssets
from request_tracker_utils.assets.tasks import kinds
from request_tracker_utils.assets.views import assets as views
from request_tracker_utils.assets.views import creation as creation_views
from request_tracker_utils.assets.views import intakes as intake_views
from request_tracker_utils.labels import printed, tagbook
from request_tracker_utils.tags import service as tags
from request_tracker_utils.tasks.kinds import offer
from request_tracker_utils.web.feature import Feature, HomeCard, NavItem


def note_printed(session: Session, labels: printed.Labels, now: datetime) -> list[str]:
    """A tag whose label may hang on a device is never given to another one. Says which labels bear an old name."""
    others, names = tags.mark_printed(session, labels, now=now), dict(labels)
    return [
        f"Asset #{asset_id} is still called “{names[asset_id]}”; {tag} is not its name yet. Print again in a moment."
        for asset_id, tag in others.items()
    ]


def install(app: Flask) -> None:
    request.install(app)
    printed.tell(app, note_printed)
    tagbook.bring(app, TagsOfAssets())
    for kind in kinds:
        offer(app, kind)


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
    demo=demo.demo,
    install=install,
)
