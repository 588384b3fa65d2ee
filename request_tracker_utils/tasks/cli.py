"""Runs a task in a command, with a progress bar. When the command is ended early, a server continues the task."""

import time
from datetime import datetime
from threading import Thread

from flask import Flask, current_app
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.outbox import Claim
from request_tracker_utils.tasks import jobs, service
from request_tracker_utils.tasks.models import Task, TaskNotOpen
from request_tracker_utils.tasks.running import claim

POLL_SECONDS = 0.2


def claim_started(session: Session, started: Task, *, now: datetime) -> Claim[Task]:
    """Claims the task for this process, in the transaction that started it, so that no server runs it. Raises TaskNotOpen unless it was
    just started."""
    claimed = claim(session, now=now, task_id=started.id)
    if claimed is None:
        raise TaskNotOpen("The task is not open.")
    return claimed


def run_with_progress(claimed: Claim[Task], description: str) -> Task:
    """Runs the task with a progress bar on standard error. Returns the task as it ended."""
    work = Thread(target=_run, args=(current_app._get_current_object(), claimed), daemon=True)  # type: ignore[attr-defined]
    work.start()
    _show_progress(work, claimed.id, description)
    with reading() as session:
        return service.get(session, claimed.id)


def _run(app: Flask, claimed: Claim[Task]) -> None:
    with app.app_context():
        jobs.run(claimed)


def _show_progress(work: Thread, task_id: int, description: str) -> None:
    """Until the work has ended."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(description, total=None)
        while work.is_alive():
            time.sleep(POLL_SECONDS)
            with reading() as session:
                task = service.get(session, task_id)
                progress.update(bar, total=task.total, completed=task.done + task.failed)
