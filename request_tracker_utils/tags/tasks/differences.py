"""The long work on differences: comparing, and settling many in one way. Both are tasks, so that people see how far they are."""

from datetime import datetime

from flask import url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store, place
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.reconciliation import tasks as long_work
from request_tracker_utils.reconciliation.errors import ComparisonRuns
from request_tracker_utils.tags import comparison, sequence
from request_tracker_utils.tags.differences import RECORD
from request_tracker_utils.tags.errors import SequenceNotReady
from request_tracker_utils.tags.models import DifferenceKind, TagDifference
from request_tracker_utils.tags.options import SAFE, Way, is_safe
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.resolution import Settlement
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.kinds import Kind, Link
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import RunningTask

COMPARE, SETTLE = "compare-tags", "settle-tag-differences"


def start_comparison(session: Session, *, actor: Actor, now: datetime) -> Task:
    """Writes the task down. Raises ComparisonRuns when one is under way, and SequenceNotReady before names are adopted."""
    prefixes = comparison.ready_prefixes(session)
    if not prefixes:
        raise SequenceNotReady("Nothing can be compared yet: the names that the directory holds are still being read. Try again soon.")
    sequence.lock(session, prefixes[0])  # two who start one at once stand in a line here
    long_work.refuse_second(session, COMPARE)
    return tasks.start(session, COMPARE, title=f"Compare {place()} with our tags", actor=actor, now=now)


def start_daily_comparison(session: Session, *, actor: Actor, now: datetime) -> bool:
    """Starts one unless the last is fresh, or one is under way, or nothing can be compared yet; returns whether it did."""
    if long_work.is_fresh(session, COMPARE, now):
        return False
    try:
        start_comparison(session, actor=actor, now=now)
    except (ComparisonRuns, SequenceNotReady):
        return False
    return True


def compared_at(session: Session) -> datetime | None:
    """When the last complete comparison ended."""
    return long_work.compared_at(session, COMPARE)


def start_settling(session: Session, kind: DifferenceKind, *, actor: Actor, now: datetime) -> Task | None:
    """Has all of the kind settled in its safe way; None when there are none of which this can be done."""
    query = select(TagDifference).where(RECORD.is_open, TagDifference.kind == kind, is_safe(kind)).order_by(TagDifference.id)
    items = [tasks.NewItem(f"{each.tag}, asset #{each.asset_id}", {"difference": each.id}) for each in session.scalars(query)]
    if not items:
        return None
    title = _TITLES[SAFE[kind]].format(f"{len(items)} {'tag' if len(items) == 1 else 'tags'}")
    return tasks.start(session, SETTLE, title=title, actor=actor, now=now, arguments={"way": SAFE[kind]}, items=items)


def count_safe(session: Session, kind: DifferenceKind) -> int:
    """How many of the kind may be settled in its safe way."""
    if kind not in SAFE:
        return 0
    return session.execute(select(func.count()).where(RECORD.is_open, TagDifference.kind == kind, is_safe(kind))).scalar_one()


_TITLES = {Way.CALL_AGAIN: "Make {} their assets’ names again", Way.FREE: "Free {}", Way.ADOPT: "Take over {}"}


def _compare(running: RunningTask) -> str:
    running.done = running.failed = 0  # a comparison that broke off begins anew
    with transaction() as session:
        prefixes = comparison.ready_prefixes(session)
    compare = comparison.compare
    return long_work.summary(compare(transaction, asset_store(), prefixes=prefixes, actor=running.actor, clock=utc_now, progress=running))


def _settle(running: RunningTask) -> str:
    way = Way(running.arguments["way"])
    settlement = Settlement(transaction, asset_store(), place=place(), actor=running.actor, clock=utc_now)
    return long_work.settle_each(running, lambda difference_id: settlement.settle(difference_id, way))


def _back(_task: Task) -> list[Link]:
    return [Link("See the differences", url_for("tag_differences.overview"))]


kinds = [Kind(COMPARE, TagPermission.ASSIGN, _compare, _back), Kind(SETTLE, TagPermission.ASSIGN, _settle, _back)]
