"""Assigning tags: to assets that Request Tracker creates, to assets that this program creates, and manually."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetNotFound, AssetStore, AssetStoreBusy, AssetStoreInvalid, AssetStoreRefused
from request_tracker_utils.core.actor import REQUEST_TRACKER, Actor
from request_tracker_utils.core.db import Transaction, affected, after_commit, upsert_into
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import allocation, audit, sequence
from request_tracker_utils.tags.allocation import CheckedNames
from request_tracker_utils.tags.errors import AssetHasTag, SequenceNotReady, TagNotFound, TagTaken
from request_tracker_utils.tags.lookup import not_a_tag, parse_tag, tag_of_asset, tags_of_assets
from request_tracker_utils.tags.models import CONFIRM_TAGS, CONFIRMATION, GRACE_PERIOD, PendingAsset, Tag, TagSequence, TagState
from request_tracker_utils.tags.prefixes import prefix_for
from request_tracker_utils.tags.tag_format import LONGEST_TAG, TagName

FIRST_CHECK_AFTER = timedelta(seconds=3)
"""When the asset store is first asked for the name: Request Tracker has committed the asset by then."""
LONGEST_NAME = 500


def on_asset_created(
    transaction: Transaction,
    *,
    asset_id: int,
    asset_name: str | None,
    prefix: str,
    now: datetime,
    actor: Actor = REQUEST_TRACKER,
    catalog: str | None = None,
    names: CheckedNames | None = None,
) -> Tag | None:
    """The tag that the webhook responds with: see assign_to_created_asset. Concurrent calls for one asset all get the same tag.

    `prefix` is the default for catalogs without a prefix of their own.
    """
    call: dict[str, Any] = {"asset_id": asset_id, "asset_name": asset_name, "now": now, "actor": actor, "names": names}
    try:
        with transaction() as session:
            return assign_to_created_asset(session, prefix=prefix_for(session, catalog, prefix), **call)
    except IntegrityError:
        with transaction() as session:  # a concurrent call for this asset was faster: its tag is there now
            return assign_to_created_asset(session, prefix=prefix_for(session, catalog, prefix), **call)


def assign_to_created_asset(
    session: Session,
    *,
    asset_id: int,
    asset_name: str | None,
    prefix: str,
    now: datetime,
    actor: Actor = REQUEST_TRACKER,
    names: CheckedNames | None = None,
) -> Tag | None:
    """The tag of an asset that Request Tracker is creating: always the same one, from our own database alone.

    With `names`, those that the asset store was asked for, it raises NameUnchecked like `allocation.allocate`.

    A name that is a free or reserved tag becomes the asset's tag. None until tags can be assigned: then the asset is pending, and gets
    its tag on adoption. An IntegrityError means that a concurrent call for the asset was faster.
    """
    existing = tag_of_asset(session, asset_id)
    if existing is not None:
        return existing
    name = asset_name[:LONGEST_NAME] if asset_name else None
    try:
        bound = _bind_by_name(session, asset_id, name, actor, now) if name else None
        if bound is not None:
            return bound
        due = now + FIRST_CHECK_AFTER
        tag = allocation.allocate(
            session, prefix, state=TagState.ASSIGNED, actor=actor, now=now, due_at=due, asset_id=asset_id, old_name=name, names=names
        )
        _confirm_soon(session)
        return tag
    except SequenceNotReady:
        pending = {"asset_id": asset_id, "name": name, "prefix": prefix, "asked_at": now}
        session.execute(upsert_into(session)(PendingAsset).values(**pending).on_conflict_do_nothing())
        return None


def reserve(session: Session, prefix: str, *, actor: Actor, now: datetime, names: CheckedNames | None = None) -> Tag:
    """Takes the next tag for an asset that is about to be created. `bind` or `cancel_reservation` follows; otherwise a job resolves it.

    Raises like `allocation.allocate`.
    """
    due = now + GRACE_PERIOD
    return allocation.allocate(session, prefix, state=TagState.RESERVED, actor=actor, now=now, due_at=due, names=names)


def bind(session: Session, tag: Tag, *, asset_id: int, name: str | None, actor: Actor, now: datetime) -> Tag:
    """Assigns the reserved tag to the asset that was created with it, and returns the asset's tag.

    `name` is the asset's name as read from the asset store, None if it was not read. The asset has another tag if the webhook call had
    its number only and assigned one, or if the creation outlasted the reservation: that tag wins.
    """
    sequence.lock(session, tag.prefix)
    current = tag_of_asset(session, asset_id)
    if current is None and (reserved := _still_reserved(session, tag)):
        current = reserved
        _assign(session, current, asset_id, action="bound", actor=actor, now=now, old_name=None)
    if current is None:
        return assign_to_created_asset(session, asset_id=asset_id, asset_name=tag.tag, prefix=tag.prefix, now=now, actor=actor) or tag
    if current.id != tag.id:
        if name not in (None, tag.tag):
            cancel_reservation(session, tag, actor=actor, now=now, reason=f"asset {asset_id} got {current.tag} from the webhook")
        elif reserved := _still_reserved(session, tag):  # the asset store may still have the name: a job releases the tag once it does not
            reserved.due_at = now + FIRST_CHECK_AFTER
    if name == current.tag and current.confirmed_at is None:
        mark_confirmed(session, current, action="confirmed", actor=actor, now=now)
    return current


def renew_reservation(session: Session, tag: Tag, *, now: datetime) -> Tag | None:
    """Starts the grace period of the tag from `reserve` again. None if a job has resolved the reservation in the meantime."""
    same = (Tag.id == tag.id, Tag.state == TagState.RESERVED, Tag.asset_id.is_(None), Tag.changed_at == tag.changed_at)
    renewed = update(Tag).where(*same).values(changed_at=now, due_at=now + GRACE_PERIOD)
    if not affected(session.execute(renewed, execution_options={"synchronize_session": False})):
        return None
    return Tag(id=tag.id, tag=tag.tag, prefix=tag.prefix, number=tag.number, changed_at=now)


def cancel_reservation(session: Session, tag: Tag, *, actor: Actor, now: datetime, reason: str) -> None:
    """Releases the tag from `reserve`, unless a job has resolved it in the meantime: another asset may have it by now."""
    sequence.lock(session, tag.prefix)
    if reserved := _still_reserved(session, tag):
        release(session, reserved, actor=actor, now=now, reason=reason)


def release(session: Session, tag: Tag, *, actor: Actor, now: datetime, reason: str) -> None:
    """Makes the tag the next one to be assigned. Only for a tag that the asset store does not have and that was never printed."""
    audit.record(session, tag, action="released", actor=actor, now=now, reason=reason)
    tag.state, tag.asset_id, tag.previous_name = TagState.RELEASED, None, None
    tag.changed_at, tag.confirmed_at, tag.due_at, tag.problem = now, None, None, None


def retire(session: Session, tag: Tag, *, actor: Actor, now: datetime, reason: str) -> None:
    """Removes the tag from its asset, and never assigns it again: a device may have its label."""
    audit.record(session, tag, action="kept", actor=actor, now=now, reason=reason)
    tag.state, tag.asset_id, tag.previous_name = TagState.RESERVED, None, None
    tag.changed_at, tag.confirmed_at, tag.due_at, tag.problem = now, None, None, None


def mark_confirmed(session: Session, tag: Tag, *, action: str, actor: Actor, now: datetime, old_name: str | None = None) -> None:
    """The asset store has the name: nothing is pending."""
    tag.state = TagState.ASSIGNED
    tag.confirmed_at, tag.due_at, tag.problem, tag.absences = now, None, None, 0
    audit.record(session, tag, action=action, actor=actor, now=now, old_name=old_name)


def assign_manually(
    transaction: Transaction, asset_store: AssetStore, *, text: str, asset_id: int, actor: Actor, now: datetime
) -> tuple[Tag, str]:
    """Assigns this tag to the asset, renames the asset, and reads the name back. Returns the tag and the asset's previous name.

    Raises NotATag, TagTaken (with the asset that has it), AssetHasTag; AssetNotFound, AssetStoreRefused and AssetStoreBusy, which use up
    no tag; AssetStoreUnreachable, AssetStoreBroken and AssetStoreConflict, after which a job finds out whether the asset was renamed.
    """
    with transaction() as session:
        _find_available(session, text, asset_id)
    others = [asset.id for asset in asset_store.find_by_name(text) if asset.id != asset_id]
    if others:
        message = _("The tag %(tag)s is not available: asset %(asset)s has this name.", tag=text, asset=others[0])
        raise TagTaken(message, field="asset_tag", asset_tag=text, asset_id=others[0])
    with transaction() as session:
        tag = _reserve_manually(session, text, asset_id, actor, now)
        is_new = tag.state == TagState.RESERVED
    try:
        old_name = asset_store.rename(asset_id, tag.tag)
    except (AssetNotFound, AssetStoreRefused, AssetStoreInvalid, AssetStoreBusy) as error:
        if is_new:
            with transaction() as session:
                release(session, _lock_for(session, tag, asset_id), actor=actor, now=now, reason=error.message)
        raise
    with transaction() as session:
        tag = _lock_for(session, tag, asset_id)
        tag.previous_name = tag.previous_name or old_name
        mark_confirmed(session, tag, action="assigned" if is_new else "confirmed", actor=actor, now=now, old_name=old_name)
    return tag, old_name


def rename_asset(transaction: Transaction, asset_store: AssetStore, *, asset_id: int, name: str, actor: Actor, now: datetime) -> str:
    """Renames the asset in the asset store, and returns its previous name.

    A name that is a tag becomes the asset's tag, see assign_manually. Raises AssetHasTag if the asset has a tag and the name is another
    one; what assign_manually and the asset store raise.
    """
    with transaction() as session:
        is_tag = parse_tag(session, name) is not None
        tag = tag_of_asset(session, asset_id)
    if is_tag:
        return assign_manually(transaction, asset_store, text=name, asset_id=asset_id, actor=actor, now=now)[1]
    if tag is not None:
        raise AssetHasTag(
            _(
                "The name of asset %(asset)s is its tag, %(tag)s, and cannot be changed here. To remove the tag, rename the asset in "
                "Request Tracker, then resolve the difference under Asset tags.",
                asset=asset_id,
                tag=tag.tag,
            ),
            field="asset_name",
            asset_tag=tag.tag,
            asset_id=asset_id,
        )
    old_name = asset_store.rename(asset_id, name)
    entry: dict[str, Any] = {"action": "renamed", "actor": actor, "now": now, "old_name": old_name[:500] or None}
    with transaction() as session:
        audit.record_change(session, name[:LONGEST_TAG], asset_id, name[:500], **entry)  # without a tag, the name identifies the entry
    return old_name


def retry_confirmation(session: Session, tag: str, *, now: datetime) -> None:
    """Makes the tag due now. Raises TagNotFound unless it is pending."""
    same = Tag.tag == tag
    if not CONFIRMATION.retry(session, same, now=now) and not CONFIRMATION.mark_all_due(session, same, Tag.due_at.is_not(None), now=now):
        raise TagNotFound(_("%(tag)s is not pending. Reload the page to see the pending tags.", tag=tag[:60]))


def mark_printed(session: Session, labels: list[tuple[int, str]], *, now: datetime) -> dict[int, str]:
    """Records that devices may have labels of these assets, with these names on them.

    Returns asset's id → tag for the labels that show another name than the tag: the asset store does not have the tag yet.
    """
    tags = tags_of_assets(session, [asset_id for asset_id, _name in labels])
    names = [(tags[asset_id], name) for asset_id, name in labels if asset_id in tags]
    printed = [tag.id for tag, name in names if tag.tag == name and tag.printed_at is None]
    session.execute(update(Tag).where(Tag.id.in_(printed)).values(printed_at=now))
    return {int(tag.asset_id or 0): tag.tag for tag, name in names if tag.tag != name}


def _find_available(session: Session, text: str, asset_id: int) -> tuple[TagSequence, TagName, Tag | None]:
    """The locked sequence, and the tag's row if it has one: free, or the asset's own. Raises NotATag, AssetHasTag, TagTaken."""
    name = _parse_or_refuse(session, text)
    locked = sequence.lock(session, name.prefix)
    current = tag_of_asset(session, asset_id)
    if current is not None and current.tag != text:
        raise AssetHasTag(
            _("Asset %(asset)s already has the tag %(tag)s.", asset=asset_id, tag=current.tag),
            field="request_tracker_id",
            asset_tag=current.tag,
            asset_id=asset_id,
        )
    tag = session.scalar(select(Tag).where(Tag.tag == text))
    if tag is not None and tag.state != TagState.RELEASED and tag.asset_id != asset_id:
        message = _("The tag %(tag)s is not available: %(reason)s.", tag=text, reason=_why_taken(tag))
        raise TagTaken(message, field="asset_tag", asset_tag=text, asset_id=tag.asset_id)
    return locked, name, tag


def _reserve_manually(session: Session, text: str, asset_id: int, actor: Actor, now: datetime) -> Tag:
    locked, name, tag = _find_available(session, text, asset_id)
    if tag is not None and tag.state != TagState.RELEASED:
        return tag
    if tag is None:
        tag = Tag(tag=text, prefix=name.prefix, number=name.number)
        session.add(tag)
    tag.state, tag.asset_id, tag.changed_at, tag.due_at = TagState.RESERVED, asset_id, now, now + GRACE_PERIOD
    tag.attempts = tag.absences = 0
    sequence.advance_past(locked, name.number)
    session.flush()  # the tag's row before its audit entry
    audit.record(session, tag, action="reserved", actor=actor, now=now)
    return tag


def _why_taken(tag: Tag) -> str:
    if tag.asset_id:
        return _("asset %(asset)s has it", asset=tag.asset_id)
    if tag.problem:
        return tag.problem.rstrip(".")
    if tag.is_retired:
        return _("it is retired, because an asset may have it as its name or on its label")
    return _("it is reserved for an asset that is being created")


def _lock_for(session: Session, tag: Tag, asset_id: int) -> Tag:
    """The tag's current row, locked. Raises TagTaken if the asset store took so long that another asset got the tag."""
    sequence.lock(session, tag.prefix)
    current = session.get_one(Tag, tag.id, with_for_update=True, populate_existing=True)
    if current.state == TagState.RELEASED:
        current.state, current.asset_id = TagState.RESERVED, asset_id  # a job released it, and it is still free
    if current.asset_id != asset_id:
        raise TagTaken(
            _("Request Tracker took too long. The tag %(tag)s was assigned to another asset in the meantime.", tag=tag.tag),
            asset_tag=tag.tag,
        )
    return current


