"""JSON routes of terminals that push and that nobody has accepted yet."""

from typing import Any

from flask_openapi3 import APIBlueprint

from request_tracker_utils.attendance import current, errors
from request_tracker_utils.attendance.api.terminals import TERMINALS
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.push import pending
from request_tracker_utils.attendance.push.errors import PendingTerminalNotFound, TerminalPushesAlready
from request_tracker_utils.attendance.push.pending import Change
from request_tracker_utils.attendance.schemas.pending_terminals import AcceptIn, PendingList, PendingOut, PendingPath
from request_tracker_utils.attendance.schemas.terminals import TerminalOut
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.attendance.terminal_states import terminal_row
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import settings

ONE = "/api/terminals/pending/<serial_number>"

api = APIBlueprint("pending_terminals_api", __name__, abp_tags=[TERMINALS])


@api.get("/api/terminals/pending", responses={200: PendingList})
@require(AttendancePermission.READ)
def list_pending() -> list[dict[str, Any]]:
    """List terminals that push and that nobody has accepted."""
    with reading() as session:
        return [PendingOut.of(each) for each in pending.all_pending(session)]


@api.post(f"{ONE}/accept/", responses={200: TerminalOut})
@require(AttendancePermission.MANAGE)
@may_raise(errors.InvalidTerminalField, errors.TerminalExists, errors.TerminalNotFound, PendingTerminalNotFound, TerminalPushesAlready)
def accept(path: PendingPath, body: AcceptIn) -> Answer:
    """Accept a terminal, as a new one or as one that exists. Its records arrive within a minute."""
    change = Change(current_actor(), utc_now(), current.encrypt_push_key)
    with transaction() as session:
        if body.terminal_id is None:
            new = NewTerminal(body.name, body.timezone or settings().timezone, site=body.site)
            terminal = pending.accept(session, path.serial_number, new, push_key=body.push_key, change=change)
        else:
            terminal = pending.join(session, path.serial_number, body.terminal_id, push_key=body.push_key, change=change)
        return TerminalOut.of(terminal_row(session, terminal, change.now, current.limits()))


@api.post(f"{ONE}/reject/", responses={200: PendingOut})
@require(AttendancePermission.MANAGE)
@may_raise(PendingTerminalNotFound)
def reject(path: PendingPath) -> Answer:
    """Reject a terminal: it stays refused, and its contacts are not recorded. The page calls this *Ignore*."""
    with transaction() as session:
        return PendingOut.of(pending.ignore(session, path.serial_number, actor=current_actor(), now=utc_now()))


@api.post(f"{ONE}/restore/", responses={200: PendingOut})
@require(AttendancePermission.MANAGE)
@may_raise(PendingTerminalNotFound)
def restore(path: PendingPath) -> Answer:
    """List a rejected terminal again, so that it can be accepted."""
    with transaction() as session:
        return PendingOut.of(pending.restore(session, path.serial_number))
