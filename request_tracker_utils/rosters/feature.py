"""The room of rosters, as the app sees it."""

from flask import Flask

from request_tracker_utils.rosters import cli
from request_tracker_utils.rosters.jobs import jobs
from request_tracker_utils.rosters.permissions import RosterPermission
from request_tracker_utils.rosters.tasks import kinds
from request_tracker_utils.rosters.views import exports as export_views, imports as views, rollover as year_views
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Feature, PageLink
from request_tracker_utils.web.registry import registry_of

STUDENTS, DEVICES = "students.dashboard", "devices.listed"
LINKS = [
    PageLink(STUDENTS, "Import", "rosters.new", RosterPermission.IMPORT, 10, {"subject": "students"}),
    PageLink(STUDENTS, "Export", "exports.students", StudentPermission.READ, 20),
    PageLink(STUDENTS, "Leavers", "years.leavers", StudentPermission.READ, 30),
    PageLink(STUDENTS, "School year", "years.rollover", RosterPermission.TURN_YEAR, 40),
    PageLink(DEVICES, "Import", "rosters.new", RosterPermission.IMPORT, 10, {"subject": "devices"}),
    PageLink(DEVICES, "Export", "exports.devices", StudentPermission.READ, 20),
    PageLink(DEVICES, "Export the record", "exports.logs", StudentPermission.READ, 30),
]


def install(app: Flask) -> None:
    registry_of(app).get(TaskKinds).add(*kinds)


feature = Feature(
    name="rosters",
    pages=[views.pages, export_views.pages, year_views.pages],
    links=LINKS,
    jobs=jobs,
    commands=[cli.students, cli.devices],
    grants={"admin": frozenset(RosterPermission), "staff": frozenset({RosterPermission.IMPORT})},
    install=install,
)
