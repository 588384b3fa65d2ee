"""Students and devices, as the app sees them."""

from collections.abc import Mapping

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.db import reading
from request_tracker_utils.students import demo, jobs
from request_tracker_utils.students.api import devices as device_api, scans as scan_api
from request_tracker_utils.students.api.students import api
from request_tracker_utils.students.counts import counts
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.views import devices as device_views, scans as scan_views, students as views
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem


def card() -> Mapping[str, object]:
    """How far the handing out has come."""
    with reading() as session:
        return {"counted": counts(session)}


feature = Feature(
    name="students",
    apis=[api, device_api.api, scan_api.api],
    pages=[views.pages, device_views.pages, scan_views.pages],
    navigation=[
        NavItem("Students", "students.dashboard", StudentPermission.READ, order=12),
        NavItem("Devices", "devices.listed", StudentPermission.READ, order=13),
        NavItem("Scan station", "scan.station", StudentPermission.HAND_OUT, order=14),
    ],
    cards=[HomeCard("students/card.html", StudentPermission.READ, card, order=12)],
    jobs=jobs.jobs,
    demo=Demo("students and their devices", demo.is_empty, lambda: demo.fill(asset_store())),
    grants={
        "admin": frozenset(StudentPermission),
        "staff": frozenset(StudentPermission) - {StudentPermission.OVERRIDE},
        "teacher": frozenset({StudentPermission.READ}),
    },
)
