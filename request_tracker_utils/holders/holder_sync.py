"""Pushes the holders of devices to the asset store. A device is due until the asset store is known to agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import Conflict, Unavailable
from request_tracker_utils.core.outbox import Claim, InContext, deliver
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.holders.lookups import no_user, same_user
from request_tracker_utils.holders.models import DiscrepancyKind, HolderDiscrepancy
from request_tracker_utils.reconciliation.models import IGNORED
from request_tracker_utils.students.models import HOLDER_SYNC, Device, Student
from request_tracker_utils.students.service import get_many, rt_username
from request_tracker_utils.tags import lookup

BATCH = 100


@dataclass(frozen=True)
class PendingDevice:
    """A claimed device. `user` should be the holder of its asset, empty for none; `problem` says why the user is unknown."""

    claim: Claim[Device]
    asset_id: int | None
    """The asset that is linked to the device, or has its tag."""
    user: str
    problem: str | None

    @property
    def tag(self) -> str:
        return self.claim.row.asset_tag


class HolderSync:
    """`rule` is RT_STUDENT_USER. `in_context` wraps what runs in another thread; `stopping` says whether this process is shutting down."""

    def __init__(
        self,
        transaction: Transaction,
        asset_store: AssetStore,
        *,
        rule: str,
        clock: Callable[[], datetime],
        in_context: InContext,
        stopping: Callable[[], bool],
    ) -> None:
        self._transaction, self._asset_store, self._rule = transaction, asset_store, rule
        self._clock, self._in_context, self._stopping = clock, in_context, stopping

    def push_due(self) -> int:
        """Pushes the holder of every device that is due, and returns how many agree now. Raises the errors of an unreachable
        asset store; the claimed devices are then due again soon."""
        synced = 0
        while not self._stopping() and (pending := self._claim()):
            with HOLDER_SYNC.recording(self._transaction, [each.claim for each in pending], self._clock):
                found = self._find(pending)
            to_push = []
            for each, asset in found:
                if isinstance(asset, Asset) and not _is_synced(asset, each.user):
                    to_push.append((each, asset))
                else:
                    synced += self._record_without_push(each, asset)
            workers = self._asset_store.workers() if to_push else 1
            deliveries = deliver(to_push, self._push, workers=workers, in_context=self._in_context, stopping=self._stopping)
            for delivery in deliveries:
                synced += bool(delivery.result)
                if not delivery.tried:
                    self._put_back(delivery.item[0])
            for delivery in deliveries:
                if isinstance(delivery.error, Unavailable):
                    raise delivery.error
        return synced

    def _claim(self) -> list[PendingDevice]:
        with self._transaction() as session:
            claims = HOLDER_SYNC.claim(session, now=self._clock(), limit=BATCH)
            devices = [claim.row for claim in claims]
            students = get_many(session, [device.current_student_id for device in devices if device.current_student_id])
            tags = lookup.find_assigned(session, [device.asset_tag for device in devices if device.asset_id is None])
        pending = []
        for claim in claims:
            device, tag = claim.row, tags.get(claim.row.asset_tag)
            asset_id = device.asset_id or (tag.asset_id if tag else None)
            pending.append(PendingDevice(claim, asset_id, *self._user_of(students.get(device.current_student_id or ""))))
        return pending

    def _user_of(self, student: Student | None) -> tuple[str, str | None]:
        """The user's name, or why it is unknown."""
        if student is None:
            return "", None
        if user := rt_username(student, self._rule):
            return user, None
        return "", no_user(student).message

    def _find(self, pending: Sequence[PendingDevice]) -> list[tuple[PendingDevice, Asset | str]]:
        """Each with its asset, or why it has none: one request for a hundred known numbers, and one for the others."""
        ids = [each.asset_id for each in pending if each.asset_id is not None]
        by_id = {asset.id: asset for chunk in self._asset_store.get_many(ids) for asset in chunk} if ids else {}
        names = [each.tag for each in pending if each.asset_id is None]
        by_name: dict[str, list[Asset]] = {}
        for asset in self._asset_store.find_by_names(names) if names else []:
            by_name.setdefault(asset.name, []).append(asset)
        found = [(each, each.problem or _asset_of(each, by_id, by_name.get(each.tag, []))) for each in pending]
        with self._transaction() as session:
            linked = _linked_to(session, [asset.id for _each, asset in found if isinstance(asset, Asset)])
            ignored = _ignored_names(session, [each.tag for each in pending])
        return [(each, _fitting(each, asset, linked, ignored)) for each, asset in found]

    def _record_without_push(self, pending: PendingDevice, asset: Asset | str) -> bool:
        try:
            if isinstance(asset, Asset):
                return self._record_synced(pending, asset)
            problem = asset
        except Conflict as error:
            problem = error.message
        with self._transaction() as session:
            HOLDER_SYNC.postpone(session, pending.claim, problem, now=self._clock())
        return False

    def _push(self, pair: tuple[PendingDevice, Asset]) -> bool:
        """Whether the asset store agrees now. Records and raises errors of the asset store."""
        pending, asset = pair
        with HOLDER_SYNC.recording(self._transaction, [pending.claim], self._clock):
            try:
                self._asset_store.set_holder(asset.id, pending.user)
            except AssetNotFound:
                names = {"asset": asset.id, "tag": pending.tag}
                raise Conflict(_("Asset #%(asset)s of %(tag)s was deleted. Resolve it under Differences.", **names)) from None
            return self._record_synced(pending, asset)

    def _record_synced(self, pending: PendingDevice, asset: Asset) -> bool:
        """Raises Conflict if the asset was linked to another device in the meantime."""
        try:
            with self._transaction() as session:
                return HOLDER_SYNC.settle(session, pending.claim, asset_id=asset.id, rt_synced_at=self._clock())
        except IntegrityError:
            names = {"asset": asset.id}
            raise Conflict(_("Asset #%(asset)s also belongs to another device. Correct the asset ID of one of them.", **names)) from None

    def _put_back(self, pending: PendingDevice) -> None:
        with self._transaction() as session:
            HOLDER_SYNC.put_back(session, pending.claim, now=self._clock())


