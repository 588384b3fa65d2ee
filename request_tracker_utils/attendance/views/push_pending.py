"""Terminals that push: those that wait until somebody accepts them, and those that were accepted."""

from dataclasses import dataclass, field

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance import service
from request_tracker_utils.attendance.current import encrypt_push_key
from request_tracker_utils.attendance.errors import InvalidTerminalField, TerminalExists, TerminalNotFound
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.push import pending
from request_tracker_utils.attendance.push.errors import PendingTerminalNotFound, TerminalPushesAlready
from request_tracker_utils.attendance.push.pending import Change
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import row_id
from request_tracker_utils.web.registry import settings

LONGEST_SENT = 1_000
"""Characters of a field that are shown again beside its error."""
FIELDS = ("name", "site", "timezone", "terminal_id", "push_key")

pages = Blueprint("push_pending", __name__, url_prefix="/terminals/pending")


@dataclass(frozen=True)
class Failed:
    """A form that was refused: of which row, what was entered, and the error of a field or of all."""

    row: str = ""
    do: str = ""
    sent: dict[str, str] = field(default_factory=dict)
    message: str = ""
    wrong: str = ""


@pages.get("")
@require(AttendancePermission.READ)
def listed() -> str:
    """Pending terminals, and those that were accepted."""
    return _page(Failed())


@pages.post("/<serial_number>")
@require(AttendancePermission.MANAGE)
def decide(serial_number: str) -> ResponseReturnValue:
    """Accepts a terminal as a new one or as one that exists, ignores it, or lists it again."""
    sent, do = _sent(), request.form.get("do", "")
    try:
        with transaction() as session:
            if do == "accept":
                new = NewTerminal(sent["name"], sent["timezone"] or settings().timezone, site=sent["site"])
                added = pending.accept(session, serial_number, new, push_key=sent["push_key"], change=_change())
                said = _("%(name)s was added. Its records arrive within a minute.", name=added.name)
            elif do == "join":
                joined = pending.join(session, serial_number, _terminal_id(sent), push_key=sent["push_key"], change=_change())
                said = _("%(name)s may push now. Its records arrive within a minute.", name=joined.name)
            elif do == "ignore":
                ignored = pending.ignore(session, serial_number, actor=current_actor(), now=utc_now())
                said = _("%(number)s is ignored.", number=ignored.serial_number)
            elif do == "restore":
                said = _("%(number)s is pending again.", number=pending.restore(session, serial_number).serial_number)
            else:
                raise InvalidTerminalField(_("Choose what to do with this terminal."), field="do")
        flash(said, "success")
    except PendingTerminalNotFound as error:
        flash(error.message, "danger")
    except (InvalidTerminalField, TerminalExists, TerminalNotFound, TerminalPushesAlready) as error:
        if do in ("accept", "join"):
            return _page(_failed(f"pending-{serial_number}", do, sent, error)), error.status
        flash(error.message, "danger")
    return redirect(url_for(".listed"), 303)


@pages.post("/accepted/<int:terminal_id>")
@require(AttendancePermission.MANAGE)
def change(terminal_id: int) -> ResponseReturnValue:
    """Changes the push key of a terminal, or refuses it from now on."""
    sent, do = _sent(), request.form.get("do", "")
    try:
        with transaction() as session:
            if do == "key":
                changed = pending.set_push_key(session, terminal_id, sent["push_key"], _change())
                if sent["push_key"]:
                    said = _(
                        "The push key of %(name)s was saved. Enter it on the terminal too, and restart the terminal.", name=changed.name
                    )
                else:
                    said = _("%(name)s does not need a push key now.", name=changed.name)
            elif do == "stop":
                said = _("Pushing was stopped for %(name)s. It keeps its records.", name=pending.stop(session, terminal_id, _change()).name)
            else:
                raise InvalidTerminalField(_("Choose what to do with this terminal."), field="do")
        flash(said, "success")
    except (InvalidTerminalField, TerminalNotFound) as error:
        if error.fields.get("field") == "push_key":
            return _page(_failed(f"accepted-{terminal_id}", do, sent, error)), error.status
        flash(error.message, "danger")
    return redirect(url_for(".listed"), 303)


def _change() -> Change:
    return Change(current_actor(), utc_now(), encrypt_push_key)


def _sent() -> dict[str, str]:
    return {name: request.form.get(name, "")[:LONGEST_SENT] for name in FIELDS}


def _terminal_id(sent: dict[str, str]) -> int:
    try:
        return row_id(sent["terminal_id"])
    except ValueError:
        raise InvalidTerminalField(_("Choose a terminal."), field="terminal_id") from None


def _failed(row: str, do: str, sent: dict[str, str], error: AppError) -> Failed:
    """Without the key, which is never shown."""
    wrong = str(error.fields.get("field", ""))
    return Failed(row, do, {**sent, "push_key": ""}, error.message, wrong if wrong in FIELDS else "")


def _page(failed: Failed) -> str:
    given = settings()
    with reading() as session:
        found, accepted, terminals = pending.all_pending(session), pending.pushing(session), service.all_terminals(session)
    return render_template(
        "attendance/push-pending.html",
        open=[each for each in found if each.ignored_at is None],
        ignored=[each for each in found if each.ignored_at is not None],
        is_full=len(found) >= pending.MOST,
        accepted=accepted,
        terminals=terminals,
        failed=failed,
        is_enabled=given.terminal_push,
        timezone=given.timezone,
        address=given.public_address(),
    )
