"""The task that polls one or all terminals, started from a page."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.attendance import current, rounds
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.rounds import RoundTerminal, Status
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import TaskKind
from request_tracker_utils.tasks.models import TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem

POLL_TERMINALS = "poll-terminals"
WORKERS = 50


class TaskPollFailed(Conflict):
    """A terminal could not be polled, or is being polled. The task goes on with the others."""

    code = "poll_failed"


def start_polling(session: Session, terminals: Sequence[RoundTerminal], *, full: bool, actor: Actor, now: datetime) -> int:
    """Starts the task and returns its ID. For all terminals, pass `rounds.polled(session)`."""
    items = [NewItem(each.name, {"terminal": each.id}) for each in terminals]
    title = ngettext("Poll %(num)s terminal", "Poll %(num)s terminals", len(items))
    return service.start(session, POLL_TERMINALS, title=title, actor=actor, now=now, arguments={"full": full}, items=items).id


def poll_terminals(task: RunningTask) -> str:
    """If the process dies, terminals are polled again, which stores nothing twice."""
    poller = current.poller()

    def poll(item: TaskItem) -> ItemResult:
        terminal = RoundTerminal(item.data["terminal"], item.label, None)
        outcome = rounds.poll_one(poller, terminal, full=bool(task.arguments.get("full")), started_by=task.actor.name)
        if outcome.result is None or outcome.status is not Status.SUCCESS:
            raise TaskPollFailed(outcome.error or _("The poll failed."))
        counts = {"records": outcome.result.records, "new": outcome.result.new_punches}
        return ItemResult(counts, outcome.error or _("%(records)s records, %(new)s new.", **counts))

    with task.heartbeat():
        task.each(poll, workers=max(1, min(WORKERS, task.total or 1)))
    return ngettext("%(num)s terminal was polled.", "%(num)s terminals were polled.", task.done)


kinds = [TaskKind(POLL_TERMINALS, AttendancePermission.POLL, poll_terminals)]
