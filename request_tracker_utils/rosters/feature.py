"""What imports, exports and the rollover contribute to the app."""

from flask import Flask

from request_tracker_utils.imports.row_types import RowTypes
from request_tracker_utils.imports.tasks import import_kinds
from request_tracker_utils.imports.views import import_pages
from request_tracker_utils.rosters import cli, jobs, views
from request_tracker_utils.rosters.device_import import DeviceRows
from request_tracker_utils.rosters.permissions import GRANTS, RosterPermission
from request_tracker_utils.rosters.student_import import StudentRows
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Feature, PageLink
from request_tracker_utils.web.registry import registry_of

STUDENTS, DEVICES, IMPORT = "students.dashboard", "devices.listed", "roster_imports.upload_form"
IMPORT_STUDENTS, IMPORT_DEVICES = {"row_type": StudentRows.name}, {"row_type": DeviceRows.name}

imports = import_pages(
    "roster_imports",
    permission=RosterPermission.IMPORT,
    uploads={StudentRows.name: "/students/import", DeviceRows.name: "/devices/import"},
    files="/students/imports",
)
links = [
    PageLink(STUDENTS, "Import", IMPORT, RosterPermission.IMPORT, 10, IMPORT_STUDENTS),
    PageLink(STUDENTS, "Export", "exports.students", RosterPermission.EXPORT, 20),
    PageLink(STUDENTS, "Left school", "rollover.leavers", RosterPermission.EXPORT, 30),
    PageLink(STUDENTS, "Rollover", "rollover.rollover", RosterPermission.ROLL_OVER, 40),
    PageLink(DEVICES, "Import", IMPORT, RosterPermission.IMPORT, 10, IMPORT_DEVICES),
    PageLink(DEVICES, "Export", "exports.devices", RosterPermission.EXPORT, 20),
    PageLink(DEVICES, "Export history", "exports.logs", RosterPermission.EXPORT, 30),
    PageLink(IMPORT, "Import students", IMPORT, RosterPermission.IMPORT, 10, IMPORT_STUDENTS),
    PageLink(IMPORT, "Import devices", IMPORT, RosterPermission.IMPORT, 20, IMPORT_DEVICES),
    PageLink(IMPORT, "Export students", "exports.students", RosterPermission.EXPORT, 30),
    PageLink(IMPORT, "Export devices", "exports.devices", RosterPermission.EXPORT, 40),
    PageLink(IMPORT, "Export history", "exports.logs", RosterPermission.EXPORT, 50),
]


def install(app: Flask) -> None:
    registry = registry_of(app)
    registry.get(RowTypes).add(StudentRows(), DeviceRows())
    kinds = import_kinds(StudentRows(), permission=RosterPermission.IMPORT, endpoint="roster_imports.show")
    registry.get(TaskKinds).add(*kinds)


feature = Feature(
    name="rosters",
    pages=[imports, views.exports, views.pages],
    links=links,
    jobs=jobs.jobs,
    commands=[cli.students, cli.devices],
    grants=GRANTS,
    install=install,
)
