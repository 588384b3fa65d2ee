"""Labels, as the app sees them."""

from flask import Flask

from request_tracker_utils.labels import current, models  # noqa: F401 — and so are tables
from request_tracker_utils.labels.api import api
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.views import batch, labels, prints, scan  # noqa: F401 — routes are known by their import
from request_tracker_utils.web.feature import Feature, NavItem


def install(app: Flask) -> None:
    current.install(app)


feature = Feature(
    name="labels",
    apis=[api],
    pages=[labels.pages],
    navigation=[NavItem("Labels", "labels.batch", LabelPermission.PRINT, order=15)],
    grants={"admin": frozenset(LabelPermission), "staff": frozenset(LabelPermission)},
    install=install,
)
