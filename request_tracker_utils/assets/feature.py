"""Assets, as the app sees them."""

from flask import Flask

from request_tracker_utils.assets import demo, views
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.labels import printed
from request_tracker_utils.tags import service as tags
from request_tracker_utils.web.feature import Feature, HomeCard, NavItem


def note_printed(asset_ids: list[int]) -> None:
    """A tag whose label may hang on a device is never given to another one."""
    with transaction() as session:
        tags.mark_printed(session, asset_ids, now=utc_now())


def install(app: Flask) -> None:
    printed.tell(app, note_printed)


feature = Feature(
    name="assets",
    pages=[views.pages],
    navigation=[NavItem("Assets", "assets.search", AssetPermission.READ, order=10)],
    cards=[HomeCard("assets/card.html", AssetPermission.READ, dict, order=10)],
    grants={
        "admin": frozenset(AssetPermission),
        "staff": frozenset(AssetPermission),
        "teacher": frozenset({AssetPermission.READ}),
    },
    demo=demo.demo,
    install=install,
)
