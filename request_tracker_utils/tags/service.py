"""Giving tags to assets: from the webhook, to an asset that is being created, or by hand."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetNotFound, AssetStore, AssetStoreBusy, AssetStoreInvalid, AssetStoreRefused
from request_tracker_utils.core.actor import REQUEST_TRACKER, Actor
from request_tracker_utils.core.db import Transaction, after_commit, upsert_into
from request_tracker_utils.tags import sequence, trail
from request_tracker_utils.tags.errors import AssetHasTag, NotATag, SequenceNotReady, TagNotFound, TagTaken
from request_tracker_utils.tags.models import CONFIRMATION, Tag, TagState, WaitingAsset
from request_tracker_utils.tags.names import CONFIRM_TAGS, TagName, parse
from request_tracker_utils.tags.prefixes import prefix_of

FIRST_LOOK = timedelta(seconds=3)
"""Until the directory is asked for the name: Request Tracker has committed the asset by then."""
GRACE = timedelta(minutes=10)
"""How long something under way may take before a job asks the directory what became of it."""
LONGEST_NAME = 500
NEEDS_A_LOOK = or_(Tag.due_at.is_(None), Tag.attempts >= 5)
"""Of the tags with a problem those that time alone does not heal."""


def tag_of_asset(session: Session, asset_id: int) -> Tag | None:
    return session.scalar(select(Tag).where(Tag.asset_id == asset_id))


def name_of_tag(session: Session, text: str) -> TagName | None:
    """The tag that the text is, of whichever prefix; None for anything else."""
    return next((found for prefix in sequence.prefixes(session) if (found := parse(text, prefix))), None)


def tags_of_assets(session: Session, asset_ids: list[int]) -> dict[int, Tag]:
    """Asset's id → its tag, for those that have one."""
    return {int(tag.asset_id or 0): tag for tag in session.scalars(select(Tag).where(Tag.asset_id.in_(asset_ids)))}


def on_asset_created(
    transaction: Transaction,
    *,
    asset_id: int,
    asset_name: str | None,
    prefix: str,
    now: datetime,
    actor: Actor = REQUEST_TRACKER,
    catalog: str | None = None,
) -> Tag | None:
    """What the webhook answers: see give_to_created_asset. Of several calls for one asset at once all get the same tag.

    `prefix` holds where the catalog has none of its own.
    """
    call: dict[str, Any] = {"asset_id": asset_id, "asset_name": asset_name, "now": now, "actor": actor}
    try:
        with transaction() as session:
            return give_to_created_asset(session, prefix=prefix_of(session, catalog, prefix), **call)
    except IntegrityError:
        with transaction() as session:  # another call for this asset was faster: its tag is there now
            return give_to_created_asset(session, prefix=prefix_of(session, catalog, prefix), **call)


def give_to_created_asset(
    session: Session, *, asset_id: int, asset_name: str | None, prefix: str, now: datetime, actor: Actor = REQUEST_TRACKER
) -> Tag | None:
    """The tag of an asset that Request Tracker says it is creating: always the same one, from our own database alone.

    A name that is one of our tags, and free or reserved, is bound to the asset. None until tags can be given: then the asset
    waits, and gets one as soon as they can. An IntegrityError says that another call for the asset was faster.
    """
    known = tag_of_asset(session, asset_id)
    if known is not None:
        return known
    name = asset_name[:LONGEST_NAME] if asset_name else None
    try:
        bound = _bind_named(session, asset_id, name, actor, now) if name else None
        if bound is not None:
            return bound
        due = now + FIRST_LOOK
        tag = sequence.allocate(
            session, prefix, state=TagState.ASSIGNED, actor=actor, now=now, due_at=due, asset_id=asset_id, old_name=name
        )
        _confirm_soon(session)
        return tag
    except SequenceNotReady:
        waiting = {"asset_id": asset_id, "name": name, "prefix": prefix, "asked_at": now}
        session.execute(upsert_into(session)(WaitingAsset).values(**waiting).on_conflict_do_nothing())
        return None


