"""Devices and their assets, and comparing and resolving what differs about their holders."""

from datetime import datetime

from sqlalchemy import select, update

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.holders.comparison import DISCREPANCIES
from request_tracker_utils.holders.models import HolderDiscrepancy
from request_tracker_utils.holders.options import Resolution
from request_tracker_utils.holders.resolution import HolderReconciler
from request_tracker_utils.reconciliation import service as reconciliation
from request_tracker_utils.reconciliation.reconciler import Entry
from request_tracker_utils.students.models import Device
from tests.services.differences import Steps
from tests.services.school import ADA, School
from tests.unit.holders.conftest import Holders

RULE = "student{student_id}"


def synced(school: School, asset_store: Holders, tag: str, student_id: str = "") -> int:
    """A device that the asset store agrees with, assigned to the student if one is named. Returns its asset."""
    asset_id = asset_store.asset(tag)
    school.device(tag, asset_id=asset_id)
    if student_id:
        school.assign(tag, student_id)
        asset_store.set_holder(asset_id, f"student{student_id}")
    with transaction() as session:
        session.execute(update(Device).where(Device.asset_tag == tag).values(rt_due_at=None))
    return asset_id


def reconciler(asset_store: Holders) -> HolderReconciler:
    return HolderReconciler(transaction, asset_store, "RT", RULE, utc_now)


def compare(asset_store: Holders, *, steps: Steps | None = None, now: datetime | None = None) -> int:
    clock, progress = (lambda: now) if now else utc_now, steps or Steps()
    return reconciliation.compare(transaction, DISCREPANCIES, reconciler(asset_store), actor=ADA, clock=clock, progress=progress)


def resolve(asset_store: Holders, resolution: Resolution, *, discrepancy_id: int | None = None) -> str:
    """Resolves this discrepancy, by default the only open one."""
    chosen = discrepancy_id or only().id
    return reconciliation.resolve(transaction, DISCREPANCIES, reconciler(asset_store), chosen, resolution, actor=ADA, clock=utc_now)


def found() -> set[tuple[str, str, int, str, str]]:
    """The open ones: kind, device, asset, user here, users there."""
    with reading() as session:
        rows = session.scalars(select(HolderDiscrepancy).where(DISCREPANCIES.is_open()))
        return {(row.kind, row.asset_tag, row.asset_id, row.ours, row.theirs) for row in rows}


def only() -> HolderDiscrepancy:
    """The only open one."""
    with reading() as session:
        return session.scalars(select(HolderDiscrepancy).where(DISCREPANCIES.is_open())).one()


def entry(asset_store: Holders) -> Entry[HolderDiscrepancy]:
    """The only open one with its options."""
    with reading() as session:
        return reconciler(asset_store).options(session, [only()])[0]


def labels(asset_store: Holders) -> dict[str, str]:
    """Resolution → button, of the only open one."""
    return {option.resolution: option.label for option in entry(asset_store).options}
