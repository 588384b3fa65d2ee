"""Pages of terminals: all of them with their states, and each one with its history and what can be done."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance import history, service
from request_tracker_utils.attendance.completeness import proofs
from request_tracker_utils.attendance.current import contact, poller, terminal_change
from request_tracker_utils.attendance.errors import TerminalBusy, TerminalError, TerminalHasPunches
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.terminal_changes import change_terminal, delete_terminal
from request_tracker_utils.attendance.terminal_states import terminal_row
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.auth import current_actor, require

pages = Blueprint("terminals", __name__, url_prefix="/terminals")
DAYS = 14
ROWS = 20
REFUSED = (TerminalError, Conflict, Invalid)
"""What is shown on the terminal's page: it does not answer, is busy, was replaced, or its address is not allowed any more."""


@pages.get("")
@require(AttendancePermission.READ)
def listed() -> str:
    """All terminals with their states."""
    now = utc_now()
    with reading() as session:
        rows = [terminal_row(session, each, now) for each in service.all_terminals(session)]
    return render_template("attendance/terminals.html", rows=rows)


@pages.get("/<int:terminal_id>")
@require(AttendancePermission.READ)
def show(terminal_id: int) -> str:
    """A terminal with its polls, changes, and the days of its log against stored punches."""
    now = utc_now()
    with reading() as session:
        row = terminal_row(session, find_terminal(session, terminal_id), now)
        found = {
            "polls": history.polls(session, terminal_id, limit=ROWS),
            "events": history.events(session, terminal_id, limit=ROWS),
            "readings": history.clock_readings(session, terminal_id, limit=100),
            "days": proofs(session, terminal_id, now.date() - timedelta(days=DAYS), now.date() + timedelta(days=1))[::-1],
        }
    return render_template("attendance/terminal.html", row=row, terminal=row.terminal, **found)


@pages.post("/<int:terminal_id>/poll")
@require(AttendancePermission.POLL)
def poll(terminal_id: int) -> ResponseReturnValue:
    """Polls a terminal now."""
    try:
        result = poller().poll(terminal_id, started_by=current_actor().name)
    except REFUSED as error:
        flash(error.message, "danger")
    else:
        flash(
            ngettext("%(count)s new punch was stored.", "%(count)s new punches were stored.", result.new_punches, count=result.new_punches),
            "success",
        )
    return _back(terminal_id)


@pages.post("/<int:terminal_id>/test")
@require(AttendancePermission.POLL)
def test(terminal_id: int) -> ResponseReturnValue:
    """Asks a terminal what it is."""
    try:
        _terminal, found = contact().test(terminal_id)
    except REFUSED as error:
        flash(error.message, "danger")
    else:
        values = {"number": found.serial_number or "–", "users": found.users, "records": found.records}
        flash(_("The terminal answers. Serial number %(number)s, %(users)s users, %(records)s records.", **values), "success")
    return _back(terminal_id)


@pages.post("/<int:terminal_id>/clock")
@require(AttendancePermission.MANAGE)
def set_clock(terminal_id: int) -> ResponseReturnValue:
    """Sets the clock of a terminal."""
    try:
        contact().set_clock(terminal_id, current_actor())
    except REFUSED as error:
        flash(error.message, "danger")
    else:
        flash(_("The clock was set."), "success")
    return _back(terminal_id)


@pages.post("/<int:terminal_id>/accept-replacement")
@require(AttendancePermission.MANAGE)
def accept_replacement(terminal_id: int) -> ResponseReturnValue:
    """The other terminal at this address is the replacement."""
    try:
        with transaction() as session:
            service.accept_replacement(session, terminal_id, actor=current_actor(), now=utc_now())
    except Conflict as error:
        flash(error.message, "danger")
    else:
        flash(_("The replacement was accepted. Its records are stored with the next poll."), "success")
    return _back(terminal_id)


@pages.post("/<int:terminal_id>/enable", defaults={"enabled": True})
@pages.post("/<int:terminal_id>/disable", defaults={"enabled": False})
@require(AttendancePermission.MANAGE)
def set_enabled(terminal_id: int, enabled: bool) -> ResponseReturnValue:
    """Whether a terminal is polled and may push."""
    try:
        with transaction() as session:
            change_terminal(session, terminal_id, {"enabled": enabled}, terminal_change())
    except Conflict as error:
        flash(error.message, "danger")
    return _back(terminal_id)


@pages.post("/<int:terminal_id>/delete")
@require(AttendancePermission.MANAGE)
def delete(terminal_id: int) -> ResponseReturnValue:
    """Deletes a terminal without punches."""
    try:
        with transaction() as session:
            name = delete_terminal(session, terminal_id, terminal_change())
    except (TerminalBusy, TerminalHasPunches) as error:
        flash(error.message, "danger")
        return _back(terminal_id)
    flash(_("The terminal %(name)s was deleted.", name=name), "success")
    return redirect(url_for(".listed"), 303)


def _back(terminal_id: int) -> ResponseReturnValue:
    return redirect(url_for(".show", terminal_id=terminal_id), 303)
