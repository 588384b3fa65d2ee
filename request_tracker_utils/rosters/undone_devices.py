"""Devices that an undone import had created and assigned.

The asset store may show their student. Such a device is unassigned at once, but its row remains until the job that syncs holders has pushed
that: without the row, nothing would. It is deleted then, unless somebody has used it in the meantime.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from sqlalchemy import Table, and_, delete, insert, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import after_commit
from request_tracker_utils.imports import bulk
from request_tracker_utils.rosters.models import DELETE_UNDONE_DEVICES, UndoneDevice
from request_tracker_utils.students.models import Device

CHUNK = 500
PAUSE = timedelta(seconds=30)
"""Before the job first looks whether the asset store is updated."""
_TABLE = cast(Table, Device.__table__)
_IS_MARKED = _TABLE.c.id.in_(select(UndoneDevice.device_id))
_IS_SYNCED = or_(Device.rt_due_at.is_(None), and_(Device.rt_synced_at.is_(None), Device.rt_problem.is_not(None)))
"""The asset store was updated; or it never was, and the attempt after the undo failed too, for example because the asset does not exist."""


def mark(session: Session, ids: Sequence[int]) -> None:
    """Marks those of the devices that may have been pushed. Called before they are unassigned, which resets their attempts."""
    may_be_pushed = or_(Device.rt_synced_at.is_not(None), Device.rt_attempts > 0)
    pushed = select(Device.id).where(bulk.id_in(session, _TABLE, ids), may_be_pushed)
    session.execute(insert(UndoneDevice).from_select(["device_id"], pushed))
    after_commit(session, DELETE_UNDONE_DEVICES, after=PAUSE)


def delete_unmarked(session: Session, ids: Sequence[int]) -> None:
    session.execute(delete(_TABLE).where(bulk.id_in(session, _TABLE, ids), ~_IS_MARKED))


def unmark(session: Session, tag_keys: Sequence[str]) -> None:
    """These devices are used again."""
    if session.scalar(select(UndoneDevice.device_id).limit(1)) is not None:
        found = [record[0] for record in bulk.select_existing(session, _TABLE, "tag_key", list(tag_keys), ()).values()]
        marked = select(_TABLE.c.id).where(bulk.id_in(session, _TABLE, found))
        session.execute(delete(UndoneDevice).where(UndoneDevice.device_id.in_(marked)))


def delete_synced(session: Session) -> int:
    """Deletes marked devices that the asset store agrees with, and returns how many. One that was changed since its import is in use."""
    query = select(Device).where(_IS_MARKED, _IS_SYNCED).order_by(Device.tag_key).limit(CHUNK).with_for_update()
    devices = session.scalars(query).all()
    unused = [device.id for device in devices if device.updated_at == device.created_at and device.current_student_id is None]
    session.execute(delete(UndoneDevice).where(UndoneDevice.device_id.in_([device.id for device in devices])))
    session.execute(delete(_TABLE).where(_TABLE.c.id.in_(unused)))
    return len(unused)
