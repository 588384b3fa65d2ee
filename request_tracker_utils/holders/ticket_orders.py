"""A ticket that a program or a person wants at once: made in Request Tracker, and linked to its assets."""

from collections.abc import Sequence
from dataclasses import dataclass

from request_tracker_utils.asset_store.service import AssetStore, AssetStoreBroken, AssetStoreUnreachable, NewTicket, UserNotFound
from request_tracker_utils.core.db import Reading
from request_tracker_utils.students import service
from request_tracker_utils.students.models import Student
from request_tracker_utils.students.service import rt_username


@dataclass(frozen=True)
class Order:
    """`queue` is empty for the one of the settings."""

    subject: str
    body: str
    queue: str = ""
    student_id: str = ""
    device_name: str = ""
    asset_ids: Sequence[int] = ()


@dataclass(frozen=True)
class Made:
    """`unlinked` are assets to which Request Tracker did not link it, `warnings` sentences on what is not as it was wanted."""

    ticket_id: int
    address: str
    linked: Sequence[int]
    unlinked: Sequence[int]
    warnings: Sequence[str]


def make(reading: Reading, asset_store: AssetStore, order: Order, *, rule: str, queue: str) -> Made:
    """Raises StudentNotFound, NoRequestTracker, and what the directory raises."""
    with reading() as session:
        student = service.get(session, order.student_id) if order.student_id.strip() else None
    requestor, warnings = _requestor(asset_store, student, rule)
    asset_ids = tuple(dict.fromkeys(order.asset_ids))
    subject = " ".join(order.subject.split())
    new = NewTicket(order.queue.strip() or queue, subject, _body(order, student), requestor, asset_ids)
    try:
        ticket = asset_store.create_ticket(new)
    except (AssetStoreUnreachable, AssetStoreBroken) as error:
        again = "The ticket may have been made all the same: look in Request Tracker before you ask again."
        raise type(error)(f"{error.message} {again}") from None
    unlinked = [asset_id for asset_id in asset_ids if asset_id not in ticket.asset_ids]
    if unlinked:
        numbers = ", ".join(f"#{asset_id}" for asset_id in unlinked)
        warnings = [*warnings, f"Request Tracker did not link the ticket to asset {numbers}. Check the number."]
    return Made(ticket.id, asset_store.ticket_address(ticket.id), ticket.asset_ids, unlinked, warnings)


def _requestor(asset_store: AssetStore, student: Student | None, rule: str) -> tuple[int | None, list[str]]:
    if student is None:
        return None, []
    name = rt_username(student, rule)
    try:
        if name:
            return asset_store.user(name).id, []
    except UserNotFound:
        pass
    return None, [f"{student.name} ({student.student_id}) has no user in Request Tracker, so the ticket has no requestor."]


def _body(order: Order, student: Student | None) -> str:
    facts = [f"Device: {order.device_name.strip()}"] if order.device_name.strip() else []
    facts += [f"Student: {student.name} ({student.student_id})"] if student else []
    return "\n\n".join(filter(None, (order.body.strip(), "\n".join(facts))))
