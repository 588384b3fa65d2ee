"""The page that computes the workdays of a range again."""

from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.registry import settings
from request_tracker_utils.workdays.errors import InvalidDays
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.ranges import check_range
from request_tracker_utils.workdays.tasks import start_computing

pages = Blueprint("workdays_processing", __name__, url_prefix="/workdays/compute")


@pages.get("")
@require(WorkdayPermission.MANAGE)
def form() -> str:
    """This month, unless others were entered."""
    today = utc_now().astimezone(settings().zone).date()
    return _form({"start_date": today.replace(day=1).isoformat(), "end_date": today.isoformat()}, {})


@pages.post("")
@require(WorkdayPermission.MANAGE)
def start() -> ResponseReturnValue:
    """Starts the task."""
    values = {name: request.form.get(name, "").strip() for name in ("start_date", "end_date")}
    now = utc_now()
    try:
        first, last = (_day(name, value) for name, value in values.items())
        first, last = check_range(first, last, today=now.astimezone(settings().zone).date())
    except InvalidDays as error:
        return _form(values, {error.fields["field"]: error.message}), error.status
    with transaction() as session:
        started = start_computing(session, first, last, actor=current_actor(), now=now)
    return redirect(url_for("tasks.show", task_id=started), 303)


def _form(values: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("workdays/compute.html", values=values, errors=errors)


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise InvalidDays(_("Enter a date such as 2026-03-02."), field=name) from None
