"""Labels, as the app sees them."""

from request_tracker_utils.labels import batch_views, models, printed, record_views, scan_views, views  # noqa: F401 — known by their import
from request_tracker_utils.labels.api import api
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.web.feature import Feature, NavItem

feature = Feature(
    name="labels",
    apis=[api],
    pages=[views.pages],
    navigation=[NavItem("Labels", "labels.batch", LabelPermission.PRINT, order=15)],
    grants={"admin": frozenset(LabelPermission), "staff": frozenset(LabelPermission)},
    install=printed.install,
)
