"""What students and devices contribute to the app."""

from collections.abc import Mapping

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.students import demo, jobs
from request_tracker_utils.students.api import devices as device_api, scans as scan_api, students as student_api
from request_tracker_utils.students.counts import current_counts
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.views import devices as device_views, scan_station as scan_views, students as student_views
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem


def card() -> Mapping[str, object]:
    with reading() as session:
        return {"counts": current_counts(session)}


feature = Feature(
    name="students",
    apis=[student_api.api, device_api.api, scan_api.api],
    pages=[student_views.pages, device_views.pages, scan_views.pages],
    navigation=[
        NavItem(gettext_noop("Students"), "students.dashboard", StudentPermission.READ, order=12),
        NavItem(gettext_noop("Devices"), "devices.listed", StudentPermission.READ, order=13),
        NavItem(gettext_noop("Scan station"), "scan_station.show", StudentPermission.ASSIGN, order=14),
    ],
    cards=[HomeCard("students/card.html", StudentPermission.READ, card, order=12)],
    jobs=jobs.jobs,
    moved={"/students/scan/card": "scan_station.commands"},
    demo=Demo(gettext_noop("students and their devices"), demo.is_empty, lambda: demo.fill(asset_store())),
    grants={
        "admin": frozenset(StudentPermission),
        "staff": frozenset(StudentPermission) - {StudentPermission.OVERRIDE},
        "teacher": frozenset({StudentPermission.READ}),
    },
)
