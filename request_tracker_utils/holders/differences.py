"""Where the directory and the devices differ: what one is, and the record of those that were found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, null, or_, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.directory.service import Asset
from request_tracker_utils.holders.errors import DifferenceNotFound
from request_tracker_utils.holders.models import DifferenceKind, HolderDifference
from request_tracker_utils.holders.people import same_user
from request_tracker_utils.holders.telling import LEFT
from request_tracker_utils.students.keys import key
from request_tracker_utils.students.models import Device, DeviceStatus

LONGEST = 500
VANISHED = "vanished"
IS_OPEN = HolderDifference.settled_at.is_(None)
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
    if key(asset.name) != device.tag_key:
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
    """Writes down what was seen. One that was left as it is stays settled while it is the same; one that was settled otherwise before
    `since`, and is seen all the same, is open again."""
    rows = [{**vars(one), "kind": str(one.kind)} for one in findings]
    if not rows:
        return
    insert = upsert_into(session)(HolderDifference)
    seen = insert.excluded
    told = ("asset_name", "ours", "theirs", "student_id")
    same = and_(*(getattr(HolderDifference, name).is_not_distinct_from(seen[name]) for name in told))
    stays = or_(
        and_(HolderDifference.settlement == LEFT, same),
        and_(HolderDifference.settlement != LEFT, HolderDifference.settled_at >= since),
    )
    settled = {name: case((stays, getattr(HolderDifference, name)), else_=null()) for name in ("settled_at", "settled_by", "settlement")}
    upsert = insert.on_conflict_do_update(
        index_elements=["kind", "asset_id", "asset_tag"],
        set_={"seen_at": seen.seen_at, **{name: seen[name] for name in told}, **settled},
    )
    session.execute(upsert.values([{**row, "found_at": now, "seen_at": now} for row in rows]))


def forget_unseen(session: Session, *, since: datetime, actor: Actor, now: datetime) -> int:
    """Settles the open ones that nobody has seen since then; returns how many. Only for one who has looked at everything."""
    unseen = update(HolderDifference).where(IS_OPEN, HolderDifference.seen_at < since)
    return int(session.execute(unseen.values(_settled(VANISHED, actor, now))).rowcount)  # type: ignore[attr-defined]


def get(session: Session, difference_id: int, *, lock: bool = False) -> HolderDifference:
    """Raises DifferenceNotFound."""
    found = session.get(HolderDifference, difference_id, with_for_update=lock or None)
    if found is None:
        raise DifferenceNotFound(f"There is no difference {difference_id}.")
    return found


def close(session: Session, difference_id: int, settlement: str, *, actor: Actor, now: datetime) -> None:
    """Settles it, unless it is settled."""
    still_open = update(HolderDifference).where(HolderDifference.id == difference_id, IS_OPEN)
    session.execute(still_open.values(_settled(settlement, actor, now)))


def open_again(session: Session, difference_id: int, *, closed_at: datetime) -> None:
    """Takes back what `close` did at that time."""
    ours = update(HolderDifference).where(HolderDifference.id == difference_id, HolderDifference.settled_at == closed_at)
    session.execute(ours.values(settled_at=None, settled_by=None, settlement=None))


def _settled(settlement: str, actor: Actor, now: datetime) -> dict[str, Any]:
    return {"settled_at": now, "settled_by": actor.name[:100], "settlement": settlement}


def counts(session: Session) -> dict[DifferenceKind, int]:
    """How many are open of each kind."""
    rows = session.execute(select(HolderDifference.kind, func.count()).where(IS_OPEN).group_by(HolderDifference.kind))
    found = {DifferenceKind(kind): count for kind, count in rows}
    return {kind: found.get(kind, 0) for kind in DifferenceKind}


def count_left(session: Session) -> int:
    """How many somebody has left as they are."""
    return session.execute(select(func.count()).where(HolderDifference.settlement == LEFT)).scalar_one()


def page_of(session: Session, kind: DifferenceKind, *, after: int, limit: int) -> tuple[list[HolderDifference], bool]:
    """Open ones behind that id, in the order in which they were found, and whether more follow."""
    query = select(HolderDifference).where(IS_OPEN, HolderDifference.kind == kind, HolderDifference.id > after)
    found = list(session.scalars(query.order_by(HolderDifference.id).limit(limit + 1)))
    return found[:limit], len(found) > limit


def all_of(session: Session, kind: DifferenceKind) -> list[HolderDifference]:
    """All that are open, in the order in which they were found."""
    return list(session.scalars(select(HolderDifference).where(IS_OPEN, HolderDifference.kind == kind).order_by(HolderDifference.id)))