def reserve(session: Session, prefix: str, *, actor: Actor, now: datetime) -> Tag:
    """Takes the next tag for an asset that is about to be created. `bind` or `release` follows; else a job settles it."""
    return sequence.allocate(session, prefix, state=TagState.RESERVED, actor=actor, now=now, due_at=now + GRACE)


def bind(session: Session, tag: Tag, *, asset_id: int, name: str | None, actor: Actor, now: datetime) -> Tag:
    """Makes the reserved tag the tag of the asset that was created under it, and returns the asset's tag.

    `name` is the asset's name as the directory gives it, None when nobody has looked. The asset has another tag when the webhook
    was told of it by its number alone and gave it one, or when the creation outlasted the reservation: that one wins.
    """
    sequence.hold(session, tag.prefix)
    other = tag_of_asset(session, asset_id)
    if other is None and _is_still_reserved(session, tag):
        other = session.get_one(Tag, tag.id)
        _assign(session, other, asset_id, action="bound", actor=actor, now=now, old_name=None)
    if other is None:
        return give_to_created_asset(session, asset_id=asset_id, asset_name=tag.tag, prefix=tag.prefix, now=now, actor=actor) or tag
    if other.id != tag.id:
        if name not in (None, tag.tag):
            give_back(session, tag, actor=actor, now=now, reason=f"asset {asset_id} got {other.tag} from the webhook")
        else:  # the directory may still hold the name: a job frees the tag as soon as it does not
            _have_looked_after(session, tag, now)
    if name == other.tag and other.confirmed_at is None:
        settle(session, other, action="confirmed", actor=actor, now=now)
    return other


def give_back(session: Session, tag: Tag, *, actor: Actor, now: datetime, reason: str) -> None:
    """Releases the tag that `reserve` gave, unless a job has settled it meanwhile: it may be somebody else's by now."""
    sequence.hold(session, tag.prefix)
    if _is_still_reserved(session, tag):
        release(session, session.get_one(Tag, tag.id), actor=actor, now=now, reason=reason)


def release(session: Session, tag: Tag, *, actor: Actor, now: datetime, reason: str) -> None:
    """Frees the tag, to be given again first. Only for a tag that the directory is known not to hold and that was never printed."""
    trail.record(session, tag, action="released", actor=actor, now=now, reason=reason)
    tag.state, tag.asset_id, tag.previous_name = TagState.RELEASED, None, None
    tag.changed_at, tag.confirmed_at, tag.due_at, tag.problem = now, None, None, None


def keep(session: Session, tag: Tag, *, actor: Actor, now: datetime, reason: str) -> None:
    """Takes the tag from its asset, and has nobody get it again: a label of it may hang on a device."""
    trail.record(session, tag, action="kept", actor=actor, now=now, reason=reason)
    tag.state, tag.asset_id, tag.previous_name = TagState.RESERVED, None, None
    tag.changed_at, tag.confirmed_at, tag.due_at, tag.problem = now, None, None, None


def settle(session: Session, tag: Tag, *, action: str, actor: Actor, now: datetime, old_name: str | None = None) -> None:
    """The directory holds the name: nothing is left to do."""
    tag.state = TagState.ASSIGNED
    tag.confirmed_at, tag.due_at, tag.problem, tag.absences = now, None, None, 0
    trail.record(session, tag, action=action, actor=actor, now=now, old_name=old_name)


def confirm_by_hand(transaction: Transaction, asset_store: AssetStore, *, text: str, asset_id: int, actor: Actor, now: datetime) -> Tag:
    """See give_by_hand."""
    return give_by_hand(transaction, asset_store, text=text, asset_id=asset_id, actor=actor, now=now)[0]


