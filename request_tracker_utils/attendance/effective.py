"""When a punch counts as: its own time, moved by the repair of its terminal's clock, if there is one; and whether it counts at all.

Everything that computes with times of punches takes them from here. The punches themselves never change.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, and_, case, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from request_tracker_utils.attendance.models import ClockRepair, Punch, PunchReview, ReviewDecision
from request_tracker_utils.core.db import Instant


def effective_at(punch: Punch, seconds: int) -> datetime:
    """When the punch was made, in UTC. `seconds` are those of its repair, see `repair_seconds`. The same as EFFECTIVE_AT."""
    return punch.punched_at + timedelta(seconds=seconds)


def effective_local(punch: Punch, seconds: int) -> datetime:
    """When the punch was made in the local time of the terminal, without a zone. Its date is the day to which the punch belongs."""
    return effective_at(punch, seconds).astimezone(ZoneInfo(punch.timezone)).replace(tzinfo=None)


def repair_seconds(session: Session, punch_ids: list[int]) -> dict[int, int]:
    """The seconds of the repairs of these punches, by their ID; without punches that have none."""
    found = session.execute(select(Punch.id, SECONDS).where(Punch.id.in_(punch_ids), IS_REPAIRED))
    return dict(found.all())


class _Moved(FunctionElement[datetime]):
    """A time and the seconds that are added to it."""

    name = "moved"
    type = Instant()
    inherit_cache = True


@compiles(_Moved, "sqlite")
def _moved_on_sqlite(element: _Moved, compiler: Any, **how: Any) -> str:
    at, seconds = (compiler.process(each, **how) for each in element.clauses)
    return f"strftime('%Y-%m-%d %H:%M:%f000', {at}, {seconds} || ' seconds')"  # as times are stored


@compiles(_Moved, "postgresql")
def _moved_on_postgresql(element: _Moved, compiler: Any, **how: Any) -> str:
    at, seconds = (compiler.process(each, **how) for each in element.clauses)
    return f"({at} + {seconds} * interval '1 second')"


_of_punch = and_(
    ClockRepair.terminal_id == Punch.terminal_id,
    ClockRepair.first_punch_id <= Punch.id,
    ClockRepair.last_punch_id >= Punch.id,
    ClockRepair.reversed_at.is_(None),
)
_repair = select(ClockRepair.seconds).where(_of_punch).correlate(Punch)
# Repairs never overlap, so there is one at most.
SECONDS: ColumnElement[int] = func.coalesce(_repair.scalar_subquery(), 0, type_=Integer)
"""The seconds of the punch's repair, or 0."""
IS_REPAIRED: ColumnElement[bool] = _repair.exists()
EFFECTIVE_AT: ColumnElement[datetime] = case((IS_REPAIRED, _Moved(Punch.punched_at, SECONDS)), else_=Punch.punched_at)
"""`effective_at` in SQL."""


def _decided(decision: ReviewDecision) -> ColumnElement[bool]:
    of_punch = and_(PunchReview.punch_id == Punch.id, PunchReview.decision == decision)
    return select(PunchReview.id).where(of_punch).correlate(Punch).exists()


COUNTS: ColumnElement[bool] = and_(
    or_(Punch.implausible.is_(None), _decided(ReviewDecision.ACCEPTED), IS_REPAIRED),
    ~_decided(ReviewDecision.IGNORED),
)
"""Whether a punch belongs to a day. One with an implausible time does after somebody has accepted it, or has repaired its time."""
