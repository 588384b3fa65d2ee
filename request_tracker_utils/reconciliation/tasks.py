"""Comparisons and bulk resolutions as tasks, so that people see their progress, and the daily comparison."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor, of_job
from request_tracker_utils.core.clock import is_over, utc_now
from request_tracker_utils.core.db import StoredValue, store_once, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.reconciliation import service
from request_tracker_utils.reconciliation.errors import ComparisonRunning, DiscrepancyChanged, DiscrepancyResolved
from request_tracker_utils.reconciliation.reconciler import BulkOption, Kind, Reconciliation
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask

WORKERS = 4
FRESH = timedelta(hours=20)
"""The daily job starts no comparison when the last one is newer than this."""


def start_comparison(session: Session, reconciliation: Reconciliation[Any], *, actor: Actor, now: datetime) -> Task:
    """Raises ComparisonRunning, and what `check_ready` raises."""
    reconciliation.check_ready(session)
    _lock(session, reconciliation)
    running = tasks.open_task(session, reconciliation.comparison_task)
    if running is not None:
        raise ComparisonRunning(_("A comparison is already running: task %(task)s.", task=running.id), task_id=running.id)
    title = _(reconciliation.comparison_title, source=reconciliation.source())
    return tasks.start(session, reconciliation.comparison_task, title=title, actor=actor, now=now)


def comparison_job(reconciliation: Reconciliation[Any]) -> Job:
    """The daily comparison, for the feature's jobs."""
    name = reconciliation.comparison_task

    def start() -> int:
        with transaction() as session:
            return int(start_daily_comparison(session, reconciliation, actor=of_job(name), now=utc_now()))

    return Job(name, reconciliation.job_description, timedelta(days=1), start)


def start_daily_comparison(session: Session, reconciliation: Reconciliation[Any], *, actor: Actor, now: datetime) -> bool:
    """Starts a comparison, unless the last one is recent, one is running, or nothing can be compared yet. Returns whether it did."""
    last = compared_at(session, reconciliation)
    if last is not None and not is_over(last, FRESH, now):
        return False
    try:
        start_comparison(session, reconciliation, actor=actor, now=now)
    except (ComparisonRunning, Unavailable):
        return False
    return True


def compared_at(session: Session, reconciliation: Reconciliation[Any]) -> datetime | None:
    """When the last complete comparison ended."""
    last = tasks.last_done(session, reconciliation.comparison_task)
    return last.ended_at if last else None


def start_bulk_resolution(
    session: Session, reconciliation: Reconciliation[Any], kind: Kind, option: BulkOption, *, actor: Actor, now: datetime
) -> Task | None:
    """Applies the option to every eligible discrepancy of the kind; None if there are none."""
    found = reconciliation.discrepancies.all(session, kind.value, option.eligible)
    if not found:
        return None
    title = option.label(len(found), reconciliation.source())
    items = [tasks.NewItem(each.label, {"difference": each.id}) for each in found]
    arguments = {"way": str(option.resolution)}
    return tasks.start(session, reconciliation.resolution_task, title=title, actor=actor, now=now, arguments=arguments, items=items)


def task_kinds(reconciliation: Reconciliation[Any]) -> list[TaskKind]:
    """Both kinds of tasks, for the feature to register."""

    def links(_task: Task) -> list[Link]:
        return [Link(_("Show differences"), url_for(f"{reconciliation.name}.overview"))]

    return [
        TaskKind(reconciliation.comparison_task, reconciliation.resolve, partial(_compare, reconciliation), links),
        TaskKind(reconciliation.resolution_task, reconciliation.resolve, partial(_resolve, reconciliation), links),
    ]


def _lock(session: Session, reconciliation: Reconciliation[Any]) -> None:
    """Concurrent starts of a comparison wait until this transaction ends."""
    name = f"{reconciliation.comparison_task}-lock"
    store_once(session, name, "1")
    session.execute(select(StoredValue).where(StoredValue.name == name).with_for_update())


def _compare(reconciliation: Reconciliation[Any], running: RunningTask) -> str:
    running.done = running.failed = 0  # an interrupted comparison starts over
    reconciler = reconciliation.reconciler()
    count = service.compare(transaction, reconciliation.discrepancies, reconciler, actor=running.actor, clock=utc_now, progress=running)
    return ngettext("%(num)s open difference.", "%(num)s open differences.", count) if count else _("No differences.")


def _resolve(reconciliation: Reconciliation[Any], running: RunningTask) -> str:
    reconciler, resolution = reconciliation.reconciler(), running.arguments["way"]

    def resolve(item: TaskItem) -> ItemResult:
        discrepancy_id = item.data["difference"]
        try:
            note = service.resolve(
                transaction, reconciliation.discrepancies, reconciler, discrepancy_id, resolution, actor=running.actor, clock=utc_now
            )
        except (DiscrepancyResolved, DiscrepancyChanged) as error:
            note = error.message  # nothing is left to do for this item
        return ItemResult(note=note)

    running.each(resolve, workers=WORKERS)
    if running.failed:
        return _("%(done)s processed, %(failed)s failed.", done=running.done, failed=running.failed)
    return _("%(done)s processed.", done=running.done)
