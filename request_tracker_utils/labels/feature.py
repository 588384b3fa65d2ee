"""Labels, as the app sees them."""

from flask import Flask

from request_tracker_utils.labels import current
from request_tracker_utils.labels.api import api
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.views import labels as views
from request_tracker_utils.web.feature import Feature, NavItem


def install(app: Flask) -> None:
    current.install(app)


feature = Feature(
    name="labels",
    apis=[api],
    pages=[views.pages],
    navigation=[NavItem("Labels", "labels.batch", LabelPermission.PRINT, order=15)],
    grants={"admin": frozenset(LabelPermission), "staff": frozenset(LabelPermission)},
    install=install,
)
