"""Confirms tags: checks whether the asset in the asset store has the tag as its name, until it does."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.actor import REQUEST_TRACKER, Actor
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.outbox import Claim
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import audit, duplicates, sequence, service
from request_tracker_utils.tags.comparison import DISCREPANCIES, LONGEST_NAME
from request_tracker_utils.tags.duplicates import Namesakes, PrintedLabels
from request_tracker_utils.tags.models import CONFIRMATION, LEAST_ABSENCE, DiscrepancyKind, Tag, TagDiscrepancy, TagState

BATCH = 100
NO_LABELS = PrintedLabels()
ABSENCES_OF_ASSIGNED = 5
ABSENCES_OF_RESERVED = 2
MAX_AGE = timedelta(days=1)
"""The default of WEBHOOK_MAX_AGE_HOURS."""
CLOCK_DIFFERENCE = timedelta(hours=1)
"""By how much the asset store's clock may be behind ours: then its assets look older than they are."""


def confirm_due(
    transaction: Transaction,
    asset_store: AssetStore,
    *,
    actor: Actor,
    clock: Callable[[], datetime],
    labels: PrintedLabels = NO_LABELS,
    max_age: timedelta = MAX_AGE,
) -> int:
    """Checks every tag that is due, and returns how many need no further check. A batch takes two requests, by id and by name. Raises the
    errors of an unreachable asset store; the tags are then due again soon.

    An asset that was older than `max_age` when the webhook was called for it is not renamed: anyone with the webhook's secret could call it
    for any asset.
    """
    confirmed = 0
    while claims := CONFIRMATION.claim_due(transaction, clock, limit=BATCH):
        with CONFIRMATION.recording(transaction, claims, clock):
            asset_ids = [claim.row.asset_id for claim in claims if claim.row.asset_id]
            assets = {asset.id: asset for chunk in asset_store.get_many(asset_ids) for asset in chunk}
            searched_at = clock()
            named = _by_name(asset_store.find_by_names([claim.row.tag for claim in claims]))
            for claim in claims:
                namesakes = Namesakes(named[claim.row.tag], searched_at, labels)
                check = _Check(transaction, asset_store, claim, actor, clock, namesakes, max_age)
                with CONFIRMATION.attempt(transaction, claim, clock):
                    confirmed += check.run(assets.get(claim.row.asset_id or 0))
    return confirmed


def _by_name(assets: Iterable[Asset]) -> dict[str, list[Asset]]:
    named: dict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        named[asset.name].append(asset)
    return named


