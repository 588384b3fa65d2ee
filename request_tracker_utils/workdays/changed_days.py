"""Marks workdays that have to be computed again because hours or staff groups have changed."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.attendance.changed_days import LAST_DAY
from request_tracker_utils.attendance.models import PersonId
from request_tracker_utils.workdays.models import StaffGroupMember

EVERYBODY = (None,)
DAY = timedelta(days=1)
_LOOKED_UP = 500


def mark_people(session: Session, person_ids: Collection[int], first: date, last: date = LAST_DAY, *, now: datetime) -> None:
    """The hours of these people have changed on these days. The day before is computed, too: its end depends on the next hours."""
    people, user_ids = sorted(person_ids), list[str]()
    for start in range(0, len(people), _LOOKED_UP):
        user_ids += session.scalars(select(PersonId.user_id).where(PersonId.person_id.in_(people[start : start + _LOOKED_UP])))
    changed_days.mark(session, sorted(set(user_ids)), first - DAY, last, now=now)


def mark_group(session: Session, group_id: int, first: date, last: date = LAST_DAY, *, now: datetime) -> None:
    """The hours of a group have changed on these days."""
    members = select(StaffGroupMember.person_id).where(StaffGroupMember.group_id == group_id).distinct()
    mark_people(session, session.scalars(members).all(), first, last, now=now)
