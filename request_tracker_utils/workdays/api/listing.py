"""JSON routes that read workdays."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask_openapi3 import APIBlueprint
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.people import person_of_account
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import record_list, record_lookup
from request_tracker_utils.web.auth import current_actor, require, signed_in
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import page_answer
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.api.processing import WORKDAYS
from request_tracker_utils.workdays.counts import sync_counts
from request_tracker_utils.workdays.current import subject_of
from request_tracker_utils.workdays.errors import NoOwnWorkdays, WorkdayNotFound
from request_tracker_utils.workdays.listing import WorkdayFilter, count_workdays, find_workday, find_workdays
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.schemas.listing import (
    OutliersQuery,
    StatsOut,
    UnsyncedQuery,
    WorkdayList,
    WorkdayOut,
    WorkdayPage,
    WorkdayPath,
    WorkdaysQuery,
)
from request_tracker_utils.workdays.schemas.why import WhyOut
from request_tracker_utils.workdays.why import explain

api = APIBlueprint("workdays_api", __name__, url_prefix="/api/processed-attendance", abp_tags=[WORKDAYS])


@api.get("/", responses={200: WorkdayPage})
@require(WorkdayPermission.READ)
def workdays(query: WorkdaysQuery) -> Answer:
    """List workdays, newest first unless sorted otherwise.

    `next` has a cursor with which deep pages are as fast as the first.
    """
    return _recorded_page(query, query.filters())


@api.get("/outliers/", responses={200: WorkdayPage})
@require(WorkdayPermission.READ)
def outliers(query: OutliersQuery) -> Answer:
    """List workdays with unusual times, newest first unless sorted otherwise."""
    return _recorded_page(query, query.filters())


@api.get("/unsynced/", responses={200: WorkdayList})
@require(WorkdayPermission.READ)
def unsynced(query: UnsyncedQuery) -> list[dict[str, Any]]:
    """List workdays that the CRM has not accepted yet, newest first."""
    with reading() as session:
        rows = _rows(session, find_workdays(session, WorkdayFilter(is_synced=False), size=query.limit).rows)
    record_list("workdays", len(rows))
    return rows


@api.get("/stats/", responses={200: StatsOut})
@require(WorkdayPermission.READ)
def stats() -> Answer:
    """Count workdays, and those that the CRM has accepted."""
    with reading() as session:
        counts = sync_counts(session)
    return {name: getattr(counts, name) for name in StatsOut.model_fields}


@api.get("/mine/", responses={200: WorkdayPage})
@signed_in
@may_raise(NoOwnWorkdays)
def my_workdays(query: WorkdaysQuery) -> Answer:
    """List the workdays of the person to whom your account is linked."""
    with reading() as session:
        person = person_of_account(session, current_actor().user_id)
        if person is None:
            raise NoOwnWorkdays(_("Your account is not linked to a person with punches. Ask an administrator to link it."))
        own = replace(query.filters(), person_id=person.id)
        answer, _rows_of_page = _page(session, query, own)
    return answer


@api.get("/<int:workday_id>/", responses={200: WorkdayOut})
@require(WorkdayPermission.READ)
@may_raise(NotFound, WorkdayNotFound)
def workday(path: WorkdayPath) -> Answer:
    """Get a workday."""
    with reading() as session:
        found = find_workday(session, path.workday_id)
        (row,) = _rows(session, [found])
    record_lookup("workdays", subject_of(found))
    return row


@api.get("/<int:workday_id>/why/", responses={200: WhyOut})
@require(WorkdayPermission.READ)
@may_raise(NotFound, WorkdayNotFound)
def why(path: WorkdayPath) -> Answer:
    """Explain a workday: its punches, the hours that apply, and the rules.

    By the punches and schedules as they are now. The stored workday follows with the next computation.
    """
    with reading() as session:
        found = find_workday(session, path.workday_id)
        answer = WhyOut.of(explain(session, found, current.how(session)))
    record_lookup("workdays", subject_of(found))
    return answer


def _recorded_page(query: OutliersQuery, filters: WorkdayFilter) -> Answer:
    with reading() as session:
        answer, rows = _page(session, query, filters)
    record_list("workdays", rows)
    return answer


def _page(session: Session, query: OutliersQuery, filters: WorkdayFilter) -> tuple[Answer, int]:
    """A page, and how many rows it has."""
    page = find_workdays(session, filters, query.ordering, size=query.page_size, after=query.cursor(), offset=query.offset)
    rows = _rows(session, page.rows)
    return page_answer(query, count_workdays(session, filters), page.next_cursor, rows), len(rows)


def _rows(session: Session, found: Sequence[Workday]) -> list[dict[str, Any]]:
    names = terminal_names(session)
    return [WorkdayOut.of(each, names[each.terminal_id]) for each in found]
