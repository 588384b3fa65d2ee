"""Tickets for devices that came back damaged: asked for here, made in Request Tracker by a job."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.students.errors import FieldUnfit
from request_tracker_utils.students.models import REPAIR_TICKETS, Device, DeviceLog, RepairTicket

LONGEST_SUBJECT = 180
"""Request Tracker keeps 200 characters, of which the mark of the row takes some."""


def ask_ticket(
    session: Session, log: DeviceLog | None, device: Device, *, subject: str, body: str, actor: Actor, now: datetime
) -> RepairTicket:
    """Writes down that a ticket is wanted for the device; `log` is the return with which it was asked for, and there is one ticket for it.

    Raises FieldUnfit without a subject.
    """
    line = " ".join(subject.split())
    if not line:
        raise FieldUnfit("Say in a few words what the ticket is about.", field="subject")
    asked = session.scalar(select(RepairTicket).where(RepairTicket.log_id == log.id)) if log else None
    if asked is not None:
        return asked
    ticket = RepairTicket(
        log_id=log.id if log else None,
        asset_tag=device.asset_tag,
        student_id=log.student_id if log else device.current_student_id,
        subject=line[:LONGEST_SUBJECT],
        body=body.strip(),
        created_by=actor.name[:100],
        created_at=now,
    )
    session.add(ticket)
    REPAIR_TICKETS.mark_due(ticket, now=now)
    session.flush()  # its number, which is its mark
    return ticket


def of_device(session: Session, asset_tag: str) -> list[RepairTicket]:
    """The newest first."""
    return list(session.scalars(select(RepairTicket).where(RepairTicket.asset_tag == asset_tag).order_by(RepairTicket.id.desc())))
