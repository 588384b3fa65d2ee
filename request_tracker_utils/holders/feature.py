"""What holders contribute to the app."""

from flask import Flask

from request_tracker_utils.holders import cli, jobs, status, views
from request_tracker_utils.holders.api import api
from request_tracker_utils.holders.current import RECONCILIATION
from request_tracker_utils.holders.lookups import AssetCache
from request_tracker_utils.reconciliation.tasks import task_kinds
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Feature, PageLink
from request_tracker_utils.web.registry import registry_of


def install(app: Flask) -> None:
    registry = registry_of(app)
    registry.provide(AssetCache, AssetCache())
    registry.get(TaskKinds).add(*task_kinds(RECONCILIATION))


feature = Feature(
    name="holders",
    apis=[api],
    pages=[views.pages],
    jobs=jobs.jobs,
    commands=[cli.holders],
    links=[
        PageLink("students.dashboard", "Differences", "holder_differences.overview", StudentPermission.READ, order=80),
        PageLink("devices.listed", "Differences", "holder_differences.overview", StudentPermission.READ, order=80),
    ],
    gauges=[status.gauges],
    status=status.sections,
    install=install,
)
