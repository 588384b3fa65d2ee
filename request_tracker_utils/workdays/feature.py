"""What workdays contribute to the app."""

from flask import Flask

from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Feature
from request_tracker_utils.web.registry import registry_of
from request_tracker_utils.workdays import jobs, tasks
from request_tracker_utils.workdays.api import listing as listing_api, processing as processing_api
from request_tracker_utils.workdays.cli import commands
from request_tracker_utils.workdays.permissions import GRANTS
from request_tracker_utils.workdays.views import processing


def install(app: Flask) -> None:
    registry_of(app).get(TaskKinds).add(*tasks.kinds)


feature = Feature(
    name="workdays",
    apis=[listing_api.api, processing_api.api],
    pages=[processing.pages],
    commands=commands,
    jobs=jobs.jobs,
    grants=GRANTS,
    install=install,
)
