"""Staff groups and calendars for a showroom, with something to show on each of their pages."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.calendars import history, holidays, service
from request_tracker_utils.calendars.changes import CalendarChanges
from request_tracker_utils.calendars.feature import feature
from request_tracker_utils.calendars.history import CalendarEdit
from request_tracker_utils.calendars.holidays import HolidayFilter
from request_tracker_utils.calendars.service import NewHoliday
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.workdays import group_members, schedules, staff_groups
from request_tracker_utils.workdays.schedules import Hours, NewVersion
from request_tracker_utils.workdays.staff_groups import GroupEdit

AGO, AHEAD = timedelta(days=30), timedelta(days=10)


def group_pages(app: Flask, actor: Actor) -> dict[str, str]:
    """Fills the app, which has people. Name → path of each page."""
    now = utc_now()
    with app.app_context():
        assert feature.demo is not None
        feature.demo.fill()
        with transaction() as session:
            people = session.scalars(select(AttendancePerson.id).order_by(AttendancePerson.name_key)).all()
            by = CalendarEdit(actor, now, CalendarChanges())
            drivers = service.create_calendar(session, "Bus drivers", by).id
            first = now.date().replace(day=1)
            service.add_holiday(session, drivers, NewHoliday("Maintenance", first, first + timedelta(days=2)), by)
            service.delete_calendar(session, service.create_calendar(session, "Band camp", by).id, by)
            history.undo(session, history.list_changes(session, limit=1)[0].id, by)
            holiday = holidays.holidays_of(session, HolidayFilter(holidays.default_calendar(session).id))[0].id
    group_id, version_id = _custodians(app, people, actor, now)
    return {
        "calendars": "/calendars",
        "calendar": f"/calendars/{drivers}",
        "calendar-none": "/calendars?year=1990",
        "calendar-import": "/calendars/1/import",
        "calendar-changes": "/calendars/changes",
        "holiday": f"/calendars/holidays/{holiday}",
        "staff-groups": "/workdays/groups",
        "staff-group": f"/workdays/groups/{group_id}",
        "staff-group-hours": f"/workdays/groups/{group_id}/hours/{version_id}",
        "staff-group-hours-new": f"/workdays/groups/{group_id}/hours/new",
    }


def _custodians(app: Flask, people: Sequence[int], actor: Actor, now: datetime) -> tuple[int, int]:
    """A group with night shifts, with other hours and members to come. The IDs of the group and of these hours."""
    nights = {day: Hours(time(22), time(6)) for day in range(5)}
    evenings = {day: Hours(time(14), time(22, 30)) for day in range(5)} | {5: Hours(time(9), time(13))}
    then, today = GroupEdit(actor, now, (now - AGO).date()), GroupEdit(actor, now, now.date())
    with app.app_context(), transaction() as session:
        group_id = staff_groups.create_group(session, "Custodians", "High school and middle school.", then).id
        schedules.add_version(session, group_id, NewVersion(then.today, nights, 5), then)
        later = schedules.add_version(session, group_id, NewVersion(today.today + AHEAD, evenings, 10), today).id
        group_members.assign(session, group_id, people[-3:], then.tomorrow, then)
        group_members.assign(session, group_id, people[:1], today.tomorrow, today)
        return group_id, later
