"""Requests for optics: who asks for which part, and the decision.

A request is pending, then approved or denied, then archived. `_STEPS` is the only place that says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.repeats import once
from request_tracker_utils.optics.checks import checked_note, checked_quantity, checked_text, part_key
from request_tracker_utils.optics.errors import InvalidOpticsField, OpticsRequestNotFound, OpticsStepNotOpen
from request_tracker_utils.optics.messages import OpticsMessages
from request_tracker_utils.optics.models import MAX_NAME, MAX_OTHER, MAX_PART, OTHER, OpticsRequest, OpticsStatus
from request_tracker_utils.optics.parts import part_names
from request_tracker_utils.optics.permissions import OpticsPermission

T = TypeVar("T")


class OpticsAction(StrEnum):
    APPROVE = "approve"
    DENY = "deny"
    ARCHIVE = "archive"


_STEPS: Mapping[str, Mapping[OpticsAction, OpticsStatus]] = {
    OpticsStatus.PENDING: {OpticsAction.APPROVE: OpticsStatus.APPROVED, OpticsAction.DENY: OpticsStatus.DENIED},
    OpticsStatus.APPROVED: {OpticsAction.ARCHIVE: OpticsStatus.ARCHIVED},
    OpticsStatus.DENIED: {OpticsAction.ARCHIVE: OpticsStatus.ARCHIVED},
    OpticsStatus.ARCHIVED: {},
}


@dataclass(frozen=True)
class NewRequest:
    """As it was entered. Without `requester_name`, the account's name."""

    selected_part: str = ""
    other_part: str = ""
    quantity: object = None
    requester_name: str = ""


def open_steps(request: OpticsRequest) -> list[OpticsAction]:
    """What can be done with the request now."""
    return list(_STEPS[request.status])


def create(
    session: Session, entered: NewRequest, *, actor: Actor, now: datetime, messages: OpticsMessages, request_key: str = ""
) -> tuple[OpticsRequest, bool]:
    """Returns the request, and whether an earlier call with the key has created it.

    Raises InvalidOpticsField (`errors` has the message of each field), RequestKeyReused.
    """

    def add() -> list[int]:
        request = OpticsRequest(
            **_checked(session, entered, actor),
            status=OpticsStatus.PENDING,
            created_by_id=actor.user_id,
            created_by=actor.name,
            admin_note="",
            created_at=now,
            updated_at=now,
        )
        session.add(request)
        session.flush()
        messages.requested(session, request, actor=actor, now=now)
        return [request.id]

    ids, repeated = once(session, request_key, {"do": "request optics", **asdict(entered)}, add, actor=actor, now=now)
    return _get(session, ids[0]), repeated


def decide(
    session: Session, request_id: int, action: OpticsAction, *, note: str = "", actor: Actor, now: datetime, messages: OpticsMessages
) -> OpticsRequest:
    """Approves, denies or archives a request. A note is added to those that the request has.

    Raises InvalidOpticsField, OpticsRequestNotFound, OpticsStepNotOpen.
    """
    added = checked_note(note)
    request = find_row(session, OpticsRequest, request_id, with_for_update=True, populate_existing=True)
    if request is None:
        raise _not_found(request_id)
    status = _STEPS[request.status].get(action)
    if status is None:
        raise _not_open(request)
    request.status, request.updated_at = status, now
    request.admin_note = "\n".join(filter(None, (request.admin_note, added)))
    if status == OpticsStatus.ARCHIVED:
        request.archived_by, request.archived_at = actor.name, now
    else:
        request.decision, request.decided_by_id, request.decided_by, request.decided_at = status, actor.user_id, actor.name, now
        messages.decided(session, request, actor=actor, now=now)
    session.flush()
    return request


def get_request(session: Session, request_id: int, *, viewer: Actor) -> OpticsRequest:
    """Raises OpticsRequestNotFound, also for requests of others that the viewer may not see."""
    request = find_row(session, OpticsRequest, request_id)
    if request is None or not _may_view(request, viewer):
        raise _not_found(request_id)
    return request