def _still_reserved(session: Session, tag: Tag) -> Tag | None:
    """The tag's current row, locked, if this is still the same reservation of it and not a later one."""
    current = session.get_one(Tag, tag.id, with_for_update=True, populate_existing=True)
    is_same = current.state == TagState.RESERVED and current.asset_id is None and current.changed_at == tag.changed_at
    return current if is_same else None


def _parse_or_refuse(session: Session, text: str) -> TagName:
    name = parse_tag(session, text)
    if name is None:
        raise not_a_tag(text, sequence.prefixes(session), field="asset_tag")
    return name


def _bind_by_name(session: Session, asset_id: int, name: str, actor: Actor, now: datetime) -> Tag | None:
    """Assigns the tag that the asset is named after; None if the name is not a tag or the tag is in use."""
    parsed = parse_tag(session, name)
    if parsed is None:
        return None
    if session.scalar(select(Tag.asset_id).where(Tag.tag == name)) is not None:
        return None  # checked before the lock: the asset's own tag may come from another sequence
    locked = sequence.lock(session, parsed.prefix)
    tag = session.scalar(select(Tag).where(Tag.tag == name).execution_options(populate_existing=True))
    if tag is None:
        tag = Tag(tag=name, prefix=parsed.prefix, number=parsed.number)
        session.add(tag)
        sequence.advance_past(locked, parsed.number)
    elif tag.asset_id is not None or tag.is_retired:
        return None
    _assign(session, tag, asset_id, action="bound", actor=actor, now=now, old_name=name)
    return tag


def _assign(session: Session, tag: Tag, asset_id: int, *, action: str, actor: Actor, now: datetime, old_name: str | None) -> None:
    tag.state, tag.asset_id, tag.previous_name = TagState.ASSIGNED, asset_id, old_name
    tag.changed_at, tag.due_at, tag.attempts, tag.absences = now, now + FIRST_CHECK_AFTER, 0, 0
    _confirm_soon(session)
    session.flush()  # the unique indexes refuse an asset that already has a tag
    audit.record(session, tag, action=action, actor=actor, now=now, old_name=old_name)


def _confirm_soon(session: Session) -> None:
    """Just after the tag is due: the clocks of two processes differ."""
    after_commit(session, CONFIRM_TAGS, after=FIRST_CHECK_AFTER + timedelta(seconds=0.5))
