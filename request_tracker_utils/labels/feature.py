"""Labels, as the app sees them."""

from flask import Flask

from request_tracker_utils.labels import catalogue, models, printed, views  # noqa: F401 — the tables are known by their import
from request_tracker_utils.labels.api import api
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.web.feature import Feature


def install(app: Flask) -> None:
    printed.install(app)
    catalogue.install(app)


feature = Feature(
    name="labels",
    apis=[api],
    pages=[views.pages],
    grants={"admin": frozenset(LabelPermission), "staff": frozenset(LabelPermission)},
    install=install,
)
