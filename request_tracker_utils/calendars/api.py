"""JSON routes of calendars and holidays."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.calendars import history, holidays, service
from request_tracker_utils.calendars.current import calendar_edit
from request_tracker_utils.calendars.errors import (
    CalendarChangedSince,
    CalendarChangeNotFound,
    CalendarExists,
    CalendarNotFound,
    DefaultCalendar,
    HolidayNotFound,
    HolidayOverlaps,
    InvalidCalendarField,
)
from request_tracker_utils.calendars.holidays import HolidayFilter
from request_tracker_utils.calendars.permissions import CalendarPermission
from request_tracker_utils.calendars.schemas import (
    CalendarChangeOut,
    CalendarChangePath,
    CalendarChangeRows,
    CalendarChangesQuery,
    CalendarIn,
    CalendarList,
    CalendarMessage,
    CalendarOut,
    CalendarPatch,
    CalendarPath,
    HolidayIn,
    HolidayOut,
    HolidayPage,
    HolidayPatch,
    HolidayPath,
    HolidaysQuery,
)
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import page_answer, plain_list

CALENDARS = Tag(name="calendars", description="Calendars and their holidays.")
ALL, HOLIDAYS, CHANGES = "/api/calendars/", "/api/holidays/", "/api/calendar-changes/"
ONE, HOLIDAY = f"{ALL}<int:calendar_id>", f"{HOLIDAYS}<int:holiday_id>"

api = APIBlueprint("calendars_api", __name__, abp_tags=[CALENDARS])


@api.get(ALL, responses={200: CalendarList})
@require(CalendarPermission.READ)
def list_calendars() -> Answer:
    """List all calendars, the default first."""
    with reading() as session:
        rows = [CalendarOut.of(each) for each in holidays.all_calendars(session)]
    return {"count": len(rows), "next": None, "previous": None, "results": rows}


@api.post(ALL, responses={201: CalendarOut})
@require(CalendarPermission.MANAGE)
@may_raise(CalendarExists, InvalidCalendarField)
def add_calendar(body: CalendarIn) -> Answer:
    """Add a calendar."""
    with transaction() as session:
        return CalendarOut.of(service.create_calendar(session, body.name, calendar_edit())), 201


@api.get(ONE, responses={200: CalendarOut})
@require(CalendarPermission.READ)
@may_raise(CalendarNotFound, NotFound)
def get_calendar(path: CalendarPath) -> Answer:
    """Get a calendar."""
    with reading() as session:
        return CalendarOut.of(holidays.find_calendar(session, path.calendar_id))


@api.patch(ONE, responses={200: CalendarOut})
@require(CalendarPermission.MANAGE)
@may_raise(CalendarExists, CalendarNotFound, InvalidCalendarField, NotFound)
def change_calendar(path: CalendarPath, body: CalendarPatch) -> Answer:
    """Rename a calendar, or make it the default."""
    with transaction() as session:
        return CalendarOut.of(service.change_calendar(session, path.calendar_id, body.name, body.is_default, calendar_edit()))


@api.delete(ONE, responses={200: CalendarMessage})
@require(CalendarPermission.MANAGE)
@may_raise(CalendarNotFound, DefaultCalendar, NotFound)
def delete_calendar(path: CalendarPath) -> Answer:
    """Delete a calendar with its holidays, except for the default one."""
    with transaction() as session:
        name = service.delete_calendar(session, path.calendar_id, calendar_edit())
    return {"message": _("The calendar %(name)s was deleted.", name=name)}


@api.get(HOLIDAYS, responses={200: HolidayPage})
@require(CalendarPermission.READ)
def list_holidays(query: HolidaysQuery) -> Answer:
    """List holidays by their first day."""
    chosen = HolidayFilter(query.calendar, query.start_date, query.end_date)
    with reading() as session:
        page = holidays.list_holidays(session, chosen, size=query.page_size, after=query.cursor(), offset=query.offset)
        count = holidays.count_holidays(session, chosen)
    return page_answer(query, count, page.next_cursor, [HolidayOut.of(each) for each in page.rows])


@api.post(HOLIDAYS, responses={201: HolidayOut})
@require(CalendarPermission.MANAGE)
@may_raise(CalendarNotFound, HolidayOverlaps, InvalidCalendarField)
def add_holiday(body: HolidayIn) -> Answer:
    """Add a holiday."""
    with transaction() as session:
        calendar_id = body.calendar or holidays.default_calendar(session).id
        return HolidayOut.of(service.add_holiday(session, calendar_id, body.entered(), calendar_edit())), 201


@api.get(HOLIDAY, responses={200: HolidayOut})
@require(CalendarPermission.READ)
@may_raise(HolidayNotFound, NotFound)
def get_holiday(path: HolidayPath) -> Answer:
    """Get a holiday."""
    with reading() as session:
        return HolidayOut.of(holidays.find_holiday(session, path.holiday_id))


@api.patch(HOLIDAY, responses={200: HolidayOut})
@require(CalendarPermission.MANAGE)
@may_raise(HolidayNotFound, HolidayOverlaps, InvalidCalendarField, NotFound)
def change_holiday(path: HolidayPath, body: HolidayPatch) -> Answer:
    """Change some fields of a holiday, also of past days."""
    with transaction() as session:
        return HolidayOut.of(service.change_holiday(session, path.holiday_id, body.fields(), calendar_edit()))


@api.delete(HOLIDAY, responses={200: CalendarMessage})
@require(CalendarPermission.MANAGE)
@may_raise(HolidayNotFound, NotFound)
def delete_holiday(path: HolidayPath) -> Answer:
    """Delete a holiday."""
    with transaction() as session:
        name = service.delete_holiday(session, path.holiday_id, calendar_edit())
    return {"message": _("The holiday %(name)s was deleted.", name=name)}


@api.get(CHANGES, responses={200: CalendarChangeRows})
@require(CalendarPermission.READ)
def list_changes(query: CalendarChangesQuery) -> Any:
    """List who changed what, newest first."""
    with reading() as session:
        found = history.list_changes(session, limit=query.limit + 1, before_id=query.before_id)
    return plain_list([CalendarChangeOut.of(each) for each in found], limit=query.limit)


@api.post(f"{CHANGES}<int:change_id>/undo", responses={200: CalendarChangeOut})
@require(CalendarPermission.MANAGE)
@may_raise(CalendarChangedSince, CalendarChangeNotFound, NotFound)
def undo_change(path: CalendarChangePath) -> Answer:
    """Undo a change, unless what it changed has been changed again."""
    with transaction() as session:
        return CalendarChangeOut.of(history.undo(session, path.change_id, calendar_edit()))
