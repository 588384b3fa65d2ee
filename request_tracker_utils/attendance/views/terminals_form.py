"""The form of a terminal, with *Test connection* before it is saved."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance import service
from request_tracker_utils.attendance.contact import LONGEST
from request_tracker_utils.attendance.current import contact, terminal_change
from request_tracker_utils.attendance.errors import InvalidTerminalField, TerminalBusy, TerminalError, TerminalExists
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.reading import Layout, Transport
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.attendance.terminal_changes import change_terminal
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.registry import settings

pages = Blueprint("terminals_form", __name__, url_prefix="/terminals")
TEXTS = ("name", "ip_address", "port", "timezone", "site", "transport", "layout", "timeout", "cutoff", "notes")
LONGEST_TEXT = 2_000


@pages.get("/new")
@require(AttendancePermission.MANAGE)
def new() -> str:
    """An empty form."""
    given = settings()
    defaults = {"port": str(given.zkteco_default_port), "timezone": given.timezone, "transport": "tcp", "layout": "auto"}
    return _page(None, dict.fromkeys(TEXTS, "") | defaults)


@pages.post("/new")
@require(AttendancePermission.MANAGE)
def add() -> ResponseReturnValue:
    """Adds a terminal, or tests its connection."""
    return _save(None)


@pages.get("/<int:terminal_id>/edit")
@require(AttendancePermission.MANAGE)
def edit(terminal_id: int) -> str:
    """The form of a terminal, without its communication key."""
    with reading() as session:
        return _page(terminal_id, _shown(find_terminal(session, terminal_id)))


@pages.post("/<int:terminal_id>/edit")
@require(AttendancePermission.MANAGE)
def change(terminal_id: int) -> ResponseReturnValue:
    """Changes a terminal, or tests its connection."""
    return _save(terminal_id)


def _save(terminal_id: int | None) -> ResponseReturnValue:
    sent = {name: request.form.get(name, "").strip()[:LONGEST_TEXT] for name in TEXTS}
    by = terminal_change()
    try:
        fields = _fields(sent)
        if request.form.get("do") == "test":
            return _page(terminal_id, sent, answer=_tested(terminal_id, fields))
        with transaction() as session:
            if terminal_id is not None:
                terminal = change_terminal(session, terminal_id, fields, by)
            else:
                how: dict[str, Any] = {"encrypt": by.encrypt, "allow_loopback": by.allow_loopback, "actor": by.actor, "now": by.now}
                terminal = service.add(session, NewTerminal(**fields), **how)
    except (InvalidTerminalField, TerminalExists, TerminalBusy, TerminalError) as error:
        return _page(terminal_id, sent, errors={error.fields.get("field", ""): error.message}), error.status
    flash(_("The terminal %(name)s was saved.", name=terminal.name), "success")
    return redirect(url_for("terminals.show", terminal_id=terminal.id), 303)


def _fields(sent: dict[str, str]) -> dict[str, Any]:
    """As a NewTerminal calls them. An empty communication key of the form leaves the stored one. Raises InvalidTerminalField."""
    fields: dict[str, Any] = {name: sent[name] for name in ("name", "timezone", "site", "transport", "layout", "notes")}
    fields["address"], fields["port"] = sent["ip_address"] or None, _number(sent["port"], "port")
    fields["timeout"] = _number(sent["timeout"], "timeout") if sent["timeout"] else None
    try:
        fields["cutoff"] = datetime.fromisoformat(sent["cutoff"]).replace(tzinfo=None) if sent["cutoff"] else None
    except ValueError:
        raise InvalidTerminalField(_("Enter a date and time such as 2026-01-01 00:00."), field="cutoff") from None
    if key := request.form.get("comm_key", "").strip()[:20]:
        fields["comm_key"] = _number(key, "comm_key")
    return fields


def _number(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidTerminalField(_("Enter a whole number."), field=field)
    return int(text)


def _tested(terminal_id: int | None, fields: dict[str, Any]) -> str:
    """What answers at the address of the form. Nothing is stored."""
    if not fields["address"]:
        raise InvalidTerminalField(_("Enter the address first."), field="ip_address")
    found = contact().test_fields(terminal_id, fields, deadline=LONGEST)
    values = {"number": found.serial_number or "–", "users": found.users, "records": found.records}
    return _("The terminal answers. Serial number: %(number)s, users: %(users)s, records: %(records)s.", **values)


def _shown(terminal: Terminal) -> dict[str, str]:
    texts = {name: getattr(terminal, "address" if name == "ip_address" else name) for name in TEXTS}
    texts["timeout"] = None if terminal.timeout is None else round(terminal.timeout)
    return {name: "" if value is None else str(value) for name, value in texts.items()}


def _page(terminal_id: int | None, values: dict[str, str], *, errors: dict[str, str] | None = None, answer: str = "") -> str:
    options = {"transports": list(map(str, Transport)), "layouts": list(map(str, Layout))}
    has_key = False
    if terminal_id is not None:
        with reading() as session:
            has_key = find_terminal(session, terminal_id).comm_key_cipher is not None
    shown = {"terminal_id": terminal_id, "values": values, "errors": errors or {}, "answer": answer, "has_key": has_key}
    return render_template("attendance/terminal-form.html", **shown, **options)
