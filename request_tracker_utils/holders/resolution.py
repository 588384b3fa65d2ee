"""Applies the resolutions of holder discrepancies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.holders import comparison, options
from request_tracker_utils.holders.models import DiscrepancyKind, HolderDiscrepancy
from request_tracker_utils.holders.options import Resolution, student_of
from request_tracker_utils.reconciliation.errors import DiscrepancyChanged
from request_tracker_utils.reconciliation.reconciler import Comparison, Entry
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.models import HOLDER_SYNC, Device, Student


@dataclass(frozen=True)
class HolderReconciler:
    """Compares holders and resolves what differs. `source` is the name of the asset store on pages, `rule` is RT_STUDENT_USER."""

    transaction: Transaction
    asset_store: AssetStore
    source: str
    rule: str
    clock: Callable[[], datetime]

    def find(self, running: Comparison[HolderDiscrepancy]) -> None:
        comparison.find(running, self.asset_store, rule=self.rule)

    def recheck(self, discrepancy: HolderDiscrepancy, *, now: datetime) -> HolderDiscrepancy | None:
        return comparison.recheck(self.transaction, self.asset_store, discrepancy, rule=self.rule, now=now)

    def options(self, session: Session, discrepancies: Sequence[HolderDiscrepancy]) -> list[Entry[HolderDiscrepancy]]:
        return options.options(session, discrepancies, source=self.source, rule=self.rule)

    def apply(self, discrepancy: HolderDiscrepancy, resolution: str, *, actor: Actor) -> str:
        return _Apply(self, discrepancy, actor).apply(Resolution(resolution))


class _Apply:
    """One method for each resolution. Each locks and reads again what it changes here."""

    def __init__(self, reconciler: HolderReconciler, discrepancy: HolderDiscrepancy, actor: Actor) -> None:
        self._transaction, self._asset_store = reconciler.transaction, reconciler.asset_store
        self._source, self._rule, self._clock, self._actor = reconciler.source, reconciler.rule, reconciler.clock, actor
        self._discrepancy, self._tag, self._asset_id = discrepancy, discrepancy.asset_tag, discrepancy.asset_id

    def apply(self, resolution: Resolution) -> str:
        return {
            Resolution.PUSH_HOLDER: self._push_holder,
            Resolution.APPLY_HOLDER: self._apply_holder,
            Resolution.RENAME_ASSET: self._rename_asset,
            Resolution.LINK_ASSET: self._link_asset,
            Resolution.ADD_DEVICE: self._add_device,
            Resolution.CLEAR_HOLDER: self._clear_holder,
            Resolution.RETIRE_DEVICE: self._retire_device,
            Resolution.IGNORE: self._ignore,
        }[resolution]()

    def _push_holder(self) -> str:
        self._push_soon()
        if self._discrepancy.ours:
            user = self._discrepancy.ours
            return _("The holder of %(tag)s in %(source)s is being set to %(user)s.", tag=self._tag, source=self._source, user=user)
        return _("The holder of %(tag)s in %(source)s is being cleared.", tag=self._tag, source=self._source)

    def _apply_holder(self) -> str:
        with self._transaction() as session:
            device, student = self._unchanged_device(session), self._their_student(session)
            device.asset_id = self._asset_id
            log = assignments.override(session, device, student, reason=self._reason(), actor=self._actor, now=self._clock())
        if student:
            return _("%(tag)s is now assigned to %(student)s.", tag=self._tag, student=log.student_name)
        return _("%(tag)s was returned.", tag=self._tag)

    def _rename_asset(self) -> str:
        self._asset_store.rename(self._asset_id, self._tag)
        self._push_soon()
        return _("#%(asset)s is named %(tag)s in %(source)s again.", asset=self._asset_id, tag=self._tag, source=self._source)

    def _link_asset(self) -> str:
        with self._transaction() as session:
            serial = devices.get(session, self._tag).serial_number or ""
        found = self._asset_store.find_by_names([self._tag])
        if not found and self._discrepancy.kind == DiscrepancyKind.MISSING:
            found = self._asset_store.find_by_serial(serial)
        others = [asset for asset in found if asset.id != self._asset_id and not asset.is_deleted]
        if len(others) != 1:
            values = {"source": self._source, "tag": self._tag, "count": len(others)}
            if not others:
                raise DiscrepancyChanged(_("Nothing was changed: no other asset in %(source)s matches %(tag)s.", **values))
            raise DiscrepancyChanged(_("Nothing was changed: %(count)s assets in %(source)s match %(tag)s.", **values))
        asset_id = others[0].id
        with self._transaction() as session:
            former = session.scalar(select(Device).where(Device.asset_id == asset_id).with_for_update())
            if former is not None:
                former.asset_id = None
                HOLDER_SYNC.mark_due(former, now=self._clock())
                session.flush()  # the unique index lets this device have the asset from here on
            device = devices.get(session, self._tag, lock=True)
            device.asset_id = asset_id
            HOLDER_SYNC.mark_due(device, now=self._clock())
        return _("%(tag)s is now linked to #%(asset)s.", tag=self._tag, asset=asset_id)

    def _add_device(self) -> str:
        asset = self._asset_store.get(self._asset_id)
        values = {"asset_tag": asset.name, "asset_id": asset.id, "serial_number": asset.serial[:100], "model": asset.model[:200]}
        now = self._clock()
        with self._transaction() as session:
            student = self._their_student(session)
            device = devices.create(session, values, now=now)
            log = assignments.override(session, device, student, reason=self._reason(), actor=self._actor, now=now)
        return _("%(tag)s is now a device, assigned to %(student)s.", tag=device.asset_tag, student=log.student_name)

    def _clear_holder(self) -> str:
        self._asset_store.set_holder(self._asset_id, "")
        return _("The holder of #%(asset)s in %(source)s was cleared.", asset=self._asset_id, source=self._source)

    def _retire_device(self) -> str:
        with self._transaction() as session:
            device, now = self._unchanged_device(session), self._clock()
            reason = f"The asset does not exist in {self._source}"
            assignments.override(session, device, None, reason=reason, status="retired", actor=self._actor, now=now)
            device.rt_due_at = None  # no asset to update
        return _("%(tag)s is retired.", tag=self._tag)

    def _ignore(self) -> str:
        if self._discrepancy.kind == DiscrepancyKind.RENAMED:
            self._push_soon()
        return _("The difference of %(label)s is ignored until something changes.", label=self._discrepancy.label)

    def _push_soon(self) -> None:
        """Links the device to the asset. A job pushes its holder."""
        with self._transaction() as session:
            device = devices.get(session, self._tag, lock=True)
            device.asset_id = self._asset_id
            HOLDER_SYNC.mark_due(device, now=self._clock())

    def _their_student(self, session: Session) -> Student | None:
        """The student who has the asset in the asset store; None if it has no holder. Raises DiscrepancyChanged for other holders."""
        student, theirs = student_of(session, self._discrepancy, rule=self._rule), self._discrepancy.theirs
        if theirs and student is None:
            raise DiscrepancyChanged(_("Nothing was changed: %(user)s is not the user of a student.", user=theirs))
        return student

    def _reason(self) -> str:
        return f"Holder in {self._source}: {self._discrepancy.theirs or 'none'}"

    def _unchanged_device(self, session: Session) -> Device:
        """The device, locked. Raises DiscrepancyChanged if it is assigned to another student now."""
        device = devices.get(session, self._tag, lock=True)
        if device.current_student_id == self._discrepancy.student_id:
            return device
        holder = service.find(session, device.current_student_id) if device.current_student_id else None
        if holder is None:
            raise DiscrepancyChanged(_("Nothing was changed: %(tag)s has been returned in the meantime.", tag=self._tag))
        message = _("Nothing was changed: %(tag)s has been assigned to %(student)s in the meantime.", tag=self._tag, student=holder.name)
        raise DiscrepancyChanged(message)
