"""Tickets that returns have asked for, made in Request Tracker: one for each row, whatever happens in between.

A row says how far it came: `due → sent → made`. After a silence Request Tracker is searched for a ticket that bears the row's mark, and is
told again only when what was sent cannot be under way any more.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import (
    AssetNotFound,
    AssetStore,
    AssetStoreInvalid,
    AssetStoreRefused,
    NewTicket,
    NoRequestTracker,
    Ticket,
    UserNotFound,
)
from request_tracker_utils.core.db import Transaction, affected
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.students import service
from request_tracker_utils.students.models import Device, RepairTicket, TicketState
from request_tracker_utils.students.users import rt_user
from request_tracker_utils.tags import lookup

LEASE = timedelta(minutes=5)
"""Until a claimed row may be claimed again: the process that claimed it has died."""
UNDER_WAY = timedelta(minutes=5)
"""How long after it was sent a ticket may still appear of which nothing was heard."""
SOON = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
REFUSALS = (AssetStoreInvalid, AssetStoreRefused, AssetNotFound, NoRequestTracker)
"""After these there is no ticket."""


class TicketMaker:
    """`rule` is RT_STUDENT_USER, `queue` takes the tickets."""

    def __init__(self, transaction: Transaction, asset_store: AssetStore, *, rule: str, queue: str, clock: Callable[[], datetime]) -> None:
        self._transaction, self._asset_store = transaction, asset_store
        self._rule, self._queue, self._clock = rule, queue, clock

    def make_due(self) -> int:
        """Makes every ticket that is due, and returns how many. Raises what the directory raises when it does not answer; the row is due
        again soon then, and so are the others."""
        made = 0
        while row := self._claim():
            try:
                made += self._make(row)
            except Unavailable as error:
                self._postpone(row, error.message, pause=SOON)
                raise
            except AppError as error:
                self._postpone(row, error.message)
        return made

    def _claim(self) -> RepairTicket | None:
        now = self._clock()
        with self._transaction() as session:
            due = select(RepairTicket).where(RepairTicket.due_at <= now).order_by(RepairTicket.due_at, RepairTicket.id).limit(1)
            row = session.scalar(due.with_for_update(skip_locked=True))
            if row is not None:
                row.due_at, row.attempts = now + LEASE, row.attempts + 1
            return row

    def _make(self, row: RepairTicket) -> bool:
        if row.state == TicketState.SENT:
            found = self._asset_store.tickets_with_mark(mark(row))
            if found:
                return self._settle(row, found[0], self._assets_of(row))
            if row.sent_at is not None and self._clock() - row.sent_at < UNDER_WAY:
                self._postpone(row, "Request Tracker did not say whether it made the ticket. It is looked for again.", pause=UNDER_WAY)
                return False
        asset_ids, requestor = self._assets_of(row), self._requestor(row)
        if not self._send(row):
            return False
        new = NewTicket(self._queue, f"{row.subject} {mark(row)}", body_of(row), requestor, tuple(asset_ids))
        try:
            ticket = self._asset_store.create_ticket(new)
        except REFUSALS as error:
            self._postpone(row, error.message, state=TicketState.DUE)
            return False
        return self._settle(row, ticket, asset_ids)

    def _assets_of(self, row: RepairTicket) -> Sequence[int]:
        """The device's asset: as it is linked here, by its tag, or by its name in the directory. None where that is not clear."""
        with self._transaction() as session:
            linked = session.scalar(select(Device.asset_id).where(Device.asset_tag == row.asset_tag))
            tag = lookup.find_assigned(session, [row.asset_tag]).get(row.asset_tag)
        known = linked or (tag.asset_id if tag else None)
        found = [known] if known else [asset.id for asset in self._asset_store.find_by_names([row.asset_tag])]
        return found if len(found) == 1 else []

    def _requestor(self, row: RepairTicket) -> int | None:
        """The student's user, where Request Tracker has one."""
        with self._transaction() as session:
            student = service.find(session, row.student_id) if row.student_id else None
        name = rt_user(student, self._rule) if student else ""
        try:
            return self._asset_store.user(name).id if name else None
        except UserNotFound:
            return None

    def _send(self, row: RepairTicket) -> bool:
        """Whether the row is still ours to be sent: the return may have been taken back, and the ticket with it."""
        with self._transaction() as session:
            sent = {"state": TicketState.SENT, "sent_at": self._clock()}
            return bool(affected(session.execute(update(RepairTicket).where(*_as_claimed(row)).values(sent))))

    def _settle(self, row: RepairTicket, ticket: Ticket, asset_ids: Sequence[int]) -> bool:
        problem = None if asset_ids else f"The ticket is linked to no asset: none is clearly {row.asset_tag}."
        missing = [asset_id for asset_id in asset_ids if asset_id not in ticket.asset_ids]
        if missing:
            try:
                self._asset_store.link_ticket(ticket.id, missing)
            except REFUSALS as error:
                problem = error.message[:500]
        values = {"state": TicketState.MADE, "ticket_id": ticket.id, "due_at": None, "problem": problem}
        with self._transaction() as session:
            open_ = (RepairTicket.id == row.id, RepairTicket.state != TicketState.MADE)
            return bool(affected(session.execute(update(RepairTicket).where(*open_).values(values))))

    def _postpone(self, row: RepairTicket, problem: str, *, pause: timedelta | None = None, state: TicketState | None = None) -> None:
        growing = min(LONGEST_PAUSE, timedelta(minutes=3 ** min(row.attempts - 1, 5)))
        values = {"due_at": self._clock() + (pause or growing), "problem": problem[:500], **({"state": state} if state else {})}
        with self._transaction() as session:
            session.execute(update(RepairTicket).where(*_as_claimed(row)).values(values))


def mark(row: RepairTicket) -> str:
    """What tells the row's ticket from all others, also those of an installation that has the same numbers."""
    seal = hashlib.sha256(f"{row.created_at.isoformat()} {row.asset_tag}".encode()).hexdigest()[:6]
    return f"(R-{row.id}-{seal})"


def body_of(row: RepairTicket) -> str:
    who = f"Student: {row.student_id}" if row.student_id else ""
    facts = "\n".join(filter(None, (f"Device: {row.asset_tag}", who, f"Asked for by {row.created_by}.")))
    return f"{row.body}\n\n{facts}" if row.body else facts


def waiting(session: Session) -> dict[str, int]:
    """How many tickets are still to be made, and how many of them met with a problem."""
    is_open = RepairTicket.due_at.is_not(None)
    count = session.execute(select(func.count()).where(is_open)).scalar_one()
    stuck = session.execute(select(func.count()).where(is_open, RepairTicket.problem.is_not(None))).scalar_one()
    return {"tickets": count, "ticket_problems": stuck}


def stumbled(session: Session, *, limit: int) -> list[RepairTicket]:
    """Tickets that could not be made yet, or could not be linked."""
    query = select(RepairTicket).where(RepairTicket.due_at.is_not(None), RepairTicket.problem.is_not(None))
    return list(session.scalars(query.order_by(RepairTicket.id).limit(limit)))


def try_again(session: Session, *, now: datetime) -> int:
    """Has all those tried at once; returns how many."""
    again = update(RepairTicket).where(RepairTicket.due_at.is_not(None), RepairTicket.problem.is_not(None))
    return affected(session.execute(again.values(due_at=now)))


def _as_claimed(row: RepairTicket) -> tuple[ColumnElement[bool], ...]:
    return (RepairTicket.id == row.id, RepairTicket.attempts == row.attempts, RepairTicket.due_at == row.due_at)
