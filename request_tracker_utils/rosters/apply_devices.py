"""Devices of a list that change hands or status: through the same door as at the counter, with a row of the record each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.rosters.list_types import Row, Wanted
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.errors import InvalidField, explanation
from request_tracker_utils.students.models import Device, DeviceStatus

MOST = 100
"""Devices of one transaction: each is locked until it ends."""


@dataclass(frozen=True)
class Handed:
    """`change` is the field, what it was and what it is; `error` why it could not be."""

    row: Row
    change: tuple[str, str, str] | None = None
    error: str = ""


def hand(session: Session, rows: Sequence[Row], *, actor: Actor, now: datetime, notes: str) -> list[Handed]:
    """Gives each device to its student or sets its status. One that is not there is registered first: a dry run has not entered it."""
    known = devices.get_many(session, [row.key for row in rows], lock=True)
    return [_one(session, row, known.get(row.key), actor=actor, now=now, notes=notes) for row in rows]


def _one(session: Session, row: Row, device: Device | None, *, actor: Actor, now: datetime, notes: str) -> Handed:
    wanted = row.wanted or Wanted()
    try:
        with session.begin_nested():
            device = device or devices.create(session, row.columns, now=now)
            status = device.status
            if wanted.student_id:
                student = service.get(session, wanted.student_id)
                assignments.assign(session, device, student, actor=actor, now=now, notes=notes)
                return Handed(row, ("student_id", "", student.student_id))
            if wanted.status == DeviceStatus.CHECKED_OUT:
                raise InvalidField("It is to be assigned, but the list does not say to whom.", field="student_id")
            assignments.set_status(session, device, wanted.status, actor=actor, now=now, notes=notes)
            return Handed(row, ("status", status, wanted.status))
    except AppError as error:
        return Handed(row, error=explanation(error))
