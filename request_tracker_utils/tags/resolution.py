"""Applies the resolutions of tag discrepancies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import (
    Asset,
    AssetNotFound,
    AssetStore,
    AssetStoreBroken,
    AssetStoreBusy,
    AssetStoreConflict,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreUnreachable,
)
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.reconciliation.errors import DiscrepancyChanged
from request_tracker_utils.reconciliation.reconciler import Comparison, Entry
from request_tracker_utils.tags import allocation, audit, comparison, lookup, options, sequence, service
from request_tracker_utils.tags.allocation import CheckedNames, with_checked_names
from request_tracker_utils.tags.models import GRACE_PERIOD, Tag, TagDiscrepancy, TagState
from request_tracker_utils.tags.options import Resolution
from request_tracker_utils.tags.tag_format import LONGEST_TAG, TagName

NOT_RENAMED = (AssetNotFound, AssetStoreRefused, AssetStoreInvalid, AssetStoreBusy)
"""After these errors the asset still has its old name."""
MAYBE_RENAMED = (AssetStoreUnreachable, AssetStoreBroken, AssetStoreConflict)


@dataclass(frozen=True)
class TagReconciler:
    """Compares tags with asset names and resolves what differs. `source` is the name of the asset store on pages."""

    transaction: Transaction
    asset_store: AssetStore
    source: str
    clock: Callable[[], datetime]

    def find(self, running: Comparison[TagDiscrepancy]) -> None:
        comparison.find(running, self.asset_store, prefixes=self._prefixes())

    def recheck(self, discrepancy: TagDiscrepancy, *, now: datetime) -> TagDiscrepancy | None:
        asset_id, prefixes = discrepancy.asset_id, self._prefixes()
        return comparison.recheck(self.transaction, self.asset_store, asset_id=asset_id, prefixes=prefixes, now=now)

    def options(self, session: Session, discrepancies: Sequence[TagDiscrepancy]) -> list[Entry[TagDiscrepancy]]:
        return options.options(session, discrepancies, source=self.source)

    def apply(self, discrepancy: TagDiscrepancy, resolution: str, *, actor: Actor) -> str:
        return _Apply(self, discrepancy, actor).apply(Resolution(resolution))

    def _prefixes(self) -> list[str]:
        with self.transaction() as session:
            return comparison.adopted_prefixes(session)


class _Apply:
    """One method for each resolution. Each locks the sequence and reads again what it changes."""

    def __init__(self, reconciler: TagReconciler, discrepancy: TagDiscrepancy, actor: Actor) -> None:
        self._transaction, self._asset_store = reconciler.transaction, reconciler.asset_store
        self._source, self._clock, self._actor = reconciler.source, reconciler.clock, actor
        self._discrepancy, self._tag, self._asset_id = discrepancy, discrepancy.tag, discrepancy.asset_id
        self._name = discrepancy.name or ""

    def apply(self, resolution: Resolution) -> str:
        return {
            Resolution.RENAME_ASSET: self._rename_asset,
            Resolution.USE_NAME: self._use_name,
            Resolution.REMOVE_TAG: self._remove_tag,
            Resolution.NEW_TAG: self._new_tag,
            Resolution.MOVE_TAG: self._move_tag,
            Resolution.RELEASE_TAG: self._release_tag,
            Resolution.RETIRE_TAG: self._retire_tag,
            Resolution.ADOPT_NAME: self._adopt_name,
            Resolution.IGNORE: self._ignore,
        }[resolution]()

    def _rename_asset(self) -> str:
        with self._transaction() as session:
            _locked_tag(session, self._tag, self._asset_id)
        old_name = self._asset_store.rename(self._asset_id, self._tag)
        self._confirm(self._tag, self._asset_id, old_name)
        return _("#%(asset)s is named %(tag)s in %(source)s again.", asset=self._asset_id, tag=self._tag, source=self._source)

    def _use_name(self) -> str:
        self._check_no_asset_is_named(self._tag)
        with self._transaction() as session:
            for prefix in sorted({_parsed(session, self._tag).prefix, _parsed(session, self._name).prefix}):
                sequence.lock(session, prefix)
            afterwards = self._detach_tag(session)
            session.flush()  # the unique index lets the asset have another tag from here on
            self._make_name_the_tag(session, self._name)
        return f"{self._is_now_the_tag(self._name)} {afterwards}"

    def _remove_tag(self) -> str:
        self._check_no_asset_is_named(self._tag)
        with self._transaction() as session:
            afterwards = self._detach_tag(session)
        return f"{_('The tag was removed from #%(asset)s.', asset=self._asset_id)} {afterwards}"

    def _new_tag(self) -> str:
        def allocate(names: CheckedNames) -> Tag:
            with self._transaction() as session:
                prefix = comparison.longest_prefix(self._name, comparison.adopted_prefixes(session)) or ""
                return self._allocate(session, prefix, self._asset_id, self._discrepancy.name, names)

        tag = with_checked_names(self._asset_store, allocate)
        try:
            old_name = self._asset_store.rename(self._asset_id, tag.tag)
        except NOT_RENAMED as error:
            with self._transaction() as session:
                allocated = _locked_tag(session, tag.tag, self._asset_id)
                service.release(session, allocated, actor=self._actor, now=self._clock(), reason=error.message)
            raise
        except MAYBE_RENAMED as error:
            return f"{self._is_now_the_tag(tag.tag)} {self._retried_later(error)}"
        self._confirm(tag.tag, self._asset_id, old_name)
        return self._is_now_the_tag(tag.tag)

    def _move_tag(self) -> str:
        with self._transaction() as session:
            owner_id = session.scalar(select(Tag.asset_id).where(Tag.tag == self._tag))
        owner = self._asset(owner_id) if owner_id is not None else None
        replacement = with_checked_names(self._asset_store, lambda names: self._move(owner_id, owner, names))
        moved = self._is_now_the_tag(self._tag)
        return f"{moved} {self._rename_former_owner(replacement)}" if replacement else moved

    def _move(self, owner_id: int | None, owner: Asset | None, names: CheckedNames) -> Tag | None:
        """Returns the new tag of the former owner."""
        with self._transaction() as session:
            tag, now = _locked_tag(session, self._tag, owner_id), self._clock()
            tag.asset_id, tag.previous_name, tag.changed_at = self._asset_id, None, now
            tag.state, tag.confirmed_at, tag.due_at, tag.problem = TagState.ASSIGNED, now, None, None
            tag.attempts = tag.absences = 0
            session.flush()  # the unique index lets the former owner have another tag from here on
            audit.record(session, tag, action="moved", actor=self._actor, now=now, reason=f"it was the tag of asset {owner_id}")
            return self._allocate(session, tag.prefix, owner.id, owner.name, names) if owner else None

    def _rename_former_owner(self, tag: Tag) -> str:
        """Renames the asset to its new tag. If that fails, the job that confirms tags retries."""
        asset_id = int(tag.asset_id or 0)
        now_has = _("%(tag)s is now the tag of #%(asset)s.", tag=tag.tag, asset=asset_id)
        try:
            old_name = self._asset_store.rename(asset_id, tag.tag)
        except (*NOT_RENAMED, *MAYBE_RENAMED) as error:
            return f"{now_has} {self._retried_later(error)}"
        self._confirm(tag.tag, asset_id, old_name)
        return now_has

    def _release_tag(self) -> str:
        self._check_no_asset_is_named(self._tag)
        with self._transaction() as session:
            tag = _locked_tag(session, self._tag, self._asset_id)
            if tag.printed_at is not None:
                raise DiscrepancyChanged(
                    _("Nothing was changed: a label with %(tag)s has been printed. Choose another option.", tag=tag.tag)
                )
            service.release(session, tag, actor=self._actor, now=self._clock(), reason=f"asset {self._asset_id} is missing")
        return _("%(tag)s is released and can be assigned again.", tag=self._tag)

    def _retire_tag(self) -> str:
        with self._transaction() as session:
            tag = _locked_tag(session, self._tag, self._asset_id)
            service.retire(session, tag, actor=self._actor, now=self._clock(), reason=f"asset {self._asset_id} is missing")
        return _("%(tag)s is retired and will not be reassigned.", tag=self._tag)

    def _adopt_name(self) -> str:
        with self._transaction() as session:
            self._make_name_the_tag(session, self._tag)
        return self._is_now_the_tag(self._tag)

    def _ignore(self) -> str:
        with self._transaction() as session:
            subject = Tag(tag=(self._tag or self._name)[:LONGEST_TAG], asset_id=self._asset_id)
            reason, now = f"{self._discrepancy.kind}: ignored", self._clock()
            audit.record(session, subject, action="left", actor=self._actor, now=now, old_name=self._name, reason=reason)
        return _("%(label)s is ignored until its name changes.", label=self._discrepancy.label)

    def _detach_tag(self, session: Session) -> str:
        """Removes the tag from its asset. Returns a sentence about what happens to the tag."""
        tag = _locked_tag(session, self._tag, self._asset_id)
        reason = f"asset {self._asset_id} is named {self._discrepancy.name}"
        if tag.printed_at is not None:
            service.retire(session, tag, actor=self._actor, now=self._clock(), reason=reason)
            return _("%(tag)s will not be reassigned, because a label was printed.", tag=tag.tag)
        service.release(session, tag, actor=self._actor, now=self._clock(), reason=reason)
        return _("%(tag)s is released and can be assigned again.", tag=tag.tag)

    def _make_name_the_tag(self, session: Session, text: str) -> None:
        """Raises DiscrepancyChanged if the tag is not available."""
        name = _parsed(session, text)
        locked = sequence.lock(session, name.prefix)
        now = self._clock()
        tag = session.scalar(select(Tag).where(Tag.tag == text))
        if tag is None:
            tag = Tag(tag=text, prefix=name.prefix, number=name.number)
            session.add(tag)
        elif tag.state != TagState.RELEASED and not tag.is_retired:
            raise DiscrepancyChanged(_("Nothing was changed: %(tag)s is not available.", tag=text))
        sequence.advance_past(locked, tag.number)
        tag.state, tag.asset_id, tag.changed_at, tag.confirmed_at = TagState.ASSIGNED, self._asset_id, now, now
        tag.due_at, tag.problem, tag.attempts, tag.absences = None, None, 0, 0
        session.flush()  # the unique index decides here whether the asset has no tag
        audit.record(session, tag, action="adopted", actor=self._actor, now=now, old_name=text)

    def _allocate(self, session: Session, prefix: str, asset_id: int, old_name: str | None, names: CheckedNames) -> Tag:
        now = self._clock()
        values: dict[str, Any] = {"state": TagState.ASSIGNED, "asset_id": asset_id, "old_name": old_name, "names": names}
        return allocation.allocate(session, prefix, actor=self._actor, now=now, due_at=now + GRACE_PERIOD, **values)

    def _confirm(self, text: str, asset_id: int, old_name: str) -> None:
        """Records that the asset was renamed to its tag."""
        with self._transaction() as session:
            tag = _locked_tag(session, text, asset_id)
            service.mark_confirmed(session, tag, action="renamed", actor=self._actor, now=self._clock(), old_name=old_name)

    def _check_no_asset_is_named(self, tag: str) -> None:
        """Raises DiscrepancyChanged if an asset still has the tag as its name, so that another asset cannot get it."""
        named = self._asset_store.find_by_name(tag)
        if named:
            values = {"asset": named[0].id, "tag": tag, "source": self._source}
            raise DiscrepancyChanged(_("Nothing was changed: #%(asset)s is named %(tag)s in %(source)s. Resolve that first.", **values))

    def _asset(self, asset_id: int) -> Asset | None:
        try:
            asset = self._asset_store.get(asset_id)
        except AssetNotFound:
            return None
        return None if asset.is_deleted else asset

    def _is_now_the_tag(self, tag: str) -> str:
        return _("%(tag)s is now the tag of #%(asset)s.", tag=tag, asset=self._asset_id)

    def _retried_later(self, error: AppError) -> str:
        return _("The name in %(source)s will be updated as soon as possible. %(problem)s", source=self._source, problem=error.message)


def _locked_tag(session: Session, text: str, asset_id: int | None) -> Tag:
    """The tag, with its sequence locked. Raises DiscrepancyChanged unless it belongs to this asset."""
    sequence.lock(session, _parsed(session, text).prefix)
    tag = session.scalar(select(Tag).where(Tag.tag == text).execution_options(populate_existing=True))
    if tag is None or tag.state == TagState.RELEASED or tag.asset_id != asset_id:
        raise DiscrepancyChanged(_("Nothing was changed: %(tag)s now belongs to another asset. Compare again.", tag=text))
    return tag


def _parsed(session: Session, text: str) -> TagName:
    """Raises DiscrepancyChanged if the text is not a tag."""
    name = lookup.parse_tag(session, text)
    if name is None:
        raise DiscrepancyChanged(_("Nothing was changed: %(text)s is not a valid tag.", text=text[:60]))
    return name