def _linked_to(session: Session, asset_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Asset → id and tag of the device that is linked to it."""
    rows = session.execute(select(Device.asset_id, Device.id, Device.asset_tag).where(Device.asset_id.in_(asset_ids)))
    return {int(asset_id or 0): (device_id, tag) for asset_id, device_id, tag in rows}


def _ignored_names(session: Session, tags: Sequence[str]) -> set[tuple[int, str]]:
    """Assets with ignored names: their holders are pushed anyway."""
    ignored = and_(HolderDiscrepancy.kind == DiscrepancyKind.RENAMED, HolderDiscrepancy.settlement == IGNORED)
    names = select(HolderDiscrepancy.asset_id, HolderDiscrepancy.asset_name).where(ignored, HolderDiscrepancy.asset_tag.in_(tags))
    return {(asset_id, name) for asset_id, name in session.execute(names)}


def _asset_of(pending: PendingDevice, by_id: dict[int, Asset], named: Sequence[Asset]) -> Asset | str:
    tag = pending.tag
    if pending.asset_id is not None:
        names = {"asset": pending.asset_id, "tag": tag}
        return by_id.get(pending.asset_id) or _(
            "Asset #%(asset)s of %(tag)s does not exist, or is deleted. Resolve it under Differences.", **names
        )
    if len(named) > 1:
        numbers = ", ".join(f"#{asset.id}" for asset in named)
        return _("Several assets have the name %(tag)s: %(numbers)s. Rename all but one.", tag=tag, numbers=numbers)
    return named[0] if named else _("No asset is named %(tag)s. Create the asset, or resolve it under Differences.", tag=tag)


def _fitting(pending: PendingDevice, asset: Asset | str, linked: dict[int, tuple[int, str]], ignored: set[tuple[int, str]]) -> Asset | str:
    """The asset, unless it belongs to another device or was renamed."""
    if isinstance(asset, str):
        return asset
    owner = linked.get(asset.id)
    if owner is not None and owner[0] != pending.claim.id:
        names = {"asset": asset.id, "other": owner[1]}
        return _("Asset #%(asset)s belongs to %(other)s here. Correct the asset ID of one of the two devices.", **names)
    if search_key(asset.name) != search_key(pending.tag) and (asset.id, asset.name[:500]) not in ignored:
        names = {"asset": asset.id, "name": asset.name, "tag": pending.tag}
        return _("Asset #%(asset)s is now named “%(name)s”, not %(tag)s. Resolve it under Differences.", **names)
    return asset


def _is_synced(asset: Asset, user: str) -> bool:
    """Whether the user is already its only holder and owner."""
    return same_user(asset.holder, user) and same_user(asset.owner, user)
