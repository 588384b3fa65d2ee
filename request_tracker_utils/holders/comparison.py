"""Compares the holders of assets in the asset store with the devices here: all of them, or one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.text import search_key
from request_tracker_utils.holders.lookups import same_user
from request_tracker_utils.holders.models import DiscrepancyKind, HolderDiscrepancy
from request_tracker_utils.reconciliation.reconciler import Comparison
from request_tracker_utils.reconciliation.repository import Discrepancies
from request_tracker_utils.students.models import Device, DeviceStatus
from request_tracker_utils.students.service import get_many, rt_username
from request_tracker_utils.tags.models import Tag

ROWS = 500
LONGEST = 500
DISCREPANCIES = Discrepancies(HolderDiscrepancy, DiscrepancyKind, identity=("kind", "asset_id", "asset_tag"))


@dataclass(frozen=True)
class DeviceWithUser:
    """`user` should be the asset's holder; None if the device is not assigned, or the student has no user."""

    device: Device
    user: str | None


def find(comparison: Comparison[HolderDiscrepancy], asset_store: AssetStore, *, rule: str) -> None:
    """Records every discrepancy. A step of the progress is a device. `rule` is RT_STUDENT_USER."""
    with comparison.transaction() as session:
        total = session.execute(select(func.count()).select_from(Device)).scalar_one()
    comparison.expect(total)
    compared: set[int] = set()
    for assets in asset_store.every_asset():
        with comparison.transaction() as session:
            devices = _devices_of(session, assets, rule)
            found = (_of_asset(asset, devices.get(asset.id), since=comparison.started_at) for asset in assets if not asset.is_deleted)
            comparison.record(session, filter(None, found))
        new = {each.device.id for each in devices.values()} - compared
        compared |= new
        comparison.advance(len(new))
    for rows in _devices_except(compared, comparison):
        with comparison.transaction() as session:
            absent = (of_absent_asset(each, since=comparison.started_at) for each in _with_users(session, rows, rule))
            comparison.record(session, filter(None, absent))
        comparison.advance(len(rows))


def recheck(
    transaction: Transaction, asset_store: AssetStore, discrepancy: HolderDiscrepancy, *, rule: str, now: datetime
) -> HolderDiscrepancy | None:
    """The current discrepancy of the asset or the device. Raises errors of the asset store."""
    asset = _asset_of(asset_store, discrepancy)
    with transaction() as session:
        if asset is not None:
            return _of_asset(asset, _devices_of(session, [asset], rule).get(asset.id), since=now)
        devices = session.scalars(select(Device).where(Device.tag_key == search_key(discrepancy.asset_tag))).all()
        found = _with_users(session, devices, rule)
        return of_absent_asset(found[0], since=now) if found else None


def holders_of(asset: Asset) -> list[str]:
    """The holders and the owner in the asset store, each once."""
    names: list[str] = []
    for name in (*asset.holders, asset.owner):
        if name and not any(same_user(name, other) for other in names):
            names.append(name)
    return names


def of_device(ours: DeviceWithUser, asset: Asset, *, since: datetime) -> HolderDiscrepancy | None:
    """The discrepancy between a device and its asset. `since` is the earliest time at which the asset was read: what was pushed later
    is newer. A pending device is not a discrepancy."""
    device, holders = ours.device, holders_of(asset)
    if search_key(asset.name) != device.tag_key:
        return _new(DiscrepancyKind.RENAMED, device.asset_tag, asset)
    if _is_in_progress(device, since) or _matches(ours, holders):
        return None
    return _new(DiscrepancyKind.HOLDER, device.asset_tag, asset, ours=ours, holders=holders)


def of_unknown_asset(asset: Asset) -> HolderDiscrepancy | None:
    """An asset that has a holder but is not a device here."""
    holders = holders_of(asset)
    return _new(DiscrepancyKind.UNKNOWN, "", asset, holders=holders) if holders else None


