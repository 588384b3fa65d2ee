"""The scan station's page and its printable commands. The page's script uses the JSON routes; without it a form processes one scan at a
time."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.students import scan_station as station
from request_tracker_utils.students.current import record_scanned, record_station, scan_context, today, visibility
from request_tracker_utils.students.errors import explanation
from request_tracker_utils.students.grades import grade_label
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.scan_commands import StationCommand, printable_commands
from request_tracker_utils.students.scan_station import ScanResult, ScanResultKind
from request_tracker_utils.students.schemas.scans import MAX_TICKET_LENGTH, Code, ScanToAssign, ScanToReturn
from request_tracker_utils.web.auth import admit, current_actor, require
from request_tracker_utils.web.error_responses import raise_invalid
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.threads import Reserved

pages = Blueprint("scan_station", __name__, url_prefix="/students/scan")

LOOK_UP = "lookup"
MODES = {
    "assign": StationCommand.ASSIGN,
    "return": StationCommand.RETURN,
    "damaged": StationCommand.DAMAGED,
    LOOK_UP: StationCommand.LOOK_UP,
}
"""Mode → the command that selects it. All but the last change something."""


@dataclass(frozen=True)
class FormState:
    """The form as it was sent, and as the page shows it again."""

    mode: str
    code: str = ""
    student_id: str = ""
    due_date: str = ""
    allow_past_due_date: bool = False
    accessories: tuple[str, ...] = ()
    ticket_wanted: bool = False
    ticket: str = ""
    scan_id: str = ""


@pages.get("")
@require(StudentPermission.READ, reserved=Reserved.SCAN)
def show() -> str:
    """The scan station, ready for the first scan."""
    mode = request.args.get("mode", "")
    default = "assign" if current_actor().may(StudentPermission.ASSIGN) else LOOK_UP
    return _page(FormState(mode if mode in MODES and default != LOOK_UP else default, accessories=settings().device_accessories))


@pages.post("")
@require(StudentPermission.READ, reserved=Reserved.SCAN)
def scan() -> ResponseReturnValue:
    """One scan from a browser without JavaScript."""
    state = _submitted()
    if state.mode != LOOK_UP:
        admit(StudentPermission.ASSIGN)
    try:
        result = record_scanned(_process(state))
    except AppError as error:
        stays = error.fields.get("student_stays") is not False
        return _page(replace(state, student_id=state.student_id if stays else ""), problem=explanation(error)), error.status
    return _page(_next_state(state, result), result)


@pages.get("/commands")
@require(StudentPermission.READ)
def commands() -> str:
    """Printable bar codes of the station's commands."""
    return render_template("students/scan-commands.html", commands=printable_commands(settings().device_accessories))


def _submitted() -> FormState:
    form = request.form
    mode = form.get("mode", LOOK_UP)
    return FormState(
        mode if mode in MODES else LOOK_UP,
        form.get("code", ""),
        form.get("student_id", ""),
        form.get("due_date", ""),
        "allow_past_due_date" in form,
        tuple(form.getlist("accessories")),
        "ticket_wanted" in form,
        form.get("ticket", ""),
        form.get("scan_id", ""),
    )


def _process(state: FormState) -> ScanResult:
    """Raises Invalid for invalid values, and what the station raises."""
    values = {"code": state.code, "scan_id": state.scan_id, "accessories": list(state.accessories)}
    if state.mode == LOOK_UP:
        return station.look_up(reading, _validated(Code, values).code, scan_context())
    actor, now = current_actor(), utc_now()
    if state.mode == "assign":
        body = _validated(ScanToAssign, {**values, "student_id": state.student_id, **_due_date(state)})
        return station.assign(reading, transaction, body.scan(), scan_context(), actor=actor, now=now, today=today())
    damaged = {"condition": "damaged", "ticket": state.ticket if state.ticket_wanted else None} if state.mode == "damaged" else {}
    body = _validated(ScanToReturn, {**values, **damaged})
    return station.return_device(reading, transaction, body.scan(), scan_context(), actor=actor, now=now)


def _due_date(state: FormState) -> dict[str, object]:
    return {"due_date": state.due_date or None, "allow_past_due_date": state.allow_past_due_date}


def _validated(model: type[Any], values: Mapping[str, object]) -> Any:
    """Raises Invalid."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise_invalid(error)


def _next_state(state: FormState, result: ScanResult) -> FormState:
    """The form for the next scan. Missing accessories and the ticket apply to one device only."""
    selected = (mode for mode, command in MODES.items() if result.kind == ScanResultKind.COMMAND and command == result.title)
    mode = next(selected, state.mode)
    student_id = result.student.student.student_id if result.student and mode == "assign" else ""
    accessories = state.accessories if mode == "assign" else settings().device_accessories
    return replace(state, mode=mode, code="", student_id=student_id, ticket="", accessories=accessories)


def _page(state: FormState, result: ScanResult | None = None, problem: str = "") -> str:
    actor, sees = current_actor(), visibility()
    with reading() as session:
        student = result.student if result else station.student_with_devices(session, state.student_id, sees)
        changes, _after = station.recent_changes(session, sees, after=None, now=utc_now())
    record_station(len(changes), student if result is None else None)
    return render_template(
        "students/scan.html",
        state=replace(state, scan_id=secrets.token_hex(16)),
        result=result,
        problem=problem,
        current=student,
        changes=[(change, station.describe_change(change)) for change in reversed(changes)],
        accessories=settings().device_accessories,
        max_ticket_length=MAX_TICKET_LENGTH,
        may_assign=actor.may(StudentPermission.ASSIGN),
        may_override=actor.may(StudentPermission.OVERRIDE),
        grade_label=grade_label,
        today=today().isoformat(),
    )
