"""JSON routes of punches as the terminals have recorded them."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.attendance.effective import effective_at, repair_seconds
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.punch_counts import PunchCounts
from request_tracker_utils.attendance.punch_list import count_punches, find_punches
from request_tracker_utils.attendance.schemas.punches import PunchesQuery, PunchOut, PunchPage
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
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
        page = find_punches(session, query.filters(), query.ordering, size=query.page_size, after=query.cursor(), offset=query.offset)
        count = count_punches(session, query.filters(), registry().get(PunchCounts))
        names, seconds = terminal_names(session), repair_seconds(session, [punch.id for punch in page.rows])
    record_list("punches", len(page.rows))
    rows = [PunchOut.of(each, names[each.terminal_id], effective_at(each, seconds.get(each.id, 0))) for each in page.rows]
    return page_answer(query, count, page.next_cursor, rows)
