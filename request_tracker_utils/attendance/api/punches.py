"""JSON routes of punches as the terminals have recorded them."""

from dataclasses import replace
from typing import Any

from flask_openapi3 import APIBlueprint, Tag
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.effective import effective_at, repair_seconds
from request_tracker_utils.attendance.people import person_of_account
from request_tracker_utils.attendance.people_errors import PersonNotFound
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.punch_completeness import MOST_DAYS, completeness, state_of
from request_tracker_utils.attendance.punch_counts import PunchCounts
from request_tracker_utils.attendance.punch_list import PunchFilter, count_punches, find_punches
from request_tracker_utils.attendance.schemas.punches import CompletenessQuery, DayList, PunchesQuery, PunchOut, PunchPage
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require, signed_in
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import page_answer
from request_tracker_utils.web.registry import registry

PUNCHES = Tag(name="punches", description="What terminals for time and attendance have recorded. Attendance is personal data.")

api = APIBlueprint("punches_api", __name__, abp_tags=[PUNCHES])


@api.get("/api/raw-attendance/", responses={200: PunchPage})
@require(AttendancePermission.READ)
def raw_attendance(query: PunchesQuery) -> Answer:
    """List punches as they were recorded, newest first unless sorted otherwise.

    They never change. `next` has a cursor with which deep pages are as fast as the first.
    """
    with reading() as session:
        answer, rows = _page(session, query, query.filters())
    record_list("punches", rows)
    return answer


@api.get("/api/raw-attendance/mine/", responses={200: PunchPage})
@signed_in
@may_raise(PersonNotFound)
def my_raw_attendance(query: PunchesQuery) -> Answer:
    """List the punches of the person to whom your account is linked."""
    with reading() as session:
        person = person_of_account(session, current_actor().user_id)
        if person is None:
            raise PersonNotFound(_("Your account is not linked to a person with punches. Ask an administrator to link it."))
        answer, _rows = _page(session, query, replace(query.filters(), person_id=person.id))
    return answer


def _page(session: Session, query: PunchesQuery, filters: PunchFilter) -> tuple[Answer, int]:
    """A page, and how many rows it has."""
    page = find_punches(session, filters, query.ordering, size=query.page_size, after=query.cursor(), offset=query.offset)
    count = count_punches(session, filters, registry().get(PunchCounts))
    names, seconds = terminal_names(session), repair_seconds(session, [punch.id for punch in page.rows])
    rows = [PunchOut.of(each, names[each.terminal_id], effective_at(each, seconds.get(each.id, 0))) for each in page.rows]
    return page_answer(query, count, page.next_cursor, rows), len(rows)


@api.get("/api/punch-completeness/", responses={200: DayList})
@require(AttendancePermission.READ)
@may_raise(Invalid)
def punch_completeness(query: CompletenessQuery) -> list[dict[str, Any]]:
    """Compare what terminals count with what is stored, by terminal and day.

    Days on which the log of a terminal was not read completely are left out. Terminals that only push do not report counts per day.
    """
    if not 0 <= (query.end_date - query.start_date).days < MOST_DAYS:
        raise Invalid(_("Choose at most %(days)s days.", days=MOST_DAYS), field="end_date")
    with reading() as session:
        names = terminal_names(session)
        found = completeness(session, [each for each in names if query.device in (None, each)], query.start_date, query.end_date)
    return [
        {
            "device": proof.terminal_id,
            "device_name": names[proof.terminal_id],
            "date": day.day.isoformat(),
            "records": day.records,
            "stored": day.stored,
            "missing": day.missing,
            "state": state_of(day),
        }
        for proof in found
        for day in proof.days
    ]
