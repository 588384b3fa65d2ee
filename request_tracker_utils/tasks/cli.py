"""A task done in this process while somebody at a terminal looks on. Ended early, it is gone on with by a server."""

import time
from datetime import datetime
from threading import Thread

from flask import Flask, current_app
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import reading
from request_tracker_utils.tasks import jobs, service
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import claim

LOOKS_EVERY = 0.2
"""Seconds between two looks at the progress."""


def take(session: Session, started: Task, *, now: datetime) -> Task:
    """Takes the task up for this process, in the transaction that started it: no server comes first."""
    return claim(session, now=now, task_id=started.id) or started


def watch(task: Task, words: str) -> Task:
    """Does the work of a task that was taken up, with a bar on the error output, and returns the task as it is then."""
    work = Thread(target=_run, args=(current_app._get_current_object(), task), daemon=True)  # type: ignore[attr-defined]
    work.start()
    _follow(work, task.id, words)
    with reading() as session:
        return service.get(session, task.id)


def _run(app: Flask, task: Task) -> None:
    with app.app_context():
        jobs.run(task)


def _follow(work: Thread, task_id: int, words: str) -> None:
    """A bar that follows the task until the work has ended."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(words, total=None)
        while work.is_alive():
            time.sleep(LOOKS_EVERY)
            with reading() as session:
                task = service.get(session, task_id)
                progress.update(bar, total=task.total, completed=task.done + task.failed)
