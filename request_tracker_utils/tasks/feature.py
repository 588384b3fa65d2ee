"""What tasks contribute to the app."""

from flask import Flask

from request_tracker_utils.tasks import views
from request_tracker_utils.tasks.api import api
from request_tracker_utils.tasks.jobs import jobs
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.tasks.permissions import GRANTS, TaskPermission
from request_tracker_utils.web.feature import Feature, NavItem
from request_tracker_utils.web.registry import registry_of


def install(app: Flask) -> None:
    registry_of(app).provide(TaskKinds, TaskKinds())


feature = Feature(
    name="tasks",
    apis=[api],
    pages=[views.pages],
    jobs=jobs,
    navigation=[NavItem("Tasks", "tasks.all_tasks", TaskPermission.READ, order=70)],
    grants=GRANTS,
    install=install,
)
