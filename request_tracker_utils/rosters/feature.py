"""The room of rosters, as the app sees it."""

from flask import Flask

from request_tracker_utils.rosters import cli, export_views, views, year_views
from request_tracker_utils.rosters.jobs import jobs
from request_tracker_utils.rosters.permissions import RosterPermission
from request_tracker_utils.rosters.tasks import kinds
from request_tracker_utils.tasks.kinds import offer
from request_tracker_utils.web.feature import Feature


def install(app: Flask) -> None:
    for kind in kinds:
        offer(app, kind)


feature = Feature(
    name="rosters",
    pages=[views.pages, export_views.pages, year_views.pages],
    jobs=jobs,
    commands=[cli.students, cli.devices],
    grants={"admin": frozenset(RosterPermission), "staff": frozenset({RosterPermission.IMPORT})},
    install=install,
)