def give_by_hand(
    transaction: Transaction, asset_store: AssetStore, *, text: str, asset_id: int, actor: Actor, now: datetime
) -> tuple[Tag, str]:
    """Gives the asset this very tag, and the asset its name in the directory, read back. Returns the tag, and the asset's name before.

    Raises NotATag, TagTaken (with the holder), AssetHasTag; AssetNotFound, DirectoryRefused and DirectoryBusy, and then nothing is spent;
    DirectoryUnreachable, DirectoryBroken and DirectoryConflict, and then a job finds out what became of it.
    """
    with transaction() as session:
        tag = _reserve_by_hand(session, text, asset_id, actor, now)
        fresh = tag.state == TagState.RESERVED
    try:
        old_name = asset_store.rename(asset_id, tag.tag)
    except (AssetNotFound, AssetStoreRefused, AssetStoreInvalid, AssetStoreBusy) as error:
        if fresh:
            with transaction() as session:
                release(session, _still_of(session, tag, asset_id), actor=actor, now=now, reason=error.message)
        raise
    with transaction() as session:
        tag = _still_of(session, tag, asset_id)
        tag.previous_name = tag.previous_name or old_name
        settle(session, tag, action="assigned" if fresh else "confirmed", actor=actor, now=now, old_name=old_name)
    return tag, old_name


def stumbled(session: Session) -> list[Tag]:
    """The tags that a job looks after or has given up on, with what keeps them; those that need a person first."""
    by_need = select(Tag).where(or_(Tag.due_at.is_not(None), Tag.problem.is_not(None)))
    return list(session.scalars(by_need.order_by(Tag.problem.is_(None), Tag.due_at.is_not(None), Tag.id.desc()).limit(200)))


def look_again(session: Session, tag: str, *, now: datetime) -> None:
    """Has a job look after the tag at once. Raises TagNotFound unless it is one that is looked after or was given up on."""
    same = Tag.tag == tag
    if not CONFIRMATION.retry(session, same, now=now) and not CONFIRMATION.mark_all_due(session, same, Tag.due_at.is_not(None), now=now):
        raise TagNotFound(f"No tag {tag[:60]} waits for anything.")


def waiting(session: Session) -> dict[str, int]:
    """How many tags a job looks after until the directory holds them (`unconfirmed`), and how many stumbled (`problems`)."""
    count = select(func.count()).select_from(Tag)
    return {
        "unconfirmed": session.execute(count.where(Tag.due_at.is_not(None))).scalar_one(),
        "problems": session.execute(count.where(Tag.problem.is_not(None), NEEDS_A_LOOK)).scalar_one(),
    }


def assets_waiting(session: Session) -> int:
    """How many assets asked for a tag before any could be given."""
    return session.execute(select(func.count()).select_from(WaitingAsset)).scalar_one()


def mark_printed(session: Session, labels: list[tuple[int, str]], *, now: datetime) -> dict[int, str]:
    """Labels of these assets, with these names on them, may hang on devices from now on.

    Returns asset's id → tag for those whose label says something else than their tag: the directory does not hold it yet.
    """
    tags = tags_of_assets(session, [asset_id for asset_id, _ in labels])
    says = [(tags[asset_id], name) for asset_id, name in labels if asset_id in tags]
    printed = [tag.id for tag, name in says if tag.tag == name and tag.printed_at is None]
    session.execute(update(Tag).where(Tag.id.in_(printed)).values(printed_at=now))
    return {int(tag.asset_id or 0): tag.tag for tag, name in says if tag.tag != name}


def _reserve_by_hand(session: Session, text: str, asset_id: int, actor: Actor, now: datetime) -> Tag:
    name = _known_tag(session, text)
    held = sequence.hold(session, name.prefix)
    has = tag_of_asset(session, asset_id)
    if has is not None and has.tag != text:
        raise AssetHasTag(
            f"Asset {asset_id} has the tag {has.tag} already.", field="request_tracker_id", asset_tag=has.tag, asset_id=asset_id
        )
    tag = session.scalar(select(Tag).where(Tag.tag == text))
    if tag is not None and tag.state != TagState.RELEASED:
        if tag.asset_id == asset_id:
            return tag
        unused = "a label of it may hang on a device" if tag.is_kept else "it is reserved for an asset that is being created"
        nobodys = (tag.problem or unused).rstrip(".")
        holder = f"asset {tag.asset_id} has it" if tag.asset_id else nobodys
        raise TagTaken(f"The tag {text} is not free: {holder}.", field="asset_tag", asset_tag=text, asset_id=tag.asset_id)
    if tag is None:
        tag = Tag(tag=text, prefix=name.prefix, number=name.number)
        session.add(tag)
    tag.state, tag.asset_id, tag.changed_at, tag.due_at = TagState.RESERVED, asset_id, now, now + GRACE
    tag.attempts = tag.absences = 0
    sequence.advance_past(held, name.number)
    session.flush()  # the tag's row before the trail's
    trail.record(session, tag, action="reserved", actor=actor, now=now)
    return tag


