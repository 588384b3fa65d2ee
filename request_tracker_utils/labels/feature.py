"""What labels contribute to the app."""

from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.labels import current
from request_tracker_utils.labels.api import api
from request_tracker_utils.labels.models import LabelPermission
from request_tracker_utils.labels.views import print_history, printing, selection  # noqa: F401 — importing views registers their routes
from request_tracker_utils.web.feature import Feature, NavItem

feature = Feature(
    name="labels",
    apis=[api],
    pages=[printing.pages],
    navigation=[NavItem(gettext_noop("Labels"), "labels.batch", LabelPermission.PRINT, order=15)],
    grants={"admin": frozenset(LabelPermission), "staff": frozenset(LabelPermission)},
    install=current.install,
)
