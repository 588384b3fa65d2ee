"""The long work on differences: comparing, and settling many in one way. Both are tasks, so that people see how far they are."""

from datetime import datetime, timedelta

from flask import url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.directory.current import directory
from request_tracker_utils.tags import comparison, sequence
from request_tracker_utils.tags.differences import IS_OPEN
from request_tracker_utils.tags.errors import ComparisonRuns, DifferenceChanged, DifferenceSettled, SequenceNotReady
from request_tracker_utils.tags.models import DifferenceKind, TagDifference
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.settlement import Settlement
from request_tracker_utils.tags.ways import SAFE, Way, is_safe
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.kinds import Kind, Link
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.running import Outcome, RunningTask

COMPARE, SETTLE = "compare-tags", "settle-tag-differences"
WORKERS = 4
FRESH = timedelta(hours=20)
"""How old a comparison may be before the daily job has another one made."""


def place() -> str:
    """What people call the directory."""
    return "RT" if directory().kind == "rt" else "the directory"


def start_comparison(session: Session, *, actor: Actor, now: datetime) -> Task:
    """Writes the task down. Raises ComparisonRuns when one is under way, and SequenceNotReady before names are adopted."""
    prefixes = comparison.ready_prefixes(session)
    if not prefixes:
        raise SequenceNotReady("Nothing can be compared yet: the names that the directory holds are still being read. Try again soon.")
    sequence.hold(session, prefixes[0])  # two who start one at once stand in a line here
    running = tasks.open_task(session, COMPARE)
    if running is not None:
        raise ComparisonRuns(f"A comparison is under way already: task {running.id}.", task_id=running.id)
    return tasks.start(session, COMPARE, title=f"Compare {place()} with our tags", actor=actor, now=now)


def start_daily_comparison(session: Session, *, actor: Actor, now: datetime) -> bool:
    """Starts one unless the last is fresh, or one is under way, or nothing can be compared yet; returns whether it did."""
    last = compared_at(session)
    if last is not None and now - last < FRESH:
        return False
    try:
        start_comparison(session, actor=actor, now=now)
    except (ComparisonRuns, SequenceNotReady):
        return False
    return True


def compared_at(session: Session) -> datetime | None:
    """When the last complete comparison ended."""
    last = tasks.last_done(session, COMPARE)
    return last.ended_at if last else None


def start_settling(session: Session, kind: DifferenceKind, *, actor: Actor, now: datetime) -> Task | None:
    """Has all of the kind settled in its safe way; None when there are none of which this can be done."""
    query = select(TagDifference).where(IS_OPEN, TagDifference.kind == kind, is_safe(kind)).order_by(TagDifference.id)
    items = [tasks.NewItem(f"{each.tag}, asset #{each.asset_id}", {"difference": each.id}) for each in session.scalars(query)]
    if not items:
        return None
    title = _TITLES[SAFE[kind]].format(f"{len(items)} {'tag' if len(items) == 1 else 'tags'}")
    return tasks.start(session, SETTLE, title=title, actor=actor, now=now, arguments={"way": SAFE[kind]}, items=items)


def count_safe(session: Session, kind: DifferenceKind) -> int:
    """How many of the kind may be settled in its safe way."""
    if kind not in SAFE:
        return 0
    return session.execute(select(func.count()).where(IS_OPEN, TagDifference.kind == kind, is_safe(kind))).scalar_one()


_TITLES = {Way.CALL_AGAIN: "Make {} their assets’ names again", Way.FREE: "Free {}", Way.ADOPT: "Take over {}"}


def _compare(running: RunningTask) -> str:
    running.done = running.failed = 0  # a comparison that broke off begins anew
    with transaction() as session:
        prefixes = comparison.ready_prefixes(session)
    count = comparison.compare(transaction, directory(), prefixes=prefixes, actor=running.actor, clock=utc_now, progress=running)
    if not count:
        return "Nothing differs."
    return f"{count} {'difference is' if count == 1 else 'differences are'} open."


def _settle(running: RunningTask) -> str:
    way = Way(running.arguments["way"])
    settlement = Settlement(transaction, directory(), place=place(), actor=running.actor, clock=utc_now)

    def one(item: TaskItem) -> Outcome:
        try:
            return Outcome(note=settlement.settle(item.data["difference"], way))
        except (DifferenceSettled, DifferenceChanged) as error:
            return Outcome(note=error.message)  # it is not what was to be settled any more

    running.each(one, workers=WORKERS)
    return f"{running.done} seen to, {running.failed} failed." if running.failed else f"{running.done} seen to."


def _back(_task: Task) -> list[Link]:
    return [Link("See the differences", url_for("tag_differences.overview"))]


kinds = [Kind(COMPARE, TagPermission.ASSIGN, _compare, _back), Kind(SETTLE, TagPermission.ASSIGN, _settle, _back)]
