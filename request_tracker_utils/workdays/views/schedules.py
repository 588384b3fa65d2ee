"""The form of a staff group's hours."""

from datetime import date, time

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import require
from request_tracker_utils.workdays import schedules
from request_tracker_utils.workdays.current import group_edit
from request_tracker_utils.workdays.group_errors import AlreadyBegun, InvalidGroupField, ScheduleVersionExists
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.schedules import Hours, NewVersion, Version
from request_tracker_utils.workdays.staff_groups import find_group
from request_tracker_utils.workdays.week import WEEK

pages = Blueprint("staff_group_hours", __name__, url_prefix="/workdays/groups/<int:group_id>/hours")
FIELDS = ("valid_from", "valid_until", "grace_minutes", *(f"{side}-{day}" for day in WEEK for side in ("starts", "ends")))
LONGEST_SENT = 30
REFUSED = (AlreadyBegun, InvalidGroupField, ScheduleVersionExists)


@pages.get("/new")
@require(WorkdayPermission.MANAGE)
def new(group_id: int) -> str:
    """The form, with the newest hours of the group."""
    by = group_edit()
    with reading() as session:
        versions = schedules.versions_of(session, [find_group(session, group_id).id])[group_id]
    values = _values(versions[0]) if versions else dict.fromkeys(FIELDS, "")
    return _form(group_id, None, values | {"valid_from": schedules.earliest_day(versions, by).isoformat(), "valid_until": ""}, {})


@pages.post("/new")
@require(WorkdayPermission.MANAGE)
def add(group_id: int) -> ResponseReturnValue:
    """Adds hours from a day on."""
    sent = _sent()
    try:
        with transaction() as session:
            schedules.add_version(session, group_id, _entered(sent), group_edit())
    except REFUSED as error:
        return _form(group_id, None, sent, _errors(error)), error.status
    flash(_("The hours were saved. They begin on %(day)s.", day=sent["valid_from"]), "success")
    return _back(group_id)


@pages.get("/<int:version_id>")
@require(WorkdayPermission.MANAGE)
def edit(group_id: int, version_id: int) -> str:
    """The form of hours that have not begun."""
    with reading() as session:
        row = schedules.find_version(session, group_id, version_id)
        version = next(each for each in schedules.versions_of(session, [group_id])[group_id] if each.row.id == row.id)
    return _form(group_id, version_id, _values(version), {})


@pages.post("/<int:version_id>")
@require(WorkdayPermission.MANAGE)
def change(group_id: int, version_id: int) -> ResponseReturnValue:
    """Changes or deletes hours that have not begun."""
    sent = _sent()
    try:
        with transaction() as session:
            if request.form.get("do") == "delete":
                day = schedules.delete_version(session, group_id, version_id, group_edit())
                said = _("The hours from %(day)s on were deleted.", day=day)
            else:
                schedules.change_version(session, group_id, version_id, _entered(sent), group_edit())
                said = _("The hours were saved. They begin on %(day)s.", day=sent["valid_from"])
    except REFUSED as error:
        return _form(group_id, version_id, sent, _errors(error)), error.status
    flash(said, "success")
    return _back(group_id)


def _form(group_id: int, version_id: int | None, values: dict[str, str], errors: dict[str, str]) -> str:
    with reading() as session:
        group = find_group(session, group_id)
    return render_template("workdays/group-hours.html", group=group, version_id=version_id, values=values, errors=errors, week=WEEK)


def _sent() -> dict[str, str]:
    return {name: request.form.get(name, "").strip()[:LONGEST_SENT] for name in FIELDS}


def _values(version: Version) -> dict[str, str]:
    row = version.row
    values = {"valid_from": f"{row.valid_from}", "valid_until": f"{row.valid_until or ''}", "grace_minutes": f"{row.grace_minutes or ''}"}
    for day in WEEK:
        hours = version.hours.get(day)
        values |= {f"starts-{day}": f"{hours.starts_at:%H:%M}" if hours else "", f"ends-{day}": f"{hours.ends_at:%H:%M}" if hours else ""}
    return values


def _entered(sent: dict[str, str]) -> NewVersion:
    """Raises InvalidGroupField."""
    hours = {}
    for day in WEEK:
        start, end = sent[f"starts-{day}"], sent[f"ends-{day}"]
        if bool(start) != bool(end):
            raise InvalidGroupField(_("Enter when work starts and ends, or neither for a day off."), field="hours")
        if start:
            hours[day] = Hours(_time(start), _time(end))
    grace = sent["grace_minutes"] or "0"
    if not (grace.isascii() and grace.isdigit() and len(grace) < 5):
        raise InvalidGroupField(_("Enter a whole number."), field="grace_minutes")
    until = _day(sent["valid_until"], "valid_until") if sent["valid_until"] else None
    return NewVersion(_day(sent["valid_from"], "valid_from"), hours, int(grace), until)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidGroupField(_("Enter a day, such as 2026-08-03."), field=field) from None


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise InvalidGroupField(_("Enter times in hours and minutes, such as 08:00."), field="hours") from None


def _errors(error: AppError) -> dict[str, str]:
    return {str(error.fields.get("field", "")): error.message}


def _back(group_id: int) -> ResponseReturnValue:
    return redirect(url_for("staff_groups.show", group_id=group_id), 303)
