"""Afterwards: does the directory hold the name? Tags that are not known to be in their place are looked after until they are."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore, AssetStoreUnreachable
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.tags import audit, service
from request_tracker_utils.tags.models import Tag, TagState

BATCH = 100
LEASE = timedelta(minutes=5)
"""Until a claimed tag may be claimed again: the process that claimed it has died."""
LONGEST_PAUSE = timedelta(hours=1)
ABSENCES_OF_ASSIGNED = 5
LEAST_ABSENCE = timedelta(hours=1)
"""An import that creates assets in one long transaction of Request Tracker shows none of them before it ends."""
ABSENCES_OF_RESERVED = 2


def confirm_due(transaction: Transaction, asset_store: AssetStore, *, actor: Actor, clock: Callable[[], datetime]) -> int:
    """Looks after every tag that is due, and returns how many are settled. Raises what the directory raises when it does not
    answer; the tags then have their next attempt noted, after a growing pause."""
    settled = 0
    while tags := _claim(transaction, now := clock()):
        try:
            assets = {asset.id: asset for chunk in asset_store.get_many([tag.asset_id for tag in tags if tag.asset_id]) for asset in chunk}
        except AppError as error:
            for tag in tags:
                _postpone(transaction, tag, error.message, now)
            raise
        for position, tag in enumerate(tags):
            try:
                settled += _look_after(transaction, asset_store, tag, assets.get(tag.asset_id or 0), actor, now)
            except AssetStoreUnreachable as error:
                for rest in tags[position:]:
                    _postpone(transaction, rest, error.message, now)
                raise
            except AppError as error:
                _postpone(transaction, tag, error.message, now)  # of this asset; the others go on
    return settled


def _claim(transaction: Transaction, now: datetime) -> list[Tag]:
    with transaction() as session:
        due = select(Tag).where(Tag.due_at <= now, Tag.state != TagState.RELEASED).order_by(Tag.due_at).limit(BATCH)
        tags = list(session.scalars(due.with_for_update(skip_locked=True)))
        for tag in tags:
            tag.due_at = now + LEASE
            tag.attempts += 1
        return tags


def _look_after(transaction: Transaction, asset_store: AssetStore, tag: Tag, asset: Asset | None, actor: Actor, now: datetime) -> bool:
    if asset is not None and asset.name == tag.tag:
        return _settle(transaction, tag, asset.id, "confirmed", actor, now, tag.previous_name)
    if asset is not None and tag.state == TagState.ASSIGNED:
        old_name = asset_store.rename(asset.id, tag.tag, seen=asset.name)
        return _settle(transaction, tag, asset.id, "renamed", actor, now, old_name)
    if not _absent_for_long(tag, now):
        _note_absence(transaction, tag, now)
        return False
    hidden = _hidden(asset_store, tag.asset_id) if asset is None and tag.asset_id is not None else None
    if hidden is not None:
        return _look_after(transaction, asset_store, tag, hidden, actor, now)
    return _settle_absent(transaction, tag, asset_store.find_by_name(tag.tag), actor, now)


def _hidden(asset_store: AssetStore, asset_id: int) -> Asset | None:
    """The asset that is there after all: Request Tracker's searches pass over deleted assets, which keep their names."""
    try:
        return asset_store.get(asset_id)
    except AssetNotFound:
        return None


def _absent_for_long(tag: Tag, now: datetime) -> bool:
    """Whether this absence is the last one before the tag's fate is decided. A reservation is looked up by name each time."""
    if tag.state == TagState.RESERVED:
        return True
    return tag.absences + 1 >= ABSENCES_OF_ASSIGNED and now - tag.changed_at >= LEAST_ABSENCE


def _settle_absent(transaction: Transaction, tag: Tag, holders: list[Asset], actor: Actor, now: datetime) -> bool:
    """The asset that should have the tag has it not. Whoever bears the name in the directory has it; if nobody does, it is free."""
    if len(holders) == 1:
        return _settle(transaction, tag, holders[0].id, "bound", actor, now, None)
    if len(holders) > 1:
        numbers = ", ".join(str(asset.id) for asset in holders)
        _postpone(transaction, tag, f"Several assets are called {tag.tag}: {numbers}. Rename all but one.", now)
        return False
    if tag.state == TagState.RESERVED and tag.absences + 1 < ABSENCES_OF_RESERVED:
        _note_absence(transaction, tag, now)
        return False
    with transaction() as session:
        current = _unchanged(session, tag)
        if current is None:
            return False
        if current.printed_at is not None:
            return _keep_printed(session, current, actor, now)
        service.release(session, current, actor=actor, now=now, reason="the directory holds no such asset and no such name")
        return True


def _settle(transaction: Transaction, tag: Tag, asset_id: int, action: str, actor: Actor, now: datetime, old_name: str | None) -> bool:
    try:
        with transaction() as session:
            current = _unchanged(session, tag)
            if current is None:
                return False
            current.asset_id = asset_id
            session.flush()  # the index decides whether the asset has another tag
            service.mark_confirmed(session, current, action=action, actor=actor, now=now, old_name=old_name)
            return True
    except IntegrityError:
        _postpone(transaction, tag, f"Asset {asset_id} is called {tag.tag} but has another tag here.", now)
        return False


def _keep_printed(session: Session, tag: Tag, actor: Actor, now: datetime) -> bool:
    """A label with this tag may hang on a device: a person has to decide, and nobody else gets the tag."""
    tag.due_at, tag.problem = None, "The directory no longer has the asset, but a label was printed: the tag is not given again."
    audit.record(session, tag, action="stuck", actor=actor, now=now, reason=tag.problem)
    return True


def _unchanged(session: Session, tag: Tag) -> Tag | None:
    """The tag as it is now, locked, if it is still what was claimed."""
    current = session.scalar(select(Tag).where(Tag.id == tag.id).with_for_update())
    same = current is not None and (current.state, current.asset_id, current.attempts) == (tag.state, tag.asset_id, tag.attempts)
    return current if same else None


def _note_absence(transaction: Transaction, tag: Tag, now: datetime) -> None:
    tag.absences += 1
    _postpone(transaction, tag, "The directory has no such asset (yet).", now, absences=tag.absences)


def _postpone(transaction: Transaction, tag: Tag, problem: str, now: datetime, **more: int) -> None:
    pause = min(LONGEST_PAUSE, timedelta(seconds=5 * 3 ** min(tag.attempts - 1, 8)))
    same = (Tag.id == tag.id, Tag.attempts == tag.attempts, Tag.due_at.is_not(None))
    with transaction() as session:
        session.execute(update(Tag).where(*same).values(due_at=now + pause, problem=problem[:500], **more))
