"""Pages of terminals: all of them with their states, and each one with its history and what can be done."""

from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import history, rounds, service
from request_tracker_utils.attendance.alert_messages import open_alerts
from request_tracker_utils.attendance.completeness import proofs
from request_tracker_utils.attendance.current import contact, limits, terminal_change
from request_tracker_utils.attendance.errors import TerminalBusy, TerminalError, TerminalHasPunches
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.push import pending
from request_tracker_utils.attendance.rounds import RoundTerminal
from request_tracker_utils.attendance.tasks import start_polling
from request_tracker_utils.attendance.terminal_changes import change_terminal, delete_terminal
from request_tracker_utils.attendance.terminal_states import TerminalRow, terminal_row, terminal_rows
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import current_actor, require

pages = Blueprint("terminals", __name__, url_prefix="/terminals")
DAYS = 14
ROWS = 20
REFUSED = (TerminalError, Conflict, Invalid)
"""What is shown on the terminal's page: it does not answer, is busy, was replaced, or its address is not allowed now."""


@pages.get("")
@require(AttendancePermission.READ)
def listed() -> str:
    """All terminals with their states. Without JavaScript the page is as it was when it was opened."""
    with reading() as session:
        rows = terminal_rows(session, utc_now(), limits())
        waiting = sum(each.ignored_at is None for each in pending.all_pending(session))
        alerts = open_alerts(session)
    return render_template("attendance/terminals.html", rows=rows, pending=waiting, alerts=alerts)


@pages.get("/rows")
@require(AttendancePermission.READ)
def rows() -> str:
    """The rows of the list and the open alerts, for a page that is open."""
    with reading() as session:
        found: list[TerminalRow] = terminal_rows(session, utc_now(), limits())
        alerts = open_alerts(session)
    return render_template("attendance/terminal-rows.html", rows=found, alerts=alerts, with_alerts=True)


@pages.post("/poll")
@require(AttendancePermission.POLL)
def poll_all() -> ResponseReturnValue:
    """Starts the task that polls all terminals, and redirects to it."""
    with transaction() as session:
        terminals = rounds.polled(session)
        started = _start(session, terminals) if terminals else None
    if started is None:
        flash(_("All terminals are disabled, or only push."), "warning")
        return redirect(url_for(".listed"), 303)
    return redirect(url_for("tasks.show", task_id=started), 303)


@pages.get("/<int:terminal_id>")
@require(AttendancePermission.READ)
def show(terminal_id: int) -> str:
    """A terminal with its polls, changes, and the days of its log against stored punches."""
    now = utc_now()
    with reading() as session:
        row = terminal_row(session, find_terminal(session, terminal_id), now, limits())
        found = {
            "polls": history.polls(session, terminal_id, limit=ROWS),
            "events": history.events(session, terminal_id, limit=ROWS),
            "readings": history.clock_readings(session, terminal_id, limit=100)[::-1],
            "days": proofs(session, terminal_id, now.date() - timedelta(days=DAYS), now.date() + timedelta(days=1))[::-1],
        }
    return render_template("attendance/terminal.html", row=row, terminal=row.terminal, **found)


@pages.post("/<int:terminal_id>/poll")
@require(AttendancePermission.POLL)
def poll(terminal_id: int) -> ResponseReturnValue:
    """Starts the task that polls a terminal, and redirects to it."""
    with transaction() as session:
        terminal = find_terminal(session, terminal_id)
        is_polled = terminal.enabled and terminal.address is not None
        started = _start(session, [RoundTerminal(terminal.id, terminal.name, terminal.last_sync_at)]) if is_polled else None
    if started is None:
        flash(_("The terminal is disabled, or only pushes."), "warning")
        return _back(terminal_id)
    return redirect(url_for("tasks.show", task_id=started), 303)


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
        flash(_("The terminal answers. Serial number: %(number)s, users: %(users)s, records: %(records)s.", **values), "success")
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
        flash(_("The clock was set. The next poll reads it."), "success")
    return _back(terminal_id)


@pages.post("/<int:terminal_id>/accept-replacement")
@require(AttendancePermission.MANAGE)
def accept_replacement(terminal_id: int) -> ResponseReturnValue:
    """Accepts the other terminal at this address as the replacement."""
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


def _start(session: Session, terminals: Sequence[RoundTerminal]) -> int:
    return start_polling(session, terminals, full=False, actor=current_actor(), now=utc_now())


def _back(terminal_id: int) -> ResponseReturnValue:
    return redirect(url_for(".show", terminal_id=terminal_id), 303)
