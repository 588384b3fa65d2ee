"""Tickets in Request Tracker: created immediately for API callers, and through an outbox for returned devices that need a repair.

A repair gets exactly one ticket. The state of its row is `due → sent → made`. If Request Tracker did not answer, it is searched for a
ticket with the row's mark; the ticket is sent again only after the first request cannot succeed anymore.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from request_tracker_utils.asset_store.service import (
    AssetNotFound,
    AssetStore,
    AssetStoreBroken,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreUnreachable,
    NewTicket,
    NoRequestTracker,
    Ticket,
    UserNotFound,
)
from request_tracker_utils.core.clock import is_believed
from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.core.outbox import Claim
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students import service
from request_tracker_utils.students.models import REPAIR_TICKETS, Device, RepairTicket, Student, TicketState
from request_tracker_utils.students.service import rt_username
from request_tracker_utils.tags import lookup

APPEARS_WITHIN = timedelta(minutes=5)
"""How long after it was sent a ticket may still appear in Request Tracker."""
NOT_CREATED = (AssetStoreInvalid, AssetStoreRefused, AssetNotFound, NoRequestTracker)
"""After these errors the ticket does not exist."""


@dataclass(frozen=True)
class TicketRequest:
    """An empty `queue` is the one in the settings."""

    subject: str
    body: str
    queue: str = ""
    student_id: str = ""
    device_name: str = ""
    asset_ids: Sequence[int] = ()


@dataclass(frozen=True)
class CreatedTicket:
    """`unlinked` are assets to which Request Tracker did not link the ticket; `warnings` are messages for people."""

    ticket_id: int
    address: str
    linked: Sequence[int]
    unlinked: Sequence[int]
    warnings: Sequence[str]


def create_now(reading: Reading, asset_store: AssetStore, request: TicketRequest, *, rule: str, queue: str) -> CreatedTicket:
    """`rule` is RT_STUDENT_USER. Raises StudentNotFound, NoRequestTracker, and errors of the asset store."""
    with reading() as session:
        student = service.get(session, request.student_id) if request.student_id.strip() else None
    requestor = _requestor(asset_store, student, rule)
    warnings = []
    if student is not None and requestor is None:
        who = {"name": student.name, "number": student.student_id}
        warnings.append(_("%(name)s (%(number)s) has no user in Request Tracker. The ticket has no requestor.", **who))
    asset_ids = tuple(dict.fromkeys(request.asset_ids))
    subject = " ".join(request.subject.split())
    new = NewTicket(request.queue.strip() or queue, subject, _body_of_request(request, student), requestor, asset_ids)
    try:
        ticket = asset_store.create_ticket(new)
    except (AssetStoreUnreachable, AssetStoreBroken) as error:
        again = _("The ticket may already exist. Check Request Tracker before you try again.")
        raise type(error)(f"{error.message} {again}") from None
    unlinked = [asset_id for asset_id in asset_ids if asset_id not in ticket.asset_ids]
    if unlinked:
        numbers = ", ".join(f"#{asset_id}" for asset_id in unlinked)
        warnings.append(_("Request Tracker did not link the ticket to asset %(numbers)s. Check the asset ID.", numbers=numbers))
    return CreatedTicket(ticket.id, asset_store.ticket_address(ticket.id), ticket.asset_ids, unlinked, warnings)


class RepairTicketSender:
    """`rule` is RT_STUDENT_USER, `queue` the queue of the tickets."""

    def __init__(self, transaction: Transaction, asset_store: AssetStore, *, rule: str, queue: str, clock: Callable[[], datetime]) -> None:
        self._transaction, self._asset_store = transaction, asset_store
        self._rule, self._queue, self._clock = rule, queue, clock

    def send_due(self) -> int:
        """Creates every ticket that is due, and returns how many. Raises the errors of an unreachable asset store; the tickets are then
        due again soon."""
        created = 0
        while claims := REPAIR_TICKETS.claim_due(self._transaction, self._clock, limit=1):
            with REPAIR_TICKETS.attempt(self._transaction, claims[0], self._clock):
                created += self._send(claims[0])
        return created

    def _send(self, claim: Claim[RepairTicket]) -> bool:
        """Whether the ticket exists now."""
        row = claim.row
        if row.state == TicketState.SENT:
            found = self._asset_store.tickets_with_mark(mark(row))
            if found:
                return self._settle(row, found[0], self._assets_of(row))
            now = self._clock()
            if row.sent_at is not None and now - row.sent_at < APPEARS_WITHIN:
                problem = _("Request Tracker did not confirm that it created the ticket. The search for the ticket will be repeated.")
                sent_at = row.sent_at if is_believed(row.sent_at, now) else now  # once the clock was set back, the time begins anew
                with self._transaction() as session:
                    REPAIR_TICKETS.put_back(session, claim, now=now, pause=APPEARS_WITHIN, problem=problem, sent_at=sent_at)
                return False
        asset_ids, requestor = self._assets_of(row), self._requestor_of(row)
        with self._transaction() as session:
            if not REPAIR_TICKETS.update(session, claim, state=TicketState.SENT, sent_at=self._clock()):
                return False  # the return was undone in the meantime, and the ticket with it
        new = NewTicket(self._queue, f"{row.subject} {mark(row)}", body_of(row), requestor, tuple(asset_ids))
        try:
            ticket = self._asset_store.create_ticket(new)
        except NOT_CREATED as error:
            with self._transaction() as session:
                REPAIR_TICKETS.postpone(session, claim, error.message, now=self._clock(), state=TicketState.PENDING)
            return False
        return self._settle(row, ticket, asset_ids)

    def _assets_of(self, row: RepairTicket) -> Sequence[int]:
        """The device's asset: the one that is linked to it, has its tag, or is named after it. Empty if that is ambiguous."""
        with self._transaction() as session:
            linked = session.scalar(select(Device.asset_id).where(Device.asset_tag == row.asset_tag))
            tag = lookup.find_assigned(session, [row.asset_tag]).get(row.asset_tag)
        known = linked or (tag.asset_id if tag else None)
        found = [known] if known else [asset.id for asset in self._asset_store.find_by_names([row.asset_tag])]
        return found if len(found) == 1 else []

    def _requestor_of(self, row: RepairTicket) -> int | None:
        with self._transaction() as session:
            student = service.find(session, row.student_id) if row.student_id else None
        return _requestor(self._asset_store, student, self._rule)

    def _settle(self, row: RepairTicket, ticket: Ticket, asset_ids: Sequence[int]) -> bool:
        """Also after the claim was lost: the ticket exists, and no other process may create a second one."""
        problem = (
            None if asset_ids else _("The ticket is not linked to an asset, because %(tag)s could not be identified.", tag=row.asset_tag)
        )
        missing = [asset_id for asset_id in asset_ids if asset_id not in ticket.asset_ids]
        if missing:
            try:
                self._asset_store.link_ticket(ticket.id, missing)
            except NOT_CREATED as error:
                problem = error.message[:500]
        values = {"state": TicketState.CREATED, "ticket_id": ticket.id, "due_at": None, "problem": problem}
        with self._transaction() as session:
            still_open = (RepairTicket.id == row.id, RepairTicket.state != TicketState.CREATED)
            return bool(affected(session.execute(update(RepairTicket).where(*still_open).values(values))))


