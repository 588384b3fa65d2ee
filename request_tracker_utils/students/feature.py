"""Students and devices, as the app sees them."""

from request_tracker_utils.students import device_api
from request_tracker_utils.students.api import api
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.web.feature import Feature

feature = Feature(
    name="students",
    apis=[api, device_api.api],
    grants={
        "admin": frozenset(StudentPermission),
        "staff": frozenset(StudentPermission) - {StudentPermission.OVERRIDE},
        "teacher": frozenset({StudentPermission.READ}),
    },
)
