"""Lists of workdays, with filters, in an order of which an index knows where each page begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.counts import IS_OPEN, IS_OUTLIER, IS_UNSYNCED, Counted, count
from request_tracker_utils.workdays.errors import WorkdayNotFound
from request_tracker_utils.workdays.models import Workday

DATE = "date"
NEWEST_FIRST = f"-{DATE}"
ORDERINGS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        DATE: (Workday.date, Workday.id),
        "timestamp": (Workday.date, Workday.id),
        "id": (Workday.id,),
        "user_id": (Workday.user_id, Workday.date, Workday.terminal_id),
    }
)


@dataclass(frozen=True)
class WorkdayFilter:
    """`first` and `last` are included. `to_review_at`: only days that wait for a review at this time."""

    user_id: str = ""
    terminal_id: int | None = None
    first: date | None = None
    last: date | None = None
    is_outlier: bool | None = None
    is_synced: bool | None = None
    person_id: int | None = None
    to_review_at: datetime | None = None


def find_workdays(
    session: Session,
    filters: WorkdayFilter,
    ordering: str = NEWEST_FIRST,
    *,
    size: int,
    after: Cursor | None = None,
    offset: int = 0,
) -> Page[Workday]:
    """A page. `ordering` is one of ORDERINGS, with a minus for the opposite order. With a person in the filters, a cursor of somebody
    else's workday is like one of a workday that does not exist."""
    column, descending = ordering.removeprefix("-"), ordering.startswith("-")
    within = [] if filters.person_id is None else [Workday.person_id == filters.person_id]
    query = KeysetQuery(Workday, [Segment(ORDERINGS[column])], _conditions(filters), within=within, descending=descending)
    return query.page(session, size=size, after=after, offset=offset)


def find_workday(session: Session, workday_id: int) -> Workday:
    """Raises WorkdayNotFound."""
    if (workday := find_row(session, Workday, workday_id)) is None:
        raise WorkdayNotFound(_("Workday %(id)s was not found.", id=workday_id))
    return workday


def count_workdays(session: Session, filters: WorkdayFilter) -> int:
    if filters.user_id or filters.person_id is not None or filters.to_review_at is not None:
        return session.scalar(select(func.count()).select_from(Workday).where(*matching(filters))) or 0
    counted = Counted(filters.terminal_id, filters.first, filters.last, filters.is_outlier, filters.is_synced)
    return count(session, counted)


def matching(filters: WorkdayFilter) -> list[ColumnElement[bool]]:
    """The conditions of a list."""
    person = [] if filters.person_id is None else [Workday.person_id == filters.person_id]
    return [*_conditions(filters), *person]


def _conditions(filters: WorkdayFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.user_id:
        found.append(Workday.user_id == filters.user_id)
    if filters.terminal_id is not None:
        found.append(Workday.terminal_id == filters.terminal_id)
    if filters.first is not None:
        found.append(Workday.date >= filters.first)
    if filters.last is not None:
        found.append(Workday.date <= filters.last)
    if filters.is_outlier is not None:
        found.append(IS_OUTLIER if filters.is_outlier else ~Workday.is_outlier)
    if filters.is_synced is not None:
        found.append(Workday.synced_to_crm.is_(True) if filters.is_synced else IS_UNSYNCED)
    if filters.to_review_at is not None:
        found += [IS_OPEN, Workday.window_ends_at <= filters.to_review_at]
    return found
