"""Scheduled work on tasks: running them, and deleting old ones."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar

import structlog
from flask import current_app

from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.outbox import Claim, InContext
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.tasks.models import DELETE_OLD_TASKS, RUN_TASKS, Task, TaskState
from request_tracker_utils.tasks.running import RunningTask, TaskStopped, claim
from request_tracker_utils.web.registry import registry

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger(__name__)
_one_at_a_time = Lock()


def run_tasks() -> int:
    """Runs every task that is due, one after the other. A second run in the same process leaves them to the first."""
    if not _one_at_a_time.acquire(blocking=False):
        return 0
    count = 0
    try:
        while not registry().stopping():
            with transaction() as session:
                claimed = claim(session, now=utc_now())
            if claimed is None:
                break
            run(claimed)
            count += 1
    finally:
        _one_at_a_time.release()
    return count


def run(claimed: Claim[Task]) -> None:
    """Does the work of a claimed task, and stores how it ended."""
    running = RunningTask(transaction, reading, claimed, clock=utc_now, stopping=registry().stopping, in_context=in_context_of_app())
    name = claimed.row.kind
    kind = registry().get(TaskKinds).named(name)
    if kind is None:
        running.end(TaskState.FAILED, error=_("This version of the program cannot run “%(kind)s” tasks.", kind=name))
        return
    try:
        with running.heartbeat():
            summary = kind.work(running)
        if running.count_pending():
            running.postpone(_("Some items could not be processed yet. They are retried automatically."))
        else:
            running.end(TaskState.DONE, summary=summary)
    except TaskStopped:
        running.put_back()
    except Unavailable as error:
        running.postpone(error.message)
    except AppError as error:
        running.end(TaskState.FAILED, error=error.message)
    except Exception as error:
        problem = disk_problem(error)
        if problem is None:
            log.exception("task failed", task=running.id, kind=name)
            running.end(TaskState.FAILED, error=_("An internal error occurred; the log has the details. You can resume the task."))
            raise
        running.postpone(problem.message)


def in_context_of_app() -> InContext:
    """Wraps what runs in another thread, so that it finds this app."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def wrap(call: Callable[P, R]) -> Callable[P, R]:
        @wraps(call)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with app.app_context():
                return call(*args, **kwargs)

        return inside

    return wrap


def delete_old_tasks() -> int:
    with transaction(durable=False) as session:  # the next run deletes them again
        return service.delete_old(session, now=steady_now(session, DELETE_OLD_TASKS, utc_now()))


jobs = [
    Job(RUN_TASKS, "Run queued tasks", timedelta(seconds=15), run_tasks),
    Job(DELETE_OLD_TASKS, "Delete tasks that ended more than 180 days ago", timedelta(days=1), delete_old_tasks),
]