def _still_of(session: Session, tag: Tag, asset_id: int) -> Tag:
    """The tag as it stands now. Raises TagTaken when the directory took so long that the tag was given to another asset."""
    sequence.hold(session, tag.prefix)
    current = session.get_one(Tag, tag.id, with_for_update=True, populate_existing=True)
    if current.state == TagState.RELEASED:
        current.state, current.asset_id = TagState.RESERVED, asset_id  # a job gave it up meanwhile, and nobody has taken it
    if current.asset_id != asset_id:
        raise TagTaken(f"The directory took too long; meanwhile the tag {tag.tag} was given to another asset.", asset_tag=tag.tag)
    return current


def _is_still_reserved(session: Session, tag: Tag) -> bool:
    """Whether this is still the reservation that `tag` was, and not a later one of the same tag."""
    current = session.get_one(Tag, tag.id, with_for_update=True, populate_existing=True)
    return current.state == TagState.RESERVED and current.asset_id is None and current.changed_at == tag.changed_at


def _have_looked_after(session: Session, tag: Tag, now: datetime) -> None:
    if _is_still_reserved(session, tag):
        session.get_one(Tag, tag.id).due_at = now + FIRST_LOOK


def _known_tag(session: Session, text: str) -> TagName:
    name = name_of_tag(session, text)
    if name is not None:
        return name
    prefixes = sequence.prefixes(session)
    example = f"{prefixes[0]}0001" if prefixes else "W12-0001"
    raise NotATag(f"{text[:60]} is no tag. Tags look like {example}.", field="asset_tag")


def _bind_named(session: Session, asset_id: int, name: str, actor: Actor, now: datetime) -> Tag | None:
    """The tag that the asset's name is, now the asset's; None when the name is no tag or another asset's."""
    parsed = name_of_tag(session, name)
    if parsed is None:
        return None
    if session.scalar(select(Tag.asset_id).where(Tag.tag == name)) is not None:
        return None  # looked at before the sequence is held: the asset's own tag may come from another one
    held = sequence.hold(session, parsed.prefix)
    tag = session.scalar(select(Tag).where(Tag.tag == name).execution_options(populate_existing=True))
    if tag is None:
        tag = Tag(tag=name, prefix=parsed.prefix, number=parsed.number)
        session.add(tag)
        sequence.advance_past(held, parsed.number)
    elif tag.asset_id is not None or tag.is_kept:
        return None
    _assign(session, tag, asset_id, action="bound", actor=actor, now=now, old_name=name)
    return tag


def _assign(session: Session, tag: Tag, asset_id: int, *, action: str, actor: Actor, now: datetime, old_name: str | None) -> None:
    tag.state, tag.asset_id, tag.previous_name = TagState.ASSIGNED, asset_id, old_name
    tag.changed_at, tag.due_at, tag.attempts, tag.absences = now, now + FIRST_LOOK, 0, 0
    _confirm_soon(session)
    session.flush()  # the indexes decide here whether the asset is free
    trail.record(session, tag, action=action, actor=actor, now=now, old_name=old_name)


def _confirm_soon(session: Session) -> None:
    """A moment after the tag is due: the clocks of two processes differ."""
    after_commit(session, CONFIRM_TAGS, after=FIRST_LOOK + timedelta(seconds=0.5))