class _Check:
    """One check of one tag that was claimed. `namesakes` are the assets that have the tag as their name."""

    def __init__(
        self,
        transaction: Transaction,
        asset_store: AssetStore,
        claim: Claim[Tag],
        actor: Actor,
        clock: Callable[[], datetime],
        namesakes: Namesakes,
        max_age: timedelta,
    ) -> None:
        self._transaction, self._asset_store, self._actor = transaction, asset_store, actor
        self._namesakes, self._max_age = namesakes, max_age
        self._claim, self._tag, self._now = claim, claim.row, clock()

    def run(self, asset: Asset | None) -> bool:
        """Whether no further check is needed. `asset` is the tag's asset as it was just read. Raises Conflict for a problem that
        a person has to correct, and errors of the asset store."""
        tag = self._tag
        if asset is not None and (self._was_left_alone(asset) or self._has_lost_tag(asset)):
            return True
        if asset is not None and asset.name == tag.tag:
            return self._confirm(asset.id, "confirmed", tag.previous_name)
        if asset is not None and tag.state == TagState.ASSIGNED:
            old_name = self._asset_store.rename(asset.id, tag.tag, old_name=asset.name)
            return self._confirm(asset.id, "renamed", old_name)
        if not self._is_absent_for_long():
            return self._record_absence()
        deleted = self._deleted() if asset is None and tag.asset_id is not None else None
        if deleted is not None:
            return self.run(deleted)
        return self._end_absence(self._namesakes.assets)

    def _is_old(self, asset: Asset) -> bool:
        """Whether the webhook was called for an asset that was not new. The age at the time of the call counts: a check may be late by
        days. An asset of unknown age counts as old."""
        created_at = asset.created_at
        if created_at is not None and self._tag.changed_at - created_at <= self._max_age + CLOCK_DIFFERENCE:
            return False
        with self._transaction(durable=False) as session:  # it only reads
            return audit.assigned_by(session, self._tag) == REQUEST_TRACKER.name

    def _was_left_alone(self, asset: Asset) -> bool:
        """Whether the asset is not renamed, because it was not new when the webhook was called for it. The difference is then listed for a
        person to decide; the asset keeps both its name and the tag."""
        if asset.name == self._tag.tag or self._tag.state != TagState.ASSIGNED or not self._is_old(asset):
            return False
        called_at, created_at = (
            f"{time:%Y-%m-%d %H:%M} UTC" if time else _("an unknown time") for time in (self._tag.changed_at, asset.created_at)
        )
        problem = _(
            "The webhook was called for this asset at %(called)s, but the asset was created at %(created)s, so it was not renamed. "
            "Decide under Differences whether to rename it or to remove its tag.",
            called=called_at,
            created=created_at,
        )
        kind = DiscrepancyKind.MISSING if asset.is_deleted else DiscrepancyKind.RENAMED
        with self._transaction() as session:
            current = CONFIRMATION.locked(session, self._claim)
            if current is None:
                return True
            CONFIRMATION.fail(session, self._claim, problem)
            found = TagDiscrepancy(kind=str(kind), tag=current.tag, asset_id=asset.id, name=asset.name[:LONGEST_NAME])
            DISCREPANCIES.write(session, [found], since=self._now, now=self._now)
            audit.record_change(
                session, current.tag, asset.id, None, action="stuck", actor=self._actor, now=self._now, old_name=asset.name, reason=problem
            )
        return True

    def _has_lost_tag(self, asset: Asset) -> bool:
        """Whether the asset was given another tag, because another asset has this one as its name."""
        namesakes = self._namesakes.without(asset.id)
        if not namesakes.assets or self._tag.state != TagState.ASSIGNED:
            return False
        try:
            with self._transaction() as session:
                sequence.lock(session, self._tag.prefix)
                current = CONFIRMATION.locked(session, self._claim)
                if current is None:
                    return True
                return duplicates.resolve(session, current, namesakes, actor=self._actor, now=self._now)
        except IntegrityError:
            numbers = ", ".join(str(each.id) for each in namesakes.assets)
            message = _("Several assets have the name %(tag)s: %(numbers)s. This is being resolved.", tag=self._tag.tag, numbers=numbers)
            raise Conflict(message) from None

    def _deleted(self) -> Asset | None:
        """The asset, if it is deleted: Request Tracker's searches skip deleted assets, which retain their names."""
        try:
            return self._asset_store.get(self._tag.asset_id or 0)
        except AssetNotFound:
            return None

    def _is_absent_for_long(self) -> bool:
        """Whether the asset has been absent long enough to decide. A reservation is looked up by name on every check."""
        if self._tag.state == TagState.RESERVED:
            return True
        return self._tag.absences + 1 >= ABSENCES_OF_ASSIGNED and is_over(self._tag.changed_at, LEAST_ABSENCE, self._now)

    def _end_absence(self, named: Sequence[Asset]) -> bool:
        """The tag's asset does not exist. Binds the tag to the asset with its name, or releases it if no asset has the name."""
        tag = self._tag
        if len(named) == 1:
            return self._confirm(named[0].id, "bound", None)
        if len(named) > 1:
            numbers = ", ".join(str(asset.id) for asset in named)
            raise Conflict(_("Several assets have the name %(tag)s: %(numbers)s. Rename all but one.", tag=tag.tag, numbers=numbers))
        if tag.state == TagState.RESERVED and tag.absences + 1 < ABSENCES_OF_RESERVED:
            return self._record_absence()
        with self._transaction() as session:
            current = CONFIRMATION.locked(session, self._claim)
            if current is None:
                return False
            if current.printed_at is not None:
                return self._block(session, current)
            service.release(session, current, actor=self._actor, now=self._now, reason="no asset and no name in the asset store")
            return True

    def _confirm(self, asset_id: int, action: str, old_name: str | None) -> bool:
        try:
            with self._transaction() as session:
                current = CONFIRMATION.locked(session, self._claim)
                if current is None:
                    return False
                current.asset_id = asset_id
                session.flush()  # the index decides whether the asset has another tag
                service.mark_confirmed(session, current, action=action, actor=self._actor, now=self._now, old_name=old_name)
                return True
        except IntegrityError:
            tag = self._tag.tag
            raise Conflict(
                _("Asset #%(asset)s has the name %(tag)s, but another tag here. Correct one of them.", asset=asset_id, tag=tag)
            ) from None

    def _block(self, session: Session, tag: Tag) -> bool:
        """A label with this tag may be on a device: a person has to decide, and no other asset gets the tag."""
        problem = _("The asset does not exist, but a label was printed. The tag will not be reassigned.")
        CONFIRMATION.fail(session, self._claim, problem)
        audit.record(session, tag, action="stuck", actor=self._actor, now=self._now, reason=problem)
        return True

    def _record_absence(self) -> bool:
        problem = _("The asset was not found. It may not exist yet.")
        with self._transaction() as session:
            CONFIRMATION.postpone(session, self._claim, problem, now=self._now, absences=self._tag.absences + 1)
        return False
