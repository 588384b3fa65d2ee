"""Resolves creations with an unknown result, because the asset store did not answer or the process died."""

from collections.abc import Callable, Sequence
from datetime import datetime

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.assets import creations
from request_tracker_utils.assets.creations import assets_by_serial
from request_tracker_utils.assets.models import RECOVERY, Creation
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import is_believed
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.tags import lookup, service as tags
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import GRACE_PERIOD

BATCH = 200
SEARCHES = 2
"""Searches without a result after which an asset does not exist. The last one is after the grace period of its tag."""
NOT_CREATED = gettext_noop("The asset was not created. The serial number is available again. Try again.")
WITHOUT_SERIAL = gettext_noop(
    "The asset was created without its serial number. Check the custom field and its permissions, and enter the serial number there."
)


def recover_due(transaction: Transaction, reading: Reading, asset_store: AssetStore, *, actor: Actor, clock: Callable[[], datetime]) -> int:
    """Checks every creation that is due, and returns how many have ended. Raises what the asset store raises: they are due again soon."""
    with transaction() as session:
        ended = creations.end_lapsed(session, now=clock())
    while claimed := RECOVERY.claim_due(transaction, clock, limit=BATCH):
        with RECOVERY.recording(transaction, claimed, clock):
            ended += recover(transaction, reading, asset_store, [each.row for each in claimed], actor=actor, now=clock())
    return ended


def recover(
    transaction: Transaction, reading: Reading, asset_store: AssetStore, unconfirmed: Sequence[Creation], *, actor: Actor, now: datetime
) -> int:
    """Searches the asset store for creations that were sent, and ends those whose result is now known. One request for up to 200.

    Returns how many have ended. Raises what the asset store raises.
    """
    found = assets_by_serial(asset_store, [creation.serial for creation in unconfirmed])
    recoveries = (_Recovery(transaction, reading, asset_store, creation, actor, now) for creation in unconfirmed)
    return sum(each.resolve(found.get(each.creation.serial_key, [])) for each in recoveries)


class _Recovery:
    """The recovery of one creation that was sent."""

    def __init__(
        self, transaction: Transaction, reading: Reading, asset_store: AssetStore, creation: Creation, actor: Actor, now: datetime
    ) -> None:
        self._transaction, self._asset_store, self._actor, self._now = transaction, asset_store, actor, now
        self.creation = creation
        with reading() as session:
            self._reservation = creations.reservation(session, creation)
            self._reading = reading

    def resolve(self, candidates: list[Asset]) -> bool:
        """`candidates` are the assets with the serial number. Returns whether the creation has ended."""
        asset = self._created_asset(candidates)
        if asset is not None:
            return self._created(asset)
        last = self._last_search()
        if self.creation.looks + 1 < SEARCHES or self._now < last:
            with self._transaction() as session:
                creations.record_search(session, self.creation, due_at=max(last, self._now + creations.FIRST_CHECK_AFTER))
            return False
        named = self._asset_store.find_by_name(self._reservation.tag)
        nameless = [asset for asset in named if not asset.serial]
        if len(nameless) == 1:
            return self._created(nameless[0], problem=_(WITHOUT_SERIAL))
        return self._never_created(tag_is_free=not named)

    def _last_search(self) -> datetime:
        """When the search is final: after the grace period, which begins anew once if the clock was set back since the asset was sent."""
        sent_at = self.creation.sent_at
        if sent_at is not None and is_believed(sent_at, self._now):
            return sent_at + GRACE_PERIOD
        return self._now if self.creation.looks >= SEARCHES else self._now + GRACE_PERIOD

    def _created_asset(self, candidates: list[Asset]) -> Asset | None:
        """The asset with the reserved tag, otherwise one with another tag: without the name, the webhook assigns the next tag."""
        by_name = next((asset for asset in candidates if asset.name == self._reservation.tag), None)
        if by_name is not None:
            return by_name
        with self._reading() as session:
            tagged = lookup.tags_of_assets(session, [asset.id for asset in candidates])
        return next((asset for asset in candidates if asset.id in tagged), None)

    def _created(self, asset: Asset, problem: str | None = None) -> bool:
        with self._transaction() as session:
            try:
                tag = tags.bind(session, self._reservation, asset_id=asset.id, name=asset.name, actor=self._actor, now=self._now)
            except (SequenceNotReady, SequenceExhausted) as error:  # the reservation was lost, and no other tag is available
                tag, problem = self._reservation, error.message
            creations.mark_created(session, self.creation, asset_id=asset.id, tag=tag, now=self._now, problem=problem)
        return True

    def _never_created(self, *, tag_is_free: bool) -> bool:
        """If other assets have the tag as their name, the job that confirms tags resolves that."""
        with self._transaction() as session:
            if tag_is_free:
                tags.cancel_reservation(session, self._reservation, actor=self._actor, now=self._now, reason=_(NOT_CREATED))
            creations.mark_failed(session, self.creation, problem=_(NOT_CREATED), now=self._now)
        return True
