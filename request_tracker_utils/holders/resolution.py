"""Settling a difference: it is looked at once more, taken so that nobody else settles it meanwhile, and then done."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.holders import comparison, differences
from request_tracker_utils.holders.differences import Finding
from request_tracker_utils.holders.models import DifferenceKind, HolderDifference
from request_tracker_utils.holders.options import Way, choices
from request_tracker_utils.reconciliation.errors import DifferenceChanged, DifferenceSettled
from request_tracker_utils.reconciliation.record import VANISHED
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.models import HOLDER_SYNC, Device


class Settlement:
    """Settles differences in somebody's name. `place` is what people call the directory, `rule` is RT_STUDENT_USER."""

    def __init__(
        self, transaction: Transaction, asset_store: AssetStore, *, place: str, rule: str, actor: Actor, clock: Callable[[], datetime]
    ) -> None:
        self._transaction, self._asset_store, self._place, self._rule = transaction, asset_store, place, rule
        self._actor, self._clock = actor, clock
        self._ways: dict[Way, Callable[[HolderDifference, Asset | None], str]] = {
            Way.TELL: self._tell,
            Way.TAKE: self._take,
            Way.CALL_AGAIN: self._call_again,
            Way.LINK: self._link,
            Way.REGISTER: self._register,
            Way.EMPTY: self._empty,
            Way.RETIRE: self._retire,
            Way.LEAVE: self._leave,
        }

    def settle(self, difference_id: int, way: Way, *, seal: str | None = None) -> str:
        """Returns what came of it, a sentence. `seal` is that of the choice that the person was shown.

        Raises DifferenceNotFound; DifferenceSettled when somebody was faster; DifferenceChanged when it stands otherwise by now, or the
        way is none for it; what the directory and the changes raise. After an error the difference is open as before.
        """
        difference, asset = self._examined(difference_id, way, seal)
        now = self._clock()
        with self._transaction() as session:
            _still_open(session, difference_id, lock=True)
            differences.RECORD.close(session, difference_id, str(way), actor=self._actor, now=now)
        try:
            return self._ways[way](difference, asset)
        except IntegrityError:
            self._open_again(difference_id, now)
            raise DifferenceChanged(f"Asset #{difference.asset_id} belongs to another device meanwhile. Nothing was changed.") from None
        except AppError:
            self._open_again(difference_id, now)
            raise

    def _open_again(self, difference_id: int, closed_at: datetime) -> None:
        with self._transaction() as session:
            differences.RECORD.open_again(session, difference_id, closed_at=closed_at)

    def _examined(self, difference_id: int, way: Way, seal: str | None) -> tuple[HolderDifference, Asset | None]:
        """The difference and its asset, if it stands as the person was shown it, here and in the directory."""
        with self._transaction() as session:
            shown = _still_open(session, difference_id)
        now = self._clock()
        seen, asset = comparison.look(self._transaction, self._asset_store, shown, rule=self._rule, now=now)
        with self._transaction() as session:
            difference = _still_open(session, difference_id)
            stands = seen == _as_recorded(difference)
            if not stands:
                self._correct(session, difference, seen, now)
            choice = choices(session, [difference], place=self._place, rule=self._rule)[0]
        if not stands:
            how = "Nothing was done; here is how it stands now." if seen else "Nothing differs there any more."
            raise DifferenceChanged(f"{_name(difference)} is not as it was when this was found. {how}")
        if (seal is not None and seal != choice.seal) or way not in [offer.way for offer in choice.offers]:
            raise DifferenceChanged(f"{_name(difference)} cannot be settled like that, or not any more. Nothing was done; choose again.")
        return difference, asset

    def _correct(self, session: Session, difference: HolderDifference, seen: Finding | None, now: datetime) -> None:
        """Writes down how it stands now, in place of what was found."""
        if seen is None or (seen.kind, seen.asset_id, seen.asset_tag) != (difference.kind, difference.asset_id, difference.asset_tag):
            differences.RECORD.close(session, difference.id, VANISHED, actor=self._actor, now=now)
        if seen is not None:
            differences.record(session, [seen], since=now, now=now)

    # One method for each way. Each reads again what it changes, locked.

    def _tell(self, difference: HolderDifference, _asset: Asset | None) -> str:
        with self._transaction() as session:
            self._due(devices.get(session, difference.asset_tag, lock=True), link=difference.asset_id)
        return f"{self._place} is told that {difference.ours or 'nobody'} has {difference.asset_tag}."

    def _take(self, difference: HolderDifference, _asset: Asset | None) -> str:
        with self._transaction() as session:
            device = self._as_found(session, difference)
            choice = choices(session, [difference], place=self._place, rule=self._rule)[0]
            if difference.theirs and choice.held_by is None:
                raise DifferenceChanged(f"{difference.theirs} is no student here any more. Nothing was changed.")
            device.asset_id = difference.asset_id
            reason = f"As in {self._place}: {difference.theirs or 'nobody'} has it there"
            log = assignments.override(session, device, choice.held_by, reason=reason, actor=self._actor, now=self._clock())
            return f"{device.asset_tag} is with {log.student_name} now." if choice.held_by else f"{device.asset_tag} is with nobody now."

    def _call_again(self, difference: HolderDifference, _asset: Asset | None) -> str:
        self._asset_store.rename(difference.asset_id, difference.asset_tag)
        with self._transaction() as session:
            self._due(devices.get(session, difference.asset_tag, lock=True), link=difference.asset_id)
        return f"#{difference.asset_id} is called {difference.asset_tag} again in {self._place}."

    def _link(self, difference: HolderDifference, _asset: Asset | None) -> str:
        with self._transaction() as session:
            serial = devices.get(session, difference.asset_tag).serial_number or ""
        found = self._asset_store.find_by_names([difference.asset_tag])
        if not found and difference.kind == DifferenceKind.MISSING_THERE:
            found = self._asset_store.find_by_serial(serial)
        others = [asset for asset in found if asset.id != difference.asset_id and asset.status != differences.DELETED]
        if len(others) != 1:
            what = "No other asset" if not others else f"{len(others)} assets"
            raise DifferenceChanged(f"{what} in {self._place} can be {difference.asset_tag}. Nothing was changed.")
        with self._transaction() as session:
            former = session.scalar(select(Device).where(Device.asset_id == others[0].id).with_for_update())
            if former is not None:
                former.asset_id = None
                self._due(former)
                session.flush()  # the asset is free for its device from here on
            self._due(devices.get(session, difference.asset_tag, lock=True), link=others[0].id)
        return f"{difference.asset_tag} is asset #{others[0].id} now."

    def _register(self, difference: HolderDifference, asset: Asset | None) -> str:
        read = asset or self._asset_store.get(difference.asset_id)
        values = {"asset_tag": read.name, "asset_id": read.id, "serial_number": read.serial[:100], "model": read.model[:200]}
        now = self._clock()
        with self._transaction() as session:
            choice = choices(session, [difference], place=self._place, rule=self._rule)[0]
            device = devices.create(session, values, now=now)
            reason = f"As in {self._place}: {difference.theirs} has it there"
            assignments.override(session, device, choice.held_by, reason=reason, actor=self._actor, now=now)
            return f"{device.asset_tag} is a device here now, with {choice.held_by.name if choice.held_by else 'nobody'}."

    def _empty(self, difference: HolderDifference, _asset: Asset | None) -> str:
        self._asset_store.set_holder(difference.asset_id, "")
        return f"#{difference.asset_id} is nobody’s in {self._place} now."

    def _retire(self, difference: HolderDifference, _asset: Asset | None) -> str:
        with self._transaction() as session:
            device = self._as_found(session, difference)
            reason = f"There is no such asset in {self._place}"
            assignments.override(session, device, None, reason=reason, status="retired", actor=self._actor, now=self._clock())
            device.rt_due_at = None  # nobody is there to be told of it
        return f"{difference.asset_tag} is retired."

    def _leave(self, difference: HolderDifference, _asset: Asset | None) -> str:
        if difference.kind == DifferenceKind.RENAMED:
            with self._transaction() as session:
                self._due(devices.get(session, difference.asset_tag, lock=True), link=difference.asset_id)
        return f"{_name(difference)} stays as it is, and is not shown again unless something changes."

    def _as_found(self, session: Session, difference: HolderDifference) -> Device:
        """The device, locked. Raises DifferenceChanged when it has changed hands since."""
        device = devices.get(session, difference.asset_tag, lock=True)
        if device.current_student_id != difference.student_id:
            holder = service.find(session, device.current_student_id) if device.current_student_id else None
            who = holder.name if holder else "nobody"
            raise DifferenceChanged(f"{device.asset_tag} is with {who} meanwhile. Nothing was changed.")
        return device

    def _due(self, device: Device, *, link: int | None = None) -> None:
        """Has the job tell of the device soon."""
        device.asset_id = link if link is not None else device.asset_id
        HOLDER_SYNC.mark_due(device, now=self._clock())


def _name(difference: HolderDifference) -> str:
    return difference.asset_tag or f"Asset #{difference.asset_id}"


def _still_open(session: Session, difference_id: int, *, lock: bool = False) -> HolderDifference:
    """With `lock` it stays so until the transaction ends. Raises DifferenceNotFound, DifferenceSettled."""
    difference = differences.RECORD.get(session, difference_id, lock=lock)
    if difference.settled_at is not None:
        who = difference.settled_by or "Somebody"
        raise DifferenceSettled(f"{who} was faster: {_name(difference)} has been seen to already.")
    return difference


def _as_recorded(difference: HolderDifference) -> Finding:
    return Finding(
        DifferenceKind(difference.kind),
        difference.asset_tag,
        difference.asset_id,
        difference.asset_name,
        difference.ours,
        difference.theirs,
        difference.student_id,
    )
