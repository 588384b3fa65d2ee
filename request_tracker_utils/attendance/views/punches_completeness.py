"""Proof of completeness: for each terminal and day, what the terminal counts against what is stored."""

from datetime import date, timedelta

from flask import Blueprint, render_template, request

from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.punch_completeness import MOST_DAYS, completeness
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.attendance.views.punches import today
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.paging import row_id

DAYS = 14

pages = Blueprint("punch_completeness", __name__, url_prefix="/punches/completeness")


@pages.get("")
@require(AttendancePermission.READ)
def show() -> str:
    """The last two weeks, or other days."""
    last = _day("to") or today()
    earliest = _before(last, MOST_DAYS - 1)
    first = min(max(_day("from") or _before(last, DAYS - 1), earliest), last)
    terminal_id = request.args.get("terminal", type=row_id)
    with reading() as session:
        terminals = terminal_names(session)
        found = completeness(session, [each for each in terminals if terminal_id in (None, each)], first, last)
    values = {"first": first, "last": last, "terminal_id": terminal_id, "terminals": terminals}
    return render_template("attendance/completeness.html", found=found, **values)


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _before(day: date, days: int) -> date:
    return day - timedelta(days=min(days, day.toordinal() - 1))