def of_absent_asset(ours: DeviceWithUser, *, since: datetime) -> HolderDiscrepancy | None:
    """A device without an asset. The asset of a retired device may be deleted."""
    device = ours.device
    if device.created_at >= since or device.status == DeviceStatus.RETIRED:
        return None
    return _new(DiscrepancyKind.MISSING, device.asset_tag, device.asset_id or 0, ours=ours)


def _asset_of(asset_store: AssetStore, discrepancy: HolderDiscrepancy) -> Asset | None:
    """The asset of the discrepancy, or the one with the device's tag as its name; None for a deleted one."""
    if not discrepancy.asset_id:
        named = asset_store.find_by_names([discrepancy.asset_tag])
        return named[0] if named else None
    try:
        asset = asset_store.get(discrepancy.asset_id)
    except AssetNotFound:
        return None
    return None if asset.is_deleted else asset


def _of_asset(asset: Asset, device: DeviceWithUser | None, *, since: datetime) -> HolderDiscrepancy | None:
    return of_device(device, asset, since=since) if device else of_unknown_asset(asset)


def _devices_of(session: Session, assets: Sequence[Asset], rule: str) -> dict[int, DeviceWithUser]:
    """Asset → its device: the one that is linked to it, else the one with the asset's tag, else the one with the asset's name."""
    ids, names = [asset.id for asset in assets], {search_key(asset.name): asset.id for asset in assets}
    unlinked = Device.asset_id.is_(None)
    named = {names[each.tag_key]: each for each in session.scalars(select(Device).where(unlinked, Device.tag_key.in_(names)))}
    tagged = select(Tag.asset_id, Device).join(Device, Device.asset_tag == Tag.tag).where(unlinked, Tag.asset_id.in_(ids))
    by_tag = {int(asset_id or 0): device for asset_id, device in session.execute(tagged)}
    linked = {int(each.asset_id or 0): each for each in session.scalars(select(Device).where(Device.asset_id.in_(ids)))}
    by_tag_ids = {device.id for device in by_tag.values()}
    found = {**{asset_id: each for asset_id, each in named.items() if each.id not in by_tag_ids}, **by_tag, **linked}
    return dict(zip(found, _with_users(session, list(found.values()), rule), strict=True))


def _with_users(session: Session, devices: Sequence[Device], rule: str) -> list[DeviceWithUser]:
    students = get_many(session, [device.current_student_id for device in devices if device.current_student_id])
    users = {student_id: rt_username(student, rule) or None for student_id, student in students.items()}
    return [DeviceWithUser(device, users.get(device.current_student_id or "")) for device in devices]


def _devices_except(compared: set[int], comparison: Comparison[HolderDiscrepancy]) -> Iterator[list[Device]]:
    """Devices without an asset."""
    last = 0
    while True:
        with comparison.transaction() as session:
            rows = list(session.scalars(select(Device).where(Device.id > last).order_by(Device.id).limit(ROWS)))
        if not rows:
            return
        last = rows[-1].id
        if rest := [device for device in rows if device.id not in compared]:
            yield rest


def _new(
    kind: DiscrepancyKind, asset_tag: str, asset: Asset | int, *, ours: DeviceWithUser | None = None, holders: Sequence[str] = ()
) -> HolderDiscrepancy:
    asset_id, name = (asset.id, asset.name) if isinstance(asset, Asset) else (asset, "")
    return HolderDiscrepancy(
        kind=str(kind),
        asset_tag=asset_tag,
        asset_id=asset_id,
        asset_name=name[:LONGEST],
        ours=(ours.user or "") if ours else "",
        theirs=", ".join(holders)[:LONGEST],
        student_id=ours.device.current_student_id if ours else None,
    )


def _matches(ours: DeviceWithUser, holders: Sequence[str]) -> bool:
    if ours.device.current_student_id is None:
        return not holders
    return ours.user is not None and len(holders) == 1 and same_user(holders[0], ours.user)


def _is_in_progress(device: Device, since: datetime) -> bool:
    if device.rt_synced_at is not None and device.rt_synced_at >= since:
        return True
    return device.rt_due_at is not None and device.rt_problem is None
