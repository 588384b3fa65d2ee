"""The scan station's pages. The script sends each scan to the JSON routes; without it the form does one scan at a time."""

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
from request_tracker_utils.students import station as desk
from request_tracker_utils.students.cards import printed_cards
from request_tracker_utils.students.current import known
from request_tracker_utils.students.errors import told
from request_tracker_utils.students.grades import spoken
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.scan_codes import Card
from request_tracker_utils.students.schemas.scans import LONGEST_TICKET, Code, ScanToAssign, ScanToReturn
from request_tracker_utils.students.station import Kind, Outcome
from request_tracker_utils.web.auth import admit, current_actor, require
from request_tracker_utils.web.error_handlers import raise_invalid
from request_tracker_utils.web.registry import settings

pages = Blueprint("scan", __name__)

LOOK_UP = "lookup"
MODES = {"assign": Card.ASSIGN, "return": Card.RETURN, "damaged": Card.DAMAGED, LOOK_UP: Card.LOOK_UP}
"""Mode → its card. All but the last change something."""


@dataclass(frozen=True)
class Sent:
    """The form as it was sent, and as it is shown again."""

    mode: str
    code: str = ""
    student_id: str = ""
    due_date: str = ""
    accessories: tuple[str, ...] = ()
    ticket_wanted: bool = False
    ticket: str = ""
    scan_id: str = ""


@pages.get("/students/scan")
@require(StudentPermission.READ)
def station() -> str:
    """The station, ready for the first scan."""
    mode = request.args.get("mode", "")
    usual = "assign" if current_actor().may(StudentPermission.HAND_OUT) else LOOK_UP
    return _page(Sent(mode if mode in MODES and usual != LOOK_UP else usual, accessories=settings().device_accessories))


@pages.post("/students/scan")
@require(StudentPermission.READ)
def scan() -> ResponseReturnValue:
    """One scan of a browser without the script."""
    sent = _sent()
    if sent.mode != LOOK_UP:
        admit(StudentPermission.HAND_OUT)
    try:
        outcome = _done(sent)
    except AppError as error:
        stays = error.fields.get("student_stays") is not False
        return _page(replace(sent, student_id=sent.student_id if stays else ""), problem=told(error)), error.status
    return _page(_after(sent, outcome), outcome)


@pages.get("/students/scan/card")
@require(StudentPermission.READ)
def card() -> str:
    """Bar codes that switch the station's modes, to be printed and laid beside the scanner."""
    return render_template("students/scan-card.html", cards=printed_cards(settings().device_accessories))


def _sent() -> Sent:
    form = request.form
    mode = form.get("mode", LOOK_UP)
    return Sent(
        mode if mode in MODES else LOOK_UP,
        form.get("code", ""),
        form.get("student_id", ""),
        form.get("due_date", ""),
        tuple(form.getlist("accessories")),
        "ticket_wanted" in form,
        form.get("ticket", ""),
        form.get("scan_id", ""),
    )


def _done(sent: Sent) -> Outcome:
    """Raises Invalid for what does not fit, and what the station raises."""
    common = {"code": sent.code, "scan_id": sent.scan_id, "accessories": list(sent.accessories)}
    if sent.mode == LOOK_UP:
        return desk.look_up(reading, _checked(Code, common).code, known())
    acting = {"actor": current_actor(), "now": utc_now()}
    if sent.mode == "assign":
        asked = _checked(ScanToAssign, {**common, "student_id": sent.student_id, "due_date": sent.due_date or None})
        return desk.assign(reading, transaction, asked.scan(), known(), **acting)  # type: ignore[arg-type]
    damaged = {"condition": "damaged", "ticket": sent.ticket if sent.ticket_wanted else None} if sent.mode == "damaged" else {}
    return desk.take_back(reading, transaction, _checked(ScanToReturn, {**common, **damaged}).scan(), known(), **acting)  # type: ignore[arg-type]


def _checked(model: type[Any], values: Mapping[str, object]) -> Any:
    """Raises Invalid."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise_invalid(error)


def _after(sent: Sent, outcome: Outcome) -> Sent:
    """The form for the next scan: what was missing and what is to be mended holds for one device."""
    mode = next((mode for mode, card in MODES.items() if outcome.kind == Kind.CARD and card == outcome.line), sent.mode)
    chosen = outcome.student.student.student_id if outcome.student and mode == "assign" else ""
    every = settings().device_accessories
    return replace(sent, mode=mode, code="", student_id=chosen, ticket="", accessories=sent.accessories if mode == "assign" else every)


def _page(sent: Sent, outcome: Outcome | None = None, problem: str = "") -> str:
    actor = current_actor()
    with reading() as session:
        at_table = outcome.student if outcome else desk.student_at_table(session, sent.student_id)
        changes, _ = desk.recent(session, after=None, now=utc_now())
    return render_template(
        "students/scan.html",
        sent=replace(sent, scan_id=secrets.token_hex(16)),
        outcome=outcome,
        problem=problem,
        at_table=at_table,
        changes=[(change, desk.words_of(change)) for change in reversed(changes)],
        accessories=settings().device_accessories,
        longest_ticket=LONGEST_TICKET,
        may_hand_out=actor.may(StudentPermission.HAND_OUT),
        spoken=spoken,
        may_override=actor.may(StudentPermission.OVERRIDE),
    )