def mark(row: RepairTicket) -> str:
    """The idempotency key of the row, at the end of its ticket's subject. Installations that use the same ids have other marks."""
    digest = hashlib.sha256(f"{row.created_at.isoformat()} {row.asset_tag}".encode()).hexdigest()[:6]
    return f"(R-{row.id}-{digest})"


def body_of(row: RepairTicket) -> str:
    student = _("Student: %(number)s", number=row.student_id) if row.student_id else ""
    requested_by = _("Requested by %(name)s.", name=row.created_by)
    facts = "\n".join(filter(None, (_("Device: %(name)s", name=row.asset_tag), student, requested_by)))
    return f"{row.body}\n\n{facts}" if row.body else facts


def _requestor(asset_store: AssetStore, student: Student | None, rule: str) -> int | None:
    """The number of the student's user, if Request Tracker has one."""
    name = rt_username(student, rule) if student else ""
    try:
        return asset_store.user(name).id if name else None
    except UserNotFound:
        return None


def _body_of_request(request: TicketRequest, student: Student | None) -> str:
    device = request.device_name.strip()
    facts = [_("Device: %(name)s", name=device)] if device else []
    facts += [_("Student: %(name)s (%(number)s)", name=student.name, number=student.student_id)] if student else []
    return "\n\n".join(filter(None, (request.body.strip(), "\n".join(facts))))
