"""What labels contribute to the app."""

from flask import Flask

from request_tracker_utils.labels import current, models  # noqa: F401 — importing models registers their tables
from request_tracker_utils.labels.api import api
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.views import print_history, printing, selection  # noqa: F401 — importing views registers their routes
from request_tracker_utils.web.feature import Feature, NavItem


def install(app: Flask) -> None:
    current.install(app)


feature = Feature(
    name="labels",
    apis=[api],
    pages=[printing.pages],
    navigation=[NavItem("Labels", "labels.batch", LabelPermission.PRINT, order=15)],
    grants={"admin": frozenset(LabelPermission), "staff": frozenset(LabelPermission)},
    install=install,
)
