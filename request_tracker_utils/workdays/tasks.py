"""The task that computes the workdays of a range again, month by month."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import TaskKind
from request_tracker_utils.tasks.models import TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.processing import process_range
from request_tracker_utils.workdays.ranges import months

COMPUTE_WORKDAYS = "compute-workdays"


def start_computing(session: Session, first: date, last: date, *, actor: Actor, now: datetime) -> int:
    """Starts the task and returns its ID."""
    parts = [(begin.isoformat(), end.isoformat()) for begin, end in months(first, last)]
    items = [NewItem(begin if begin == end else f"{begin} – {end}", {"first": begin, "last": end}) for begin, end in parts]
    title = _("Compute workdays from %(first)s to %(last)s", first=first, last=last)
    return service.start(session, COMPUTE_WORKDAYS, title=title, actor=actor, now=now, arguments={}, items=items).id


def compute_workdays(task: RunningTask) -> str:
    """If the process dies, months are computed again, which changes nothing."""
    processor = current.processor(task.actor)

    def compute(item: TaskItem) -> ItemResult:
        done = process_range(processor, date.fromisoformat(item.data["first"]), date.fromisoformat(item.data["last"]))
        if done.failed or not done.complete:
            raise Unavailable(_("The workdays are locked by other changes. They are computed again soon."))
        counts = {"days": done.days, "outliers": done.outliers, "written": done.written}
        return ItemResult(counts, _("Workdays: %(days)s, outliers: %(outliers)s, changed: %(written)s.", **counts))

    with task.heartbeat():
        task.each(compute, workers=1)
    return ngettext("The workdays of %(num)s month were computed.", "The workdays of %(num)s months were computed.", task.done)


kinds = [TaskKind(COMPUTE_WORKDAYS, WorkdayPermission.MANAGE, compute_workdays)]
