"""Holding the directory against the devices: all of it, or one of its assets."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.holders import differences
from request_tracker_utils.holders.differences import DELETED, Finding, Ours
from request_tracker_utils.holders.models import HolderDifference
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.search_keys import search_key
from request_tracker_utils.students.service import rt_username
from request_tracker_utils.tags.models import Tag

ROWS = 500


class Progress(Protocol):
    """Somebody who watches, and may raise to end it here."""

    def expect(self, total: int) -> None: ...
    def advance(self, steps: int) -> None: ...


def compare(
    transaction: Transaction, asset_store: AssetStore, *, rule: str, actor: Actor, clock: Callable[[], datetime], progress: Progress
) -> int:
    """Writes down every difference between the directory and the devices, and returns how many are open.

    The directory is read first and the devices second, so that a change of theirs is never held against an older answer. What is seen no
    more is settled, but only once everything was seen. A step of the progress is a device. Raises what the directory raises, and what
    `progress` raises; then what was not looked at stays as it was.
    """
    begun = clock()
    with transaction() as session:
        total = session.execute(select(func.count()).select_from(Device)).scalar_one()
    progress.expect(total)
    seen: set[int] = set()
    for assets in asset_store.every_asset():
        with transaction() as session:
            ours = _devices_of(session, assets, rule)
            found = [_of_asset(asset, ours.get(asset.id), since=begun) for asset in assets if asset.status != DELETED]
            differences.record(session, filter(None, found), since=begun, now=clock())
        fresh = {each.device.id for each in ours.values()} - seen
        seen |= fresh
        progress.advance(len(fresh))
    for rows in _chunks_without(seen, transaction):
        with transaction() as session:
            unseen = _ours(session, rows, rule)
            absent = (differences.of_absent(each, since=begun) for each in unseen)
            differences.record(session, filter(None, absent), since=begun, now=clock())
        progress.advance(len(rows))
    with transaction() as session:
        differences.RECORD.forget_unseen(session, since=begun, actor=actor, now=clock())
        return sum(differences.RECORD.counts(session).values())


def look(
    transaction: Transaction, asset_store: AssetStore, difference: HolderDifference, *, rule: str, now: datetime
) -> tuple[Finding | None, Asset | None]:
    """What differs at this moment about the asset or the device of a difference, and the asset. Raises what the directory raises."""
    asset = _asset_of(asset_store, difference)
    with transaction() as session:
        if asset is not None:
            return _of_asset(asset, _devices_of(session, [asset], rule).get(asset.id), since=now), asset
        devices = session.scalars(select(Device).where(Device.tag_key == search_key(difference.asset_tag))).all()
        ours = _ours(session, devices, rule)
        return (differences.of_absent(ours[0], since=now) if ours else None), None


def _asset_of(asset_store: AssetStore, difference: HolderDifference) -> Asset | None:
    """The difference's asset, or the one that is called like its device; None for a deleted one."""
    if not difference.asset_id:
        named = asset_store.find_by_names([difference.asset_tag])
        return named[0] if named else None
    try:
        asset = asset_store.get(difference.asset_id)
    except AssetNotFound:
        return None
    return None if asset.status == DELETED else asset


def _of_asset(asset: Asset, ours: Ours | None, *, since: datetime) -> Finding | None:
    return differences.of_device(ours, asset, since=since) if ours else differences.of_stranger(asset)


def _devices_of(session: Session, assets: Sequence[Asset], rule: str) -> dict[int, Ours]:
    """Asset → its device: the one that is linked with it, or whose tag it has, or that is called like it. In this order."""
    ids, names = [asset.id for asset in assets], {search_key(asset.name): asset.id for asset in assets}
    unlinked = Device.asset_id.is_(None)
    named = {names[each.tag_key]: each for each in session.scalars(select(Device).where(unlinked, Device.tag_key.in_(names)))}
    tagged = select(Tag.asset_id, Device).join(Device, Device.asset_tag == Tag.tag).where(unlinked, Tag.asset_id.in_(ids))
    by_tag = {int(asset_id or 0): device for asset_id, device in session.execute(tagged)}
    linked = {int(each.asset_id or 0): each for each in session.scalars(select(Device).where(Device.asset_id.in_(ids)))}
    elsewhere = {device.id for device in by_tag.values()}
    found = {**{asset_id: each for asset_id, each in named.items() if each.id not in elsewhere}, **by_tag, **linked}
    return dict(zip(found, _ours(session, list(found.values()), rule), strict=True))


def _ours(session: Session, devices: Sequence[Device], rule: str) -> list[Ours]:
    wanted = {device.current_student_id for device in devices if device.current_student_id}
    students = {each.student_id: each for each in session.scalars(select(Student).where(Student.student_id.in_(wanted)))} if wanted else {}
    users = {student_id: rt_username(student, rule) or None for student_id, student in students.items()}
    return [Ours(device, users.get(device.current_student_id or "")) for device in devices]


def _chunks_without(seen: set[int], transaction: Transaction) -> Iterator[list[Device]]:
    """The devices that no asset has shown."""
    last = 0
    while True:
        with transaction() as session:
            rows = list(session.scalars(select(Device).where(Device.id > last).order_by(Device.id).limit(ROWS)))
        if not rows:
            return
        last = rows[-1].id
        if unseen := [device for device in rows if device.id not in seen]:
            yield unseen
