"""Pages of calendars: a school year at a glance, the calendars themselves, and who changed what."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.calendars import history, service, year
from request_tracker_utils.calendars.current import calendar_edit, today
from request_tracker_utils.calendars.errors import CalendarChangedSince, CalendarExists, DefaultCalendar, InvalidCalendarField
from request_tracker_utils.calendars.holidays import (
    HolidayFilter,
    all_calendars,
    default_calendar,
    find_calendar,
    holidays_of,
    named_days,
)
from request_tracker_utils.calendars.models import CalendarChange
from request_tracker_utils.calendars.permissions import CalendarPermission
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.paging import row_id

pages = Blueprint("calendars", __name__, url_prefix="/calendars")
PAGE_SIZE = 50
REFUSED = (CalendarExists, DefaultCalendar, InvalidCalendarField)
KINDS = {
    CalendarChange.CREATED: gettext_noop("Calendar created"),
    CalendarChange.RENAMED: gettext_noop("Calendar renamed"),
    CalendarChange.DEFAULT: gettext_noop("Became the default"),
    CalendarChange.DELETED: gettext_noop("Calendar deleted"),
    CalendarChange.HOLIDAY_ADDED: gettext_noop("Holiday added"),
    CalendarChange.HOLIDAY_CHANGED: gettext_noop("Holiday changed"),
    CalendarChange.HOLIDAY_DELETED: gettext_noop("Holiday deleted"),
    CalendarChange.IMPORTED: gettext_noop("Holidays imported"),
}


@pages.get("")
@require(CalendarPermission.READ)
def default() -> str:
    """The default calendar."""
    with reading() as session:
        calendar_id = default_calendar(session).id
    return year_page(calendar_id)


@pages.get("/<int:calendar_id>")
@require(CalendarPermission.READ)
def show(calendar_id: int) -> str:
    """A school year of a calendar."""
    return year_page(calendar_id)


@pages.post("")
@require(CalendarPermission.MANAGE)
def create() -> ResponseReturnValue:
    """Adds a calendar."""
    try:
        with transaction() as session:
            calendar = service.create_calendar(session, request.form.get("name", ""), calendar_edit())
    except REFUSED as error:
        flash(error.message, "danger")
        return redirect(url_for(".default"), 303)
    flash(_("The calendar %(name)s was added.", name=calendar.name), "success")
    return redirect(url_for(".show", calendar_id=calendar.id), 303)


@pages.post("/<int:calendar_id>")
@require(CalendarPermission.MANAGE)
def change(calendar_id: int) -> ResponseReturnValue:
    """Renames a calendar, makes it the default, or deletes it."""
    do, by = request.form.get("do", "rename"), calendar_edit()
    try:
        with transaction() as session:
            if do == "delete":
                said = _(
                    "The calendar %(name)s was deleted. You can undo this under Changes.",
                    name=service.delete_calendar(session, calendar_id, by),
                )
            elif do == "default":
                said = _("%(name)s is the default calendar now.", name=service.make_default(session, calendar_id, by).name)
            else:
                name = service.rename_calendar(session, calendar_id, request.form.get("name", ""), by).name
                said = _("The calendar %(name)s was saved.", name=name)
    except REFUSED as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", calendar_id=calendar_id), 303)
    flash(said, "success")
    return redirect(url_for(".default") if do == "delete" else url_for(".show", calendar_id=calendar_id), 303)


@pages.get("/changes")
@require(CalendarPermission.READ)
def changes() -> str:
    """Who changed what, newest first."""
    before = request.args.get("before", type=row_id)
    with reading() as session:
        found = history.list_changes(session, limit=PAGE_SIZE + 1, before_id=before)
    more = len(found) > PAGE_SIZE
    return render_template("calendars/changes.html", found=found[:PAGE_SIZE], more=more, before=before, kinds=KINDS)


@pages.post("/changes/<int:change_id>/undo")
@require(CalendarPermission.MANAGE)
def undo(change_id: int) -> ResponseReturnValue:
    """Undoes a change."""
    try:
        with transaction() as session:
            history.undo(session, change_id, calendar_edit())
        flash(_("The change was undone."), "success")
    except CalendarChangedSince as error:
        flash(error.message, "danger")
    return redirect(url_for(".changes"), 303)


def year_page(calendar_id: int, form: dict[str, str] | None = None, errors: dict[str, str] | None = None) -> str:
    """A school year of a calendar, with the form of a holiday as it was sent."""
    chosen = request.args.get("year", year.year_of(today()), type=int)
    chosen = min(max(chosen, year.FIRST_YEAR), year.LAST_YEAR)
    first, last = year.days_of(chosen)
    with reading() as session:
        calendar = find_calendar(session, calendar_id)
        found = holidays_of(session, HolidayFilter(calendar_id, first, last))
        calendars = all_calendars(session)
    months = year.months_of(chosen, named_days(found, first, last), today())
    values = {"calendar": calendar, "calendars": calendars, "holidays": found, "months": months, "year": chosen}
    years = {"first_year": year.FIRST_YEAR, "last_year": year.LAST_YEAR, "this_year": year.year_of(today())}
    return render_template("calendars/year.html", form=form or {}, errors=errors or {}, **values, **years)
