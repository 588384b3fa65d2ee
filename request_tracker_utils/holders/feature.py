"""The room of holders, as the app sees it."""

from flask import Flask

from request_tracker_utils.holders import cli, jobs, status, tasks, views
from request_tracker_utils.holders.api import RECENT, api
from request_tracker_utils.holders.lookups import RecentHoldings
from request_tracker_utils.tasks.kinds import offer
from request_tracker_utils.web.feature import Feature


def install(app: Flask) -> None:
    app.extensions[RECENT] = RecentHoldings()
    for kind in tasks.kinds:
        offer(app, kind)


feature = Feature(
    name="holders",
    apis=[api],
    pages=[views.pages],
    jobs=jobs.jobs,
    commands=[cli.holders],
    gauges=[status.gauges],
    status=status.sections,
    install=install,
)
