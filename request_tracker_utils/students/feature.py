"""Students and devices, as the app sees them."""

from request_tracker_utils.students import models  # noqa: F401
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.web.feature import Feature

feature = Feature(
    name="students",
    grants={
        "admin": frozenset(StudentPermission),
        "staff": frozenset(StudentPermission) - {StudentPermission.OVERRIDE},
        "teacher": frozenset({StudentPermission.READ}),
    },
)
