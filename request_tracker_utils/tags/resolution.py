"""Settling a difference: it is looked at once more, taken so that nobody else settles it meanwhile, and then done."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
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
from request_tracker_utils.reconciliation.errors import DifferenceChanged, DifferenceSettled
from request_tracker_utils.reconciliation.record import VANISHED
from request_tracker_utils.tags import audit, comparison, differences, lookup, sequence, service
from request_tracker_utils.tags.differences import Finding
from request_tracker_utils.tags.models import DifferenceKind, Tag, TagDifference, TagState
from request_tracker_utils.tags.options import Way, choices
from request_tracker_utils.tags.tag_format import TagName

NOT_CHANGED = (AssetNotFound, AssetStoreRefused, AssetStoreInvalid, AssetStoreBusy)
"""After these the directory is as it was."""
PERHAPS_CHANGED = (AssetStoreUnreachable, AssetStoreBroken, AssetStoreConflict)


class Settlement:
    """Settles differences in somebody's name. `place` is what people call the directory."""

    def __init__(
        self, transaction: Transaction, asset_store: AssetStore, *, place: str, actor: Actor, clock: Callable[[], datetime]
    ) -> None:
        self._transaction, self._asset_store, self._place = transaction, asset_store, place
        self._actor, self._clock = actor, clock
        self._ways = {
            Way.CALL_AGAIN: self._call_again,
            Way.TAKE_NAME: self._take_name,
            Way.TAKE_AWAY: self._take_away,
            Way.NEW_TAG: self._new_tag,
            Way.MOVE: self._move,
            Way.FREE: self._free,
            Way.KEEP: self._keep,
            Way.ADOPT: self._adopt,
            Way.LEAVE: self._leave,
        }

    def settle(self, difference_id: int, way: Way, *, seal: str | None = None) -> str:
        """Returns what came of it, a sentence. `seal` is that of the choice that the person was shown.

        Raises DifferenceNotFound; DifferenceSettled when somebody was faster; DifferenceChanged when it stands otherwise by now, or
        the way is none for it; what the directory raises. After an error the difference is open as before.
        """
        difference = self._examined(difference_id, way, seal)
        now = self._clock()
        with self._transaction() as session:
            _still_open(session, difference_id, lock=True)
            differences.RECORD.close(session, difference_id, str(way), actor=self._actor, now=now)
        try:
            return self._ways[way](difference)
        except IntegrityError:
            self._open_again(difference_id, now)
            raise DifferenceChanged(f"Asset #{difference.asset_id} has got a tag meanwhile. Nothing was changed.") from None
        except AppError:
            self._open_again(difference_id, now)
            raise

    def _open_again(self, difference_id: int, closed_at: datetime) -> None:
        with self._transaction() as session:
            differences.RECORD.open_again(session, difference_id, closed_at=closed_at)

    def _examined(self, difference_id: int, way: Way, seal: str | None) -> TagDifference:
        """The difference, if it stands as the person was shown it, here and in the directory."""
        with self._transaction() as session:
            asset_id = _still_open(session, difference_id).asset_id
            prefixes = comparison.ready_prefixes(session)
        now = self._clock()
        seen = comparison.look(self._transaction, self._asset_store, asset_id=asset_id, prefixes=prefixes, now=now)
        with self._transaction() as session:
            difference = _still_open(session, difference_id)
            stands = seen == _as_recorded(difference)
            if not stands:
                self._correct(session, difference, seen, now)
            choice = choices(session, [difference], place=self._place)[0]
        if not stands:
            raise DifferenceChanged(f"Asset #{asset_id} is not as it was when this was found. {_how_it_is(seen)}")
        if (seal is not None and seal != choice.seal) or way not in [offer.way for offer in choice.offers]:
            raise DifferenceChanged(f"What can be done about #{difference.asset_id} has changed meanwhile. Nothing was done; choose again.")
        return difference

    def _correct(self, session: Session, difference: TagDifference, seen: Finding | None, now: datetime) -> None:
        """Writes down how it stands now, in place of what was found."""
        if seen is None or (seen.kind, seen.tag) != (difference.kind, difference.tag):
            differences.RECORD.close(session, difference.id, VANISHED, actor=self._actor, now=now)
        if seen is not None:
            differences.record(session, [seen], since=now, now=now)

    # One method for each way. Each reads again what it changes, with the sequence held.

    def _call_again(self, difference: TagDifference) -> str:
        with self._transaction() as session:
            _held(session, difference.tag, difference.asset_id)
        old_name = self._asset_store.rename(difference.asset_id, difference.tag)
        with self._transaction() as session:
            tag = _held(session, difference.tag, difference.asset_id)
            service.mark_confirmed(session, tag, action="renamed", actor=self._actor, now=self._clock(), old_name=old_name)
        return f"#{difference.asset_id} is called {difference.tag} again in {self._place}."

    def _take_name(self, difference: TagDifference) -> str:
        name = difference.name or ""
        self._check_nobody_bears(difference.tag)
        with self._transaction() as session:
            for prefix in sorted({_name(session, difference.tag).prefix, _name(session, name).prefix}):
                sequence.lock(session, prefix)
            fate = self._part(session, difference)
            session.flush()  # the asset is free for its other tag from here on
            self._give_named(session, name, difference.asset_id)
        return f"{name} is the tag of #{difference.asset_id} now. {fate}"

    def _take_away(self, difference: TagDifference) -> str:
        self._check_nobody_bears(difference.tag)
        with self._transaction() as session:
            fate = self._part(session, difference)
        return f"#{difference.asset_id} has no tag any more. {fate}"

    def _new_tag(self, difference: TagDifference) -> str:
        with self._transaction() as session:
            prefix = differences.prefix_of(difference.name or "", comparison.ready_prefixes(session)) or ""
            tag = self._allocate(session, prefix, difference.asset_id, difference.name)
        try:
            old_name = self._asset_store.rename(difference.asset_id, tag.tag)
        except NOT_CHANGED as error:
            with self._transaction() as session:
                given = _held(session, tag.tag, difference.asset_id)
                service.release(session, given, actor=self._actor, now=self._clock(), reason=error.message)
            raise
        except PERHAPS_CHANGED as error:
            return f"{tag.tag} is the tag of #{difference.asset_id} now. {self._later(error)}"
        with self._transaction() as session:
            given = _held(session, tag.tag, difference.asset_id)
            service.mark_confirmed(session, given, action="renamed", actor=self._actor, now=self._clock(), old_name=old_name)
        return f"{tag.tag} is the tag of #{difference.asset_id} now."

    def _move(self, difference: TagDifference) -> str:
        with self._transaction() as session:
            holder_id = session.scalar(select(Tag.asset_id).where(Tag.tag == difference.tag))
        holder = self._asset(holder_id) if holder_id is not None else None
        with self._transaction() as session:
            tag = _held(session, difference.tag, holder_id)
            tag.asset_id, tag.previous_name, tag.changed_at = difference.asset_id, None, self._clock()
            tag.state, tag.confirmed_at, tag.due_at, tag.problem = TagState.ASSIGNED, self._clock(), None, None
            tag.attempts = tag.absences = 0
            session.flush()  # who had it is free for another tag from here on
            audit.record(session, tag, action="moved", actor=self._actor, now=self._clock(), reason=f"asset {holder_id} had it")
            other = self._allocate(session, tag.prefix, holder.id, holder.name) if holder else None
        sentence = f"{difference.tag} is the tag of #{difference.asset_id} now."
        if other is None:
            return sentence
        return f"{sentence} {self._name_other(other)}"

    def _name_other(self, tag: Tag) -> str:
        """Calls the asset by its new tag, or leaves that to the job that looks after tags."""
        asset_id = int(tag.asset_id or 0)
        try:
            old_name = self._asset_store.rename(asset_id, tag.tag)
        except (*NOT_CHANGED, *PERHAPS_CHANGED) as error:
            return f"{tag.tag} is that of #{asset_id}. {self._later(error)}"
        with self._transaction() as session:
            given = _held(session, tag.tag, asset_id)
            service.mark_confirmed(session, given, action="renamed", actor=self._actor, now=self._clock(), old_name=old_name)
        return f"{tag.tag} is that of #{asset_id}."

    def _free(self, difference: TagDifference) -> str:
        self._check_nobody_bears(difference.tag)
        with self._transaction() as session:
            tag = _held(session, difference.tag, difference.asset_id)
            if tag.printed_at is not None:
                raise DifferenceChanged(f"A label of {tag.tag} has been printed meanwhile. Nothing was done; choose again.")
            service.release(session, tag, actor=self._actor, now=self._clock(), reason=f"asset {difference.asset_id} is gone")
        return f"{difference.tag} is free, and is given again."

    def _keep(self, difference: TagDifference) -> str:
        with self._transaction() as session:
            tag = _held(session, difference.tag, difference.asset_id)
            service.retire(session, tag, actor=self._actor, now=self._clock(), reason=f"asset {difference.asset_id} is gone")
        return f"{difference.tag} is nobody’s, and is never given again."

    def _adopt(self, difference: TagDifference) -> str:
        with self._transaction() as session:
            self._give_named(session, difference.tag, difference.asset_id)
        return f"{difference.tag} is the tag of #{difference.asset_id} now."

    def _leave(self, difference: TagDifference) -> str:
        name = difference.name or ""
        with self._transaction() as session:
            about = Tag(tag=(difference.tag or name)[:26], asset_id=difference.asset_id)
            reason = f"{difference.kind}: left as it is"
            audit.record(session, about, action="left", actor=self._actor, now=self._clock(), old_name=name, reason=reason)
        return f"#{difference.asset_id} stays as it is, and is not shown again unless its name changes."

    def _part(self, session: Session, difference: TagDifference) -> str:
        """Takes the tag from its asset. Returns what becomes of it."""
        tag = _held(session, difference.tag, difference.asset_id)
        reason = f"asset {difference.asset_id} is called {difference.name}"
        if tag.printed_at is not None:
            service.retire(session, tag, actor=self._actor, now=self._clock(), reason=reason)
            return f"{tag.tag} is never given again, since a label of it was printed."
        service.release(session, tag, actor=self._actor, now=self._clock(), reason=reason)
        return f"{tag.tag} is free, and is given again."

    def _give_named(self, session: Session, text: str, asset_id: int) -> None:
        """Makes the asset's name its tag. Raises DifferenceChanged when somebody has it."""
        name = _name(session, text)
        held = sequence.lock(session, name.prefix)
        now = self._clock()
        tag = session.scalar(select(Tag).where(Tag.tag == text))
        if tag is None:
            tag = Tag(tag=text, prefix=name.prefix, number=name.number)
            session.add(tag)
        elif tag.state != TagState.RELEASED and not tag.is_retired:
            raise DifferenceChanged(f"{text} is not free any more. Nothing was changed.")
        sequence.advance_past(held, tag.number)
        tag.state, tag.asset_id, tag.changed_at, tag.confirmed_at = TagState.ASSIGNED, asset_id, now, now
        tag.due_at, tag.problem, tag.attempts, tag.absences = None, None, 0, 0
        session.flush()  # the indexes decide here whether the asset is free
        audit.record(session, tag, action="adopted", actor=self._actor, now=now, old_name=text)

    def _allocate(self, session: Session, prefix: str, asset_id: int, old_name: str | None) -> Tag:
        now = self._clock()
        due = now + service.GRACE_PERIOD
        return sequence.allocate(
            session, prefix, state=TagState.ASSIGNED, actor=self._actor, now=now, due_at=due, asset_id=asset_id, old_name=old_name
        )

    def _check_nobody_bears(self, tag: str) -> None:
        """A tag that some asset bears is not given to another one."""
        bearers = self._asset_store.find_by_name(tag)
        if bearers:
            raise DifferenceChanged(f"Asset #{bearers[0].id} is called {tag} in {self._place}. Settle that first; nothing was changed.")

    def _asset(self, asset_id: int) -> Asset | None:
        try:
            asset = self._asset_store.get(asset_id)
        except AssetNotFound:
            return None
        return None if asset.status == comparison.DELETED else asset

    def _later(self, error: AppError) -> str:
        return f"A job tells {self._place} as soon as it can: {error.message}"


