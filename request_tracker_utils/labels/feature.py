"""What labels contribute to the app."""

from request_tracker_utils.labels import current
from request_tracker_utils.labels.api import api
from request_tracker_utils.labels.permissions import GRANTS, LabelPermission
from request_tracker_utils.labels.views import print_history, printing, selection  # noqa: F401 — importing views registers their routes
from request_tracker_utils.web.feature import Feature, NavItem

feature = Feature(
    name="labels",
    apis=[api],
    pages=[printing.pages],
    navigation=[NavItem("Labels", "labels.batch", LabelPermission.PRINT, order=15)],
    grants=GRANTS,
    install=current.install,
)
