"""Students and devices, as the app sees them."""

from request_tracker_utils.students import device_api, scan_api, scan_views
from request_tracker_utils.students.api import api
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.web.feature import Feature, NavItem

feature = Feature(
    name="students",
    apis=[api, device_api.api, scan_api.api],
    pages=[scan_views.pages],
    navigation=[NavItem("Scan station", "scan.station", StudentPermission.HAND_OUT, order=14)],
    grants={
        "admin": frozenset(StudentPermission),
        "staff": frozenset(StudentPermission) - {StudentPermission.OVERRIDE},
        "teacher": frozenset({StudentPermission.READ}),
    },
)
