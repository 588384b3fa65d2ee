"""The long work on differences, as tasks: comparing, and settling many in one way."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from request_tracker_utils.reconciliation.errors import ComparisonRuns, DifferenceChanged, DifferenceSettled
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import TaskItem
from request_tracker_utils.tasks.running import Outcome, RunningTask

WORKERS = 4
FRESH = timedelta(hours=20)
"""How old a comparison may be before the daily job has another one made."""


def refuse_second(session: Session, kind: str) -> None:
    """Raises ComparisonRuns when a comparison of the kind is under way. Whoever asks stands in a line with the others who do."""
    running = tasks.open_task(session, kind)
    if running is not None:
        raise ComparisonRuns(f"A comparison is under way already: task {running.id}.", task_id=running.id)


def compared_at(session: Session, kind: str) -> datetime | None:
    """When the last complete comparison of the kind ended."""
    last = tasks.last_done(session, kind)
    return last.ended_at if last else None


def is_fresh(session: Session, kind: str, now: datetime) -> bool:
    """Whether the last one is so new that the daily job needs no other."""
    last = compared_at(session, kind)
    return last is not None and now - last < FRESH


def summary(count: int) -> str:
    """What a comparison found."""
    return f"{count} {'difference is' if count == 1 else 'differences are'} open." if count else "Nothing differs."


def settle_each(running: RunningTask, settle: Callable[[int], str]) -> str:
    """Settles every difference that the task's items name, and returns what is said of all of it."""

    def one(item: TaskItem) -> Outcome:
        try:
            return Outcome(note=settle(item.data["difference"]))
        except (DifferenceSettled, DifferenceChanged) as error:
            return Outcome(note=error.message)  # it cannot be settled so, or is not what was to be settled any more

    running.each(one, workers=WORKERS)
    return f"{running.done} seen to, {running.failed} failed." if running.failed else f"{running.done} seen to."
