"""What people have decided about a workday."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.workdays.models import WorkdayDecision


def decisions_of(session: Session, workday_id: int) -> Sequence[WorkdayDecision]:
    """The latest first, with those that have ended."""
    query = select(WorkdayDecision).where(WorkdayDecision.workday_id == workday_id)
    return session.scalars(query.order_by(WorkdayDecision.id.desc())).all()
