"""Holidays in workdays: those of the default calendar, for everyone."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.calendars.holidays import default_calendar, holidays_between
from request_tracker_utils.workdays.changed_days import EVERYBODY
from request_tracker_utils.workdays.models import StaffGroup
from request_tracker_utils.workdays.schedule_days import DEFAULT
from request_tracker_utils.workdays.windows import day_of


def group_holidays(session: Session) -> Mapping[int | None, Mapping[int, str]]:
    """The name of each holiday by group, and by the number of its day. All groups have the same ones."""
    found = holidays_between(session, default_calendar(session).id, date.min, date.max)
    shared = {day_of(day): name for day, name in found.items()}
    groups: list[int | None] = [DEFAULT, *session.scalars(select(StaffGroup.id))]
    return dict.fromkeys(groups, shared)


def mark_holidays(session: Session, calendar_id: int, first_day: date, last_day: date, *, now: datetime) -> None:
    """Holidays of a calendar have changed on these days. Marks the workdays if it is the default calendar."""
    if calendar_id == default_calendar(session).id:
        changed_days.mark(session, EVERYBODY, first_day, last_day, now=now)
