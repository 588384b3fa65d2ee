"""The record of devices, read backwards."""

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.students.models import DeviceLog

Entries = list[DeviceLog]


def of_device(session: Session, asset_tag: str, *, limit: int, offset: int = 0) -> Entries:
    """The newest first."""
    return _newest(session, select(DeviceLog).where(DeviceLog.asset_tag == asset_tag), limit, offset)


def of_student(session: Session, student_id: str, *, limit: int, offset: int = 0) -> Entries:
    return _newest(session, select(DeviceLog).where(DeviceLog.student_id == student_id), limit, offset)


def latest(session: Session, *, limit: int) -> Entries:
    """Of all devices."""
    return _newest(session, select(DeviceLog), limit, 0)


def count_of_device(session: Session, asset_tag: str) -> int:
    return session.scalar(select(func.count()).select_from(DeviceLog).where(DeviceLog.asset_tag == asset_tag)) or 0


def _newest(session: Session, query: Select[DeviceLog], limit: int, offset: int) -> Entries:
    return list(session.scalars(query.order_by(DeviceLog.timestamp.desc(), DeviceLog.id.desc()).offset(offset).limit(limit)))
