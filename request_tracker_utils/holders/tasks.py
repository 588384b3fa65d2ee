"""The long work on differences: comparing, and settling many in one way. Both are tasks, so that people see how far they are."""

from datetime import datetime

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store, place
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.stored_values import StoredValue, keep
from request_tracker_utils.holders import comparison, differences
from request_tracker_utils.holders.models import DifferenceKind
from request_tracker_utils.holders.options import Way
from request_tracker_utils.holders.resolution import Settlement
from request_tracker_utils.reconciliation import tasks as long_work
from request_tracker_utils.reconciliation.errors import ComparisonRuns
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.kinds import Kind, Link
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import RunningTask
from request_tracker_utils.web.registry import settings

COMPARE, SETTLE = "compare-holders", "settle-holder-differences"
_LINE = "holders-compared"
"""Two who start a comparison at once stand in a line at this row."""


def settlement_by(actor: Actor) -> Settlement:
    return Settlement(transaction, asset_store(), place=place(), rule=settings().rt_student_user, actor=actor, clock=utc_now)


def start_comparison(session: Session, *, actor: Actor, now: datetime) -> Task:
    """Writes the task down. Raises ComparisonRuns when one is under way."""
    keep(session, _LINE, "1")
    session.execute(select(StoredValue).where(StoredValue.name == _LINE).with_for_update())
    long_work.refuse_second(session, COMPARE)
    return tasks.start(session, COMPARE, title=f"Compare {place()} with who has what here", actor=actor, now=now)


def start_daily_comparison(session: Session, *, actor: Actor, now: datetime) -> bool:
    """Starts one unless the last is fresh, or one is under way; returns whether it did."""
    if long_work.is_fresh(session, COMPARE, now):
        return False
    try:
        start_comparison(session, actor=actor, now=now)
    except ComparisonRuns:
        return False
    return True


def compared_at(session: Session) -> datetime | None:
    """When the last complete comparison ended."""
    return long_work.compared_at(session, COMPARE)


def start_settling(session: Session, kind: DifferenceKind, way: Way, *, actor: Actor, now: datetime) -> Task | None:
    """Has all of the kind settled in this way; None when there are none."""
    found = differences.RECORD.all_of(session, kind)
    items = [tasks.NewItem(each.asset_tag or f"Asset #{each.asset_id}", {"difference": each.id}) for each in found]
    if not items:
        return None
    title = f"Settle {len(items)} {'difference' if len(items) == 1 else 'differences'} with {place()}"
    return tasks.start(session, SETTLE, title=title, actor=actor, now=now, arguments={"way": str(way)}, items=items)


def _compare(running: RunningTask) -> str:
    running.done = running.failed = 0  # a comparison that broke off begins anew
    rule = settings().rt_student_user
    compare = comparison.compare
    return long_work.summary(compare(transaction, asset_store(), rule=rule, actor=running.actor, clock=utc_now, progress=running))


def _settle(running: RunningTask) -> str:
    way, settlement = Way(running.arguments["way"]), settlement_by(running.actor)
    return long_work.settle_each(running, lambda difference_id: settlement.settle(difference_id, way))


def _back(_task: Task) -> list[Link]:
    return [Link("See the differences", url_for("holder_differences.overview"))]


kinds = [Kind(COMPARE, StudentPermission.ASSIGN, _compare, _back), Kind(SETTLE, StudentPermission.ASSIGN, _settle, _back)]
