"""Importing holidays from an iCalendar file: its all-day events are previewed, and those that a person selects are added."""

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.calendars import service
from request_tracker_utils.calendars.current import calendar_edit
from request_tracker_utils.calendars.errors import HolidayOverlaps, InvalidCalendarField, InvalidCalendarFile
from request_tracker_utils.calendars.holidays import HolidayFilter, find_calendar, holidays_of
from request_tracker_utils.calendars.ics import MAX_EVENTS, FileContent, read_file
from request_tracker_utils.calendars.permissions import CalendarPermission
from request_tracker_utils.calendars.service import NewHoliday
from request_tracker_utils.calendars.year import year_of
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.auth import require

pages = Blueprint("holiday_imports", __name__, url_prefix="/calendars")


@dataclass(frozen=True)
class PreviewRow:
    holiday: NewHoliday
    is_known: bool

    @property
    def value(self) -> str:
        return f"{self.holiday.first_day} {self.holiday.last_day} {self.holiday.name}"


@pages.get("/<int:calendar_id>/import")
@require(CalendarPermission.MANAGE)
def form(calendar_id: int) -> str:
    """The form for a file."""
    return _page(calendar_id)


@pages.post("/<int:calendar_id>/import")
@require(CalendarPermission.MANAGE)
def preview(calendar_id: int) -> ResponseReturnValue:
    """Shows what the file contains. Nothing is stored."""
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise InvalidCalendarFile(_("Choose a file."), field="file")
        content = read_file(file.read())
    except InvalidCalendarFile as error:
        return _page(calendar_id, error=error.message), error.status
    return _page(calendar_id, content)


@pages.post("/<int:calendar_id>/import/add")
@require(CalendarPermission.MANAGE)
def add(calendar_id: int) -> ResponseReturnValue:
    """Adds the holidays that were selected, as one change."""
    try:
        new = [_parsed(each) for each in request.form.getlist("holiday")[:MAX_EVENTS]]
        with transaction() as session:
            count = service.add_holidays(session, calendar_id, new, calendar_edit())
    except (InvalidCalendarField, HolidayOverlaps) as error:
        flash(error.message, "danger")
        return redirect(url_for(".form", calendar_id=calendar_id), 303)
    flash(ngettext("%(num)s holiday was added.", "%(num)s holidays were added.", count), "success" if count else "warning")
    year = year_of(min(each.first_day for each in new)) if new else None
    return redirect(url_for("calendars.show", calendar_id=calendar_id, year=year), 303)


def _page(calendar_id: int, content: FileContent | None = None, error: str = "") -> str:
    with reading() as session:
        calendar, known = find_calendar(session, calendar_id), holidays_of(session, HolidayFilter(calendar_id))
    found = content.holidays if content else []
    rows = [PreviewRow(each, service.is_known(known, each)) for each in sorted(found, key=lambda each: (each.first_day, each.name))]
    new = sum(not each.is_known for each in rows)
    return render_template("calendars/import.html", calendar=calendar, content=content, rows=rows, new=new, error=error)


def _parsed(text: str) -> NewHoliday:
    """Raises InvalidCalendarField."""
    try:
        first, last, name = text.split(" ", 2)
        return NewHoliday(name, date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        raise InvalidCalendarField(_("Select the holidays again."), field="holiday") from None