def list_requests(
    session: Session,
    *,
    viewer: Actor,
    only_own: bool = False,
    status: str = "",
    limit: int,
    before_id: int | None = None,
) -> Sequence[OpticsRequest]:
    """Newest first: those of everybody for administrators unless `only_own`, one's own for others."""
    conditions: list[ColumnElement[bool]] = []
    if only_own or not viewer.may(OpticsPermission.DECIDE):
        conditions.append(OpticsRequest.created_by_id == viewer.user_id)
    if status:
        conditions.append(OpticsRequest.status == status)
    if before_id is not None:
        conditions.append(OpticsRequest.id < before_id)
    return session.scalars(select(OpticsRequest).where(*conditions).order_by(OpticsRequest.id.desc()).limit(limit)).all()


def count_pending(session: Session) -> int:
    """How many requests wait for a decision."""
    return session.scalar(select(func.count()).select_from(OpticsRequest).where(OpticsRequest.status == OpticsStatus.PENDING)) or 0


def _checked(session: Session, entered: NewRequest, actor: Actor) -> dict[str, object]:
    """The columns. Raises InvalidOpticsField for the first field that is wrong, with the errors of all."""
    names = part_names(session)
    errors: dict[str, InvalidOpticsField] = {}

    def attempt(check: Callable[[], T]) -> T | None:
        try:
            return check()
        except InvalidOpticsField as error:
            errors[error.fields["field"]] = error
            return None

    part = attempt(lambda: _selected(entered.selected_part, names))
    other = attempt(lambda: _other(entered.other_part, part)) if part else ""
    quantity = attempt(lambda: checked_quantity(entered.quantity))
    name = attempt(lambda: checked_text(entered.requester_name, "requester_name", MAX_NAME))
    if errors:
        first = next(iter(errors.values()))
        first.fields["errors"] = {field: error.message for field, error in errors.items()}
        raise first
    return {"selected_part": part, "other_part": other, "quantity": quantity, "requester_name": name or actor.name}


def _selected(text: str, names: Sequence[str]) -> str:
    """As the list spells it."""
    written = checked_text(text, "selected_part", MAX_PART)
    found = next((name for name in names if part_key(name) == part_key(written)), None)
    if found is None:
        listed = ", ".join(names)
        message = (
            _("The list has no part %(part)s. Choose one of: %(listed)s.", part=written, listed=listed)
            if written
            else _("Choose one of: %(listed)s.", listed=listed)
        )
        raise InvalidOpticsField(message, field="selected_part", parts=list(names))
    return found


def _other(text: str, part: str) -> str:
    written = checked_text(text, "other_part", MAX_OTHER)
    if part == OTHER and not written:
        raise InvalidOpticsField(_("Enter the part that you need."), field="other_part")
    if part != OTHER and written:
        raise InvalidOpticsField(_("Leave this empty, or choose Other: %(part)s is on the list.", part=part), field="other_part")
    return written


def _may_view(request: OpticsRequest, viewer: Actor) -> bool:
    return viewer.may(OpticsPermission.DECIDE) or (viewer.user_id is not None and request.created_by_id == viewer.user_id)


def _get(session: Session, request_id: int) -> OpticsRequest:
    return session.get_one(OpticsRequest, request_id)


def _not_found(request_id: int) -> OpticsRequestNotFound:
    return OpticsRequestNotFound(_("No optics request has the number %(id)s.", id=request_id))


def _not_open(request: OpticsRequest) -> OpticsStepNotOpen:
    """Says what was done with the request, and what can be done now."""
    steps = open_steps(request)
    said = {
        OpticsStatus.PENDING: _("The request has not been decided yet. Approve or deny it first."),
        OpticsStatus.APPROVED: _("The request was already approved by %(name)s. It can be archived.", name=request.decided_by),
        OpticsStatus.DENIED: _("The request was already denied by %(name)s. It can be archived.", name=request.decided_by),
        OpticsStatus.ARCHIVED: _("The request was archived by %(name)s. Nothing more can be done with it.", name=request.archived_by),
    }[OpticsStatus(request.status)]
    return OpticsStepNotOpen(said, status_now=request.status, open_steps=steps)
