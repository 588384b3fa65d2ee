"""Tasks, as the app sees them."""

from request_tracker_utils.tasks import kinds, views
from request_tracker_utils.tasks.api import api
from request_tracker_utils.tasks.jobs import jobs
from request_tracker_utils.tasks.permissions import TaskPermission
from request_tracker_utils.web.feature import Feature, NavItem

feature = Feature(
    name="tasks",
    apis=[api],
    pages=[views.pages],
    jobs=jobs,
    navigation=[NavItem("Tasks", "tasks.all_tasks", TaskPermission.READ, order=70)],
    grants={"admin": frozenset(TaskPermission), "staff": frozenset(TaskPermission)},
    install=kinds.install,
)
