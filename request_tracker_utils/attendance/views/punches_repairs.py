"""Repairs of clocks: a form, a preview of the punches before and after, and what was repaired."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance import clock_repairs
from request_tracker_utils.attendance.clock_repairs import NewRepair, Preview, parse_offset
from request_tracker_utils.attendance.effective import effective_local
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.punch_errors import ClockRepairOverlaps, InvalidClockRepair
from request_tracker_utils.attendance.terminal_names import terminal_names, user_names
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import row_id

PAGE_SIZE = 50
FIELDS = ("terminal", "first_punch", "last_punch", "offset", "reason")

pages = Blueprint("clock_repairs", __name__, url_prefix="/punches/clock-repairs")


@pages.get("")
@require(AttendancePermission.READ)
def listed() -> str:
    """All repairs, and the form of a new one."""
    return _page()


@pages.get("/preview")
@require(AttendancePermission.MANAGE)
def preview() -> ResponseReturnValue:
    """Which punches would move, and to when. Nothing is changed."""
    sent = {name: request.args.get(name, "").strip() for name in FIELDS}
    try:
        new = _entered(sent)
        with reading() as session:
            found = clock_repairs.preview(session, new)
            users = user_names(session, found.punches)
    except (InvalidClockRepair, ClockRepairOverlaps) as error:
        return _page(sent=sent, errors={error.fields.get("field", "offset"): error.message}), error.status
    record_list("punches", len(found.punches))
    return _page(sent=sent, found=found, new=new, rows=_rows(found, new.seconds, users))


@pages.post("")
@require(AttendancePermission.MANAGE)
def apply() -> ResponseReturnValue:
    """Moves the punches."""
    sent = {name: request.form.get(name, "").strip() for name in FIELDS}
    try:
        with transaction() as session:
            repair = clock_repairs.apply(session, _entered(sent), actor=current_actor(), now=utc_now())
    except (InvalidClockRepair, ClockRepairOverlaps) as error:
        return _page(sent=sent, errors={error.fields.get("field", "offset"): error.message}), error.status
    flash(_("Repair %(id)s was applied.", id=repair.id), "success")
    return redirect(url_for(".listed"), 303)


@pages.post("/<int:repair_id>/reverse")
@require(AttendancePermission.MANAGE)
def reverse(repair_id: int) -> ResponseReturnValue:
    """The punches have their own times again."""
    try:
        with transaction() as session:
            clock_repairs.reverse(session, repair_id, actor=current_actor(), now=utc_now())
    except Conflict as error:
        return _page(errors={"reverse": error.message}), error.status
    flash(_("Repair %(id)s was reversed.", id=repair_id), "success")
    return redirect(url_for(".listed"), 303)


def _page(**more: Any) -> str:
    before = request.args.get("before", type=row_id)
    with reading() as session:
        repairs = clock_repairs.list_repairs(session, limit=PAGE_SIZE + 1, before=before)
        names = terminal_names(session)
    values = {"sent": {name: request.args.get(name, "") for name in FIELDS}, "errors": {}, "found": None, "new": None, "rows": [], **more}
    shown, has_more = repairs[:PAGE_SIZE], len(repairs) > PAGE_SIZE
    return render_template("attendance/clock-repairs.html", repairs=shown, more=has_more, before=before, terminals=names, **values)


def _entered(sent: dict[str, str]) -> NewRepair:
    """Raises InvalidClockRepair."""
    ids: dict[str, int] = {}
    for name in ("terminal", "first_punch", "last_punch"):
        try:
            ids[name] = row_id(sent[name].removeprefix("#"))
        except ValueError:
            raise InvalidClockRepair(_("Choose one."), field=name) from None
    return NewRepair(ids["terminal"], ids["first_punch"], ids["last_punch"], parse_offset(sent["offset"]), sent["reason"])


def _rows(found: Preview, seconds: int, users: dict[tuple[int, str], str]) -> list[tuple[Any, ...]]:
    """Each punch with its name, before and after."""
    return [
        (each, users.get((each.terminal_id, each.user_id), ""), effective_local(each, 0), effective_local(each, seconds))
        for each in found.punches
    ]
