"""JSON routes of terminals, one and all of them."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import current, errors, history, service
from request_tracker_utils.attendance.current import contact, poller, terminal_change
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.schemas.rounds import RoundOut
from request_tracker_utils.attendance.schemas.terminals import (
    ClockReadingRow,
    ClockReadingRows,
    EventRow,
    EventRows,
    HistoryQuery,
    InfoOut,
    PollOut,
    PollRow,
    PollRows,
    TerminalIn,
    TerminalList,
    TerminalMessage,
    TerminalOut,
    TerminalPatch,
    TerminalPath,
)
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.attendance.terminal_changes import change_terminal, delete_terminal
from request_tracker_utils.attendance.terminal_states import terminal_row, terminal_rows
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import plain_list
from request_tracker_utils.web.registry import settings

TERMINALS = Tag(name="terminals", description="Terminals for time and attendance.")
ONE = "/api/terminals/<int:terminal_id>"
ANSWER_WITHIN = 60.0
"""Seconds until all terminals were polled, or the answer says that some still are."""
NOT_FOUND = (NotFound, errors.TerminalNotFound)
READING = (
    errors.TerminalCutConnection,
    errors.TerminalInvalidAnswer,
    errors.TerminalProcessEnded,
    errors.TerminalRefused,
    errors.TerminalTimedOut,
    errors.TerminalUnreachable,
    errors.WrongCommKey,
)
CONTACT = (
    errors.CommKeyNotDecrypted,
    errors.InvalidTerminalField,
    errors.TerminalBusy,
    errors.TerminalsNotInstalled,
    *READING,
    *NOT_FOUND,
    errors.TerminalNotPolled,
)

api = APIBlueprint("terminals_api", __name__, abp_tags=[TERMINALS])


@api.get("/api/terminals", responses={200: TerminalList})
@require(AttendancePermission.READ)
def list_terminals() -> Answer:
    """List all terminals, by name."""
    with reading() as session:
        rows = [TerminalOut.of(each) for each in terminal_rows(session, utc_now(), current.limits())]
    return {"count": len(rows), "next": None, "previous": None, "results": rows}


@api.post("/api/terminals", responses={201: TerminalOut})
@require(AttendancePermission.MANAGE)
@may_raise(errors.InvalidTerminalField, errors.TerminalExists)
def add_terminal(body: TerminalIn) -> Answer:
    """Add a terminal. Its serial number is learned at the first contact."""
    by = terminal_change()
    new = NewTerminal(**_defaults() | body.fields())
    with transaction() as session:
        terminal = service.add(session, new, encrypt=by.encrypt, allow_loopback=by.allow_loopback, actor=by.actor, now=by.now)
        return _out(session, terminal), 201


@api.get(ONE, responses={200: TerminalOut})
@require(AttendancePermission.READ)
@may_raise(*NOT_FOUND)
def get_terminal(path: TerminalPath) -> Answer:
    """Get a terminal."""
    with reading() as session:
        return _out(session, find_terminal(session, path.terminal_id))


@api.put(ONE, responses={200: TerminalOut})
@require(AttendancePermission.MANAGE)
@may_raise(errors.InvalidTerminalField, errors.TerminalBusy, errors.TerminalExists, *NOT_FOUND)
def replace_terminal(path: TerminalPath, body: TerminalIn) -> Answer:
    """Change a terminal. What is omitted becomes the default, except for `comm_key`, which does not change."""
    whole = vars(NewTerminal(**_defaults() | body.fields()))
    return _changed(path, {name: value for name, value in whole.items() if name != "comm_key" or "comm_key" in body.fields()})


@api.patch(ONE, responses={200: TerminalOut})
@require(AttendancePermission.MANAGE)
@may_raise(errors.InvalidTerminalField, errors.TerminalBusy, errors.TerminalExists, *NOT_FOUND)
def change(path: TerminalPath, body: TerminalPatch) -> Answer:
    """Change some fields of a terminal."""
    return _changed(path, body.fields())


@api.delete(ONE, responses={200: TerminalMessage})
@require(AttendancePermission.MANAGE)
@may_raise(errors.TerminalBusy, errors.TerminalHasPunches, *NOT_FOUND)
def delete(path: TerminalPath) -> Answer:
    """Delete a terminal without punches. Disable one that has some."""
    with transaction() as session:
        name = delete_terminal(session, path.terminal_id, terminal_change())
    return {"message": _("The terminal %(name)s was deleted.", name=name)}


@api.post(f"{ONE}/poll/", responses={200: PollOut})
@require(AttendancePermission.POLL)
@may_raise(*CONTACT, errors.PollFailed, errors.PollTakenOver, errors.SerialNumberTaken, errors.TerminalReplaced)
def poll(path: TerminalPath) -> Answer:
    """Poll a terminal now."""
    return PollOut.of(poller().poll(path.terminal_id, started_by=current_actor().name))


@api.get(f"{ONE}/info/", responses={200: InfoOut})
@require(AttendancePermission.POLL)
@may_raise(*CONTACT)
def info(path: TerminalPath) -> Answer:
    """Ask a terminal what it is, and store its answer."""
    return InfoOut.of(*contact().info(path.terminal_id))


@api.post(f"{ONE}/test/", responses={200: InfoOut})
@require(AttendancePermission.POLL)
@may_raise(*CONTACT)
def test(path: TerminalPath) -> Answer:
    """Ask a terminal what it is. Nothing is stored."""
    return InfoOut.of(*contact().test(path.terminal_id))


@api.post(f"{ONE}/accept-replacement/", responses={200: TerminalOut})
@require(AttendancePermission.MANAGE)
@may_raise(errors.NotReplaced, errors.SerialNumberTaken, *NOT_FOUND)
def accept_replacement(path: TerminalPath) -> Answer:
    """Say that the other terminal at this address is the replacement. Its records are stored from the next poll on."""
    by = terminal_change()
    with transaction() as session:
        return _out(session, service.accept_replacement(session, path.terminal_id, actor=by.actor, now=by.now))


@api.post(f"{ONE}/clock/", responses={200: TerminalMessage})
@require(AttendancePermission.MANAGE)
@may_raise(*CONTACT, errors.TerminalReplaced)
def set_clock(path: TerminalPath) -> Answer:
    """Set the clock of a terminal to the time of its zone."""
    terminal = contact().set_clock(path.terminal_id, current_actor())
    return {"message": _("The clock of the terminal %(name)s was set.", name=terminal.name)}


@api.get(f"{ONE}/polls/", responses={200: PollRows})
@require(AttendancePermission.READ)
@may_raise(*NOT_FOUND)
def list_polls(path: TerminalPath, query: HistoryQuery) -> Any:
    """List polls of a terminal, newest first."""
    with reading() as session:
        find_terminal(session, path.terminal_id)
        found = history.polls(session, path.terminal_id, limit=query.limit + 1, before_id=query.before_id)
    return plain_list([PollRow.of(each) for each in found], limit=query.limit)


@api.get(f"{ONE}/clock-readings/", responses={200: ClockReadingRows})
@require(AttendancePermission.READ)
@may_raise(*NOT_FOUND)
def list_clock_readings(path: TerminalPath, query: HistoryQuery) -> Any:
    """List what the clock of a terminal has shown, newest first: each change of its drift, and a reading of each day."""
    with reading() as session:
        find_terminal(session, path.terminal_id)
        found = history.clock_readings(session, path.terminal_id, limit=query.limit + 1, before_id=query.before_id)
    return plain_list([ClockReadingRow.of(each) for each in found], limit=query.limit)


@api.get(f"{ONE}/events/", responses={200: EventRows})
@require(AttendancePermission.READ)
@may_raise(*NOT_FOUND)
def list_events(path: TerminalPath, query: HistoryQuery) -> Any:
    """List what people have changed about a terminal, newest first, also after it was deleted."""
    with reading() as session:
        found = history.events(session, path.terminal_id, limit=query.limit + 1, before_id=query.before_id)
        if not found:
            find_terminal(session, path.terminal_id)
    return plain_list([EventRow.of(each) for each in found], limit=query.limit)


@api.post("/api/devices/poll_all/", responses={200: RoundOut})
@require(AttendancePermission.POLL)
def poll_all() -> Answer:
    """Poll all enabled terminals now. The answer comes after a minute at most; polls that take longer go on."""
    return RoundOut.of(current.poll_all(started_by=current_actor().name, within=ANSWER_WITHIN))


def _out(session: Session, terminal: Terminal) -> dict[str, Any]:
    return TerminalOut.of(terminal_row(session, terminal, utc_now(), current.limits()))


def _defaults() -> dict[str, Any]:
    given = settings()
    return {"timezone": given.timezone, "port": given.zkteco_default_port}


def _changed(path: TerminalPath, fields: dict[str, Any]) -> Answer:
    with transaction() as session:
        return _out(session, change_terminal(session, path.terminal_id, fields, terminal_change()))
