"""Scheduled work on tasks: running them, and putting old ones away."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar

import structlog
from flask import current_app

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.outbox import InContext
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import Kinds
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.tasks.names import RUN_TASKS
from request_tracker_utils.tasks.running import RunningTask, TaskStopped, claim
from request_tracker_utils.web.registry import registry

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger(__name__)
_one_at_a_time = Lock()


def run_tasks() -> int:
    """Runs every task that is due, one after the other; a second run in the same process leaves them to the first."""
    if not _one_at_a_time.acquire(blocking=False):
        return 0
    count = 0
    try:
        while not registry().stopping():
            with transaction() as session:
                task = claim(session, now=utc_now())
            if task is None:
                break
            run(task)
            count += 1
    finally:
        _one_at_a_time.release()
    return count


def run(task: Task) -> None:
    """Does the work of a task that was taken up, and writes down how it ended."""
    in_context = in_context_of_app()
    running = RunningTask(transaction, reading, task, clock=utc_now, stopping=registry().stopping, in_context=in_context)
    kind = registry().get(Kinds).named(task.kind)
    if kind is None:
        running.end(TaskState.FAILED, error=f"This version of the program does not know how to “{task.kind}”.")
        return
    try:
        with running.heartbeat():
            summary = kind.work(running)
        if running.left():
            running.put_back(error="Some of it could not be done yet. It is tried again.")
        else:
            running.end(TaskState.DONE, summary=summary)
    except TaskStopped:
        running.put_back()
    except Unavailable as error:
        running.put_back(error=error.message)
    except AppError as error:
        running.end(TaskState.FAILED, error=error.message)
    except Exception:
        log.exception("task broke off", task=task.id, kind=task.kind)
        running.end(TaskState.FAILED, error="Something went wrong inside this program; its log has the details. You can let it go on.")
        raise


def in_context_of_app() -> InContext:
    """Has what runs in another thread find this app."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def wrap(call: Callable[P, R]) -> Callable[P, R]:
        @wraps(call)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with app.app_context():
                return call(*args, **kwargs)

        return inside

    return wrap


def put_away_tasks() -> int:
    with transaction() as session:
        return service.put_away(session, now=utc_now())


jobs = [
    Job(RUN_TASKS, "Do the long work that people have started", timedelta(seconds=15), run_tasks),
    Job("put-away-tasks", "Delete tasks that ended long ago", timedelta(days=1), put_away_tasks),
]
