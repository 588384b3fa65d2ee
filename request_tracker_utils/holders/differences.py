"""Where the directory and the devices differ: what one is, and the record of those that were found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.holders.models import DifferenceKind, HolderDifference
from request_tracker_utils.holders.people import same_user
from request_tracker_utils.reconciliation.record import Record
from request_tracker_utils.students.models import Device, DeviceStatus
from request_tracker_utils.students.search_keys import search_key

LONGEST = 500
RECORD = Record(
    HolderDifference,
    DifferenceKind,
    identity=("kind", "asset_id", "asset_tag"),
    told=("asset_name", "ours", "theirs", "student_id"),
)
DELETED = "deleted"
"""The status of assets over which Request Tracker's searches pass."""


@dataclass(frozen=True)
class Finding:
    """One difference as it is seen now; the fields are those of HolderDifference."""

    kind: DifferenceKind
    asset_tag: str
    asset_id: int
    asset_name: str = ""
    ours: str = ""
    theirs: str = ""
    student_id: str | None = None


@dataclass(frozen=True)
class Ours:
    """A device, and the user whose it is to be; None where the student has no user."""

    device: Device
    user: str | None


def holders_of(asset: Asset) -> list[str]:
    """Everybody whom the directory names, as holder or as owner."""
    named: list[str] = []
    for name in (*asset.holders, asset.owner):
        if name and not any(same_user(name, other) for other in named):
            named.append(name)
    return named


def of_device(ours: Ours, asset: Asset, *, since: datetime) -> Finding | None:
    """What is wrong between a device and its asset. `since` is when the asset was asked for at the earliest; what was done to the device
    later is newer than that. A device that waits to be told of is not wrong yet."""
    device, held = ours.device, holders_of(asset)
    seen = {"asset_tag": device.asset_tag, "asset_id": asset.id, "asset_name": asset.name[:LONGEST]}
    if search_key(asset.name) != device.tag_key:
        return Finding(DifferenceKind.RENAMED, **seen)  # type: ignore[arg-type]
    if _is_under_way(device, since) or _agrees(ours, held):
        return None
    more = {"ours": ours.user or "", "theirs": ", ".join(held)[:LONGEST], "student_id": device.current_student_id}
    return Finding(DifferenceKind.HOLDER, **seen, **more)  # type: ignore[arg-type]


def of_stranger(asset: Asset) -> Finding | None:
    """An asset that is no device here, and that somebody has."""
    held = holders_of(asset)
    return Finding(DifferenceKind.UNKNOWN_HERE, "", asset.id, asset.name[:LONGEST], theirs=", ".join(held)[:LONGEST]) if held else None


def of_absent(ours: Ours, *, since: datetime) -> Finding | None:
    """A device that no asset is. One that is out of use may well be gone there."""
    device = ours.device
    if device.created_at >= since or device.status == DeviceStatus.RETIRED:
        return None
    return Finding(
        DifferenceKind.MISSING_THERE, device.asset_tag, device.asset_id or 0, ours=ours.user or "", student_id=device.current_student_id
    )


def _agrees(ours: Ours, held: Sequence[str]) -> bool:
    if ours.device.current_student_id is None:
        return not held
    return ours.user is not None and len(held) == 1 and same_user(held[0], ours.user)


def _is_under_way(device: Device, since: datetime) -> bool:
    if device.rt_synced_at is not None and device.rt_synced_at >= since:
        return True
    return device.rt_due_at is not None and device.rt_problem is None


def record(session: Session, findings: Iterable[Finding], *, since: datetime, now: datetime) -> None:
    """Writes down what was seen: see Record.write."""
    RECORD.write(session, [{**vars(one), "kind": str(one.kind)} for one in findings], since=since, now=now)
