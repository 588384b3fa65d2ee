"""What differs between a device and its asset in the asset store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.holders.lookups import same_user
from request_tracker_utils.holders.models import DiscrepancyKind, HolderDiscrepancy
from request_tracker_utils.reconciliation.repository import Discrepancies
from request_tracker_utils.students.models import Device, DeviceStatus
from request_tracker_utils.students.search import search_key

LONGEST = 500
DISCREPANCIES = Discrepancies(HolderDiscrepancy, DiscrepancyKind, identity=("kind", "asset_id", "asset_tag"))


@dataclass(frozen=True)
class DeviceWithUser:
    """`user` should be the asset's holder: None for a student without a user, and for nobody."""

    device: Device
    user: str | None


def holders_of(asset: Asset) -> list[str]:
    """Everyone whom the asset store names as holder or owner."""
    names: list[str] = []
    for name in (*asset.holders, asset.owner):
        if name and not any(same_user(name, other) for other in names):
            names.append(name)
    return names


def of_device(ours: DeviceWithUser, asset: Asset, *, since: datetime) -> HolderDiscrepancy | None:
    """What differs between a device and its asset. `since` is the earliest time at which the asset was read: what was pushed later is
    newer. A device that is still pending is no discrepancy."""
    device, holders = ours.device, holders_of(asset)
    if search_key(asset.name) != device.tag_key:
        return _new(DiscrepancyKind.RENAMED, device.asset_tag, asset)
    if _is_in_progress(device, since) or _matches(ours, holders):
        return None
    return _new(DiscrepancyKind.HOLDER, device.asset_tag, asset, ours=ours, holders=holders)


def of_unknown_asset(asset: Asset) -> HolderDiscrepancy | None:
    """An asset that is no device here, but has a holder."""
    holders = holders_of(asset)
    return _new(DiscrepancyKind.UNKNOWN, "", asset, holders=holders) if holders else None


def of_absent_asset(ours: DeviceWithUser, *, since: datetime) -> HolderDiscrepancy | None:
    """A device without an asset. The asset of a retired device may be deleted."""
    device = ours.device
    if device.created_at >= since or device.status == DeviceStatus.RETIRED:
        return None
    return _new(DiscrepancyKind.MISSING, device.asset_tag, device.asset_id or 0, ours=ours)


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