def _held(session: Session, text: str, asset_id: int | None) -> Tag:
    """The tag, with its sequence held. Raises DifferenceChanged unless it is this asset's."""
    sequence.lock(session, _name(session, text).prefix)
    tag = session.scalar(select(Tag).where(Tag.tag == text).execution_options(populate_existing=True))
    if tag is None or tag.state == TagState.RELEASED or tag.asset_id != asset_id:
        raise DifferenceChanged(f"{text} has changed hands meanwhile. Compare again to see how it stands.")
    return tag


def _name(session: Session, text: str) -> TagName:
    """Raises DifferenceChanged where the text is no tag."""
    name = lookup.parse_tag(session, text)
    if name is None:
        raise DifferenceChanged(f"{text[:60]} is no tag. Nothing was changed.")
    return name


def _still_open(session: Session, difference_id: int, *, lock: bool = False) -> TagDifference:
    """With `lock` it stays so until the transaction ends. Raises DifferenceNotFound, DifferenceSettled."""
    difference = differences.RECORD.get(session, difference_id, lock=lock)
    if difference.settled_at is not None:
        who = difference.settled_by or "Somebody"
        raise DifferenceSettled(f"{who} was faster: asset #{difference.asset_id} has been seen to already.")
    return difference


def _as_recorded(difference: TagDifference) -> Finding:
    return Finding(DifferenceKind(difference.kind), difference.tag, difference.asset_id, difference.name)


def _how_it_is(seen: Finding | None) -> str:
    if seen is None:
        return "Nothing differs there any more."
    return "Nothing was done; here is how it stands now."
