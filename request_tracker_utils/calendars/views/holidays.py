"""The forms of a holiday: add, change and delete it."""

from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.calendars import service
from request_tracker_utils.calendars.current import calendar_edit
from request_tracker_utils.calendars.errors import HolidayOverlaps, InvalidCalendarField
from request_tracker_utils.calendars.holidays import find_calendar, find_holiday
from request_tracker_utils.calendars.models import Holiday
from request_tracker_utils.calendars.permissions import CalendarPermission
from request_tracker_utils.calendars.service import HolidayFields, NewHoliday
from request_tracker_utils.calendars.views.calendars import year_page
from request_tracker_utils.calendars.year import year_of
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import require

pages = Blueprint("holidays", __name__, url_prefix="/calendars")
FIELDS = ("name", "first_day", "last_day")
LONGEST_SENT = 300
REFUSED = (HolidayOverlaps, InvalidCalendarField)


@pages.post("/<int:calendar_id>/holidays")
@require(CalendarPermission.MANAGE)
def add(calendar_id: int) -> ResponseReturnValue:
    """Adds a holiday. Without a last day, it has one day."""
    sent = _sent()
    try:
        with transaction() as session:
            holiday = service.add_holiday(session, calendar_id, _entered(sent), calendar_edit())
    except REFUSED as error:
        return year_page(calendar_id, sent, _errors(error)), error.status
    flash(_("%(name)s was added.", name=holiday.name), "success")
    return _back(calendar_id, holiday.first_day)


@pages.get("/holidays/<int:holiday_id>")
@require(CalendarPermission.MANAGE)
def edit(holiday_id: int) -> str:
    """The form of a holiday."""
    with reading() as session:
        holiday = find_holiday(session, holiday_id)
    return _form(holiday, {name: str(getattr(holiday, name)) for name in FIELDS}, {})


@pages.post("/holidays/<int:holiday_id>")
@require(CalendarPermission.MANAGE)
def change(holiday_id: int) -> ResponseReturnValue:
    """Changes or deletes a holiday, also of past days."""
    sent = _sent()
    with reading() as session:
        holiday = find_holiday(session, holiday_id)
    try:
        with transaction() as session:
            if request.form.get("do") == "delete":
                name = service.delete_holiday(session, holiday_id, calendar_edit())
                said = _("%(name)s was deleted. You can undo this under Changes.", name=name)
            else:
                new = _entered(sent)
                fields = HolidayFields(new.name, new.first_day, new.last_day)
                holiday = service.change_holiday(session, holiday_id, fields, calendar_edit())
                said = _("%(name)s was saved.", name=holiday.name)
    except REFUSED as error:
        return _form(holiday, sent, _errors(error)), error.status
    flash(said, "success")
    return _back(holiday.calendar_id, holiday.first_day)


def _form(holiday: Holiday, values: dict[str, str], errors: dict[str, str]) -> str:
    with reading() as session:
        calendar = find_calendar(session, holiday.calendar_id)
    return render_template("calendars/holiday.html", holiday=holiday, calendar=calendar, form=values, errors=errors)


def _sent() -> dict[str, str]:
    return {name: request.form.get(name, "").strip()[:LONGEST_SENT] for name in FIELDS}


def _entered(sent: dict[str, str]) -> NewHoliday:
    """Raises InvalidCalendarField."""
    first = _day(sent["first_day"], "first_day")
    return NewHoliday(sent["name"], first, _day(sent["last_day"], "last_day") if sent["last_day"] else first)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidCalendarField(_("Enter a day, such as 2026-09-07."), field=field) from None


def _errors(error: AppError) -> dict[str, str]:
    return {str(error.fields.get("field", "name")): error.message}


def _back(calendar_id: int, day: date) -> ResponseReturnValue:
    return redirect(url_for("calendars.show", calendar_id=calendar_id, year=year_of(day)), 303)
