"""Finding out what became of creations that nobody has heard of any more: the directory was silent, or the process died."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.assets import claims
from request_tracker_utils.assets.models import RECOVERY, Creation
from request_tracker_utils.assets.serials import assets_by_serial
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.tags import lookup, service as tags
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import Tag

BATCH = 200
LOOKS = 2
"""Searches in vain after which an asset does not exist, the last of them after the grace of its tag."""
NEVER = "The directory has no such asset: it was never created. The serial number is free again; try again."
WITHOUT_SERIAL = "The directory has the asset, but did not keep its serial number. Check the field and who may write it, and set it there."


def settle_due(transaction: Transaction, reading: Reading, asset_store: AssetStore, *, actor: Actor, clock: Callable[[], datetime]) -> int:
    """Checks every creation that is due, and returns how many have ended. Raises what the asset store raises: they are due again soon."""
    with transaction() as session:
        ended = claims.end_lapsed(session, now=clock())
    while claimed := RECOVERY.claim_due(transaction, clock, limit=BATCH):
        with RECOVERY.recording(transaction, claimed, clock):
            ended += look(transaction, reading, asset_store, [each.row for each in claimed], actor=actor, now=clock())
    return ended


def look(
    transaction: Transaction, reading: Reading, asset_store: AssetStore, creations: Sequence[Creation], *, actor: Actor, now: datetime
) -> int:
    """Searches the directory for these, which were sent, and ends those of which the truth is known then. One request for 200.

    Returns how many have ended. Raises what the directory raises.
    """
    holders = assets_by_serial(asset_store, [creation.serial for creation in creations])
    looks = (_Look(transaction, reading, asset_store, creation, actor, now) for creation in creations)
    return sum(each.settle(holders.get(each.creation.serial_key, [])) for each in looks)


class _Look:
    """One look after one creation that was sent."""

    def __init__(
        self, transaction: Transaction, reading: Reading, asset_store: AssetStore, creation: Creation, actor: Actor, now: datetime
    ) -> None:
        self._transaction, self._asset_store, self._actor, self._now = transaction, asset_store, actor, now
        self.creation = creation
        with reading() as session:
            self._reservation = _reservation(session, creation)
            self._reading = reading

    def settle(self, holders: list[Asset]) -> bool:
        """`holders` are the directory's assets with the serial number. Returns whether the creation has ended."""
        asset = self._ours(holders)
        if asset is not None:
            return self._created(asset)
        last = (self.creation.sent_at or self._now) + tags.GRACE_PERIOD
        if self.creation.looks + 1 < LOOKS or self._now < last:
            with self._transaction() as session:
                claims.note_look(session, self.creation, due_at=max(last, self._now + claims.FIRST_CHECK_AFTER))
            return False
        named = self._asset_store.find_by_name(self._reservation.tag)
        nameless = [asset for asset in named if not asset.serial]
        if len(nameless) == 1:
            return self._created(nameless[0], problem=WITHOUT_SERIAL)
        return self._never_created(tag_is_free=not named)

    def _ours(self, holders: list[Asset]) -> Asset | None:
        """The asset that bears the tag; else one that the webhook gave another: it was told no name, and was faster."""
        by_name = next((asset for asset in holders if asset.name == self._reservation.tag), None)
        if by_name is not None:
            return by_name
        with self._reading() as session:
            tagged = lookup.tags_of_assets(session, [asset.id for asset in holders])
        return next((asset for asset in holders if asset.id in tagged), None)

    def _created(self, asset: Asset, problem: str | None = None) -> bool:
        with self._transaction() as session:
            try:
                tag = tags.bind(session, self._reservation, asset_id=asset.id, name=asset.name, actor=self._actor, now=self._now)
            except (SequenceNotReady, SequenceExhausted) as error:  # the reservation was lost meanwhile, and no other tag can be had
                tag, problem = self._reservation, error.message
            claims.note_created(session, self.creation, asset_id=asset.id, tag=tag, now=self._now, problem=problem)
        return True

    def _never_created(self, *, tag_is_free: bool) -> bool:
        """A tag that other assets bear in the directory is left to the job that looks after tags."""
        with self._transaction() as session:
            if tag_is_free:
                tags.cancel_reservation(session, self._reservation, actor=self._actor, now=self._now, reason=NEVER)
            claims.note_failed(session, self.creation, problem=NEVER, now=self._now)
        return True


def _reservation(session: Session, creation: Creation) -> Tag:
    """The tag as it was reserved for this creation: by then it may be somebody else's."""
    tag = session.get_one(Tag, creation.tag_id)
    return Tag(id=tag.id, tag=tag.tag, prefix=tag.prefix, number=tag.number, changed_at=creation.sent_at)
