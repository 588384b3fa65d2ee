"""The rows of creations: which serial numbers are free or claimed, the result of each creation, and an actor's recent ones.

If tags are changed too, the sequence's row is locked before the creation's, always in this order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.assets.fields import NewAssetFields, serial_key, serial_problem
from request_tracker_utils.assets.models import OPEN, RECOVER_CREATIONS, SENT, Creation, CreationState
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import column_is_due
from request_tracker_utils.core.db import Reading, affected, after_commit, upsert_into
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.labels.models import LabelledAsset
from request_tracker_utils.tags import lookup
from request_tracker_utils.tags.models import Tag

LEASE = timedelta(minutes=2)
"""Until a claimed serial number is free again if nothing was sent: the process that claimed it has died."""
FIRST_CHECK_AFTER = timedelta(seconds=15)
"""Until the asset store is searched for an asset after it did not answer."""
SENT_TIMEOUT = timedelta(minutes=2)
"""After which the process that sent a creation without recording an answer has died."""
RETENTION = timedelta(days=90)
"""Ended creations are deleted after this time."""
MAX_DESCRIPTION = 300
INTERRUPTED = gettext_noop("The creation was interrupted before the asset was sent to Request Tracker. Nothing was created. Try again.")
MAX_RECENT = 200


@dataclass(frozen=True)
class SerialCheck:
    """`problem` is empty if the serial number is free. `asset_id` and `tag` are those of the asset that has it, if known."""

    serial: str
    problem: str = ""
    asset_id: int | None = None
    tag: str = ""


@dataclass(frozen=True)
class RecentCreation:
    """`tag` is the reserved one while the creation is open. `printed_at` is when its label was last sent to a browser."""

    serial: str
    description: str
    state: CreationState
    at: datetime
    tag: str = ""
    asset_id: int | None = None
    problem: str = ""
    printed_at: datetime | None = None

    @property
    def is_created(self) -> bool:
        return self.state == CreationState.CREATED

    @property
    def has_failed(self) -> bool:
        return self.state == CreationState.FAILED


def check_serials(reading: Reading, asset_store: AssetStore, serials: Sequence[str]) -> list[SerialCheck]:
    """One result for each, in the same order. One request to the asset store for 200. Raises its errors."""
    invalid = {serial: problem.message for serial in serials if (problem := serial_problem(serial))}
    valid = [serial for serial in serials if serial not in invalid]
    with reading() as session:  # before the search of the asset store, which finds assets that are created in the meantime
        in_progress = open_creations(session, valid)
    existing = assets_by_serial(asset_store, valid)
    with reading() as session:
        tagged = lookup.tags_of_assets(session, [assets[0].id for assets in existing.values()])

    def check(serial: str) -> SerialCheck:
        if serial in invalid:
            return SerialCheck(serial, invalid[serial])
        if assets := existing.get(serial_key(serial)):
            tag = tagged.get(assets[0].id)
            return SerialCheck(serial, _("Serial number already exists"), assets[0].id, tag.tag if tag else "")
        return SerialCheck(
            serial, _("Another request is creating an asset with this serial number") if serial_key(serial) in in_progress else ""
        )

    return [check(serial) for serial in serials]


def assets_by_serial(asset_store: AssetStore, serials: Sequence[str]) -> dict[str, list[Asset]]:
    """Serial key → the assets with this serial number, by id. One request to the asset store for 200."""
    return by_serial(asset_store.find_by_serials(serials) if serials else [])


def by_serial(assets: Iterable[Asset]) -> dict[str, list[Asset]]:
    """Serial key → the assets with this serial number, in their order."""
    found: dict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        for serial in asset.serials:
            found[serial_key(serial)].append(asset)
    return found


def claim(session: Session, fields: NewAssetFields, *, actor: Actor, now: datetime, item_id: int | None = None) -> Creation | None:
    """Claims the serial number for this creation; None while another creation has it."""
    return claim_many(session, [(item_id, fields)], actor=actor, now=now).get(serial_key(fields.serial_number))


def claim_many(
    session: Session, assets: Iterable[tuple[int | None, NewAssetFields]], *, actor: Actor, now: datetime
) -> Mapping[str, Creation]:
    """Claims all serial numbers that are free: lowercase serial number → its creation. `assets` are pairs of a task item's id and the
    fields; if several have the same serial number, the first one gets it."""
    rows: dict[str, dict[str, object]] = {}
    for item_id, each in assets:
        rows.setdefault(serial_key(each.serial_number), _row(each, item_id, actor, now))
    # Always in the same order, so that concurrent claims of the same numbers cannot deadlock.
    free = _claim_free(session, [rows[each] for each in sorted(rows)])
    if len(free) < len(rows) and end_lapsed(session, now=now, keys=rows.keys() - free.keys()):
        free |= _claim_free(session, [rows[each] for each in sorted(rows.keys() - free.keys())])
    return free


def end_lapsed(session: Session, *, now: datetime, keys: Iterable[str] | None = None) -> int:
    """Frees serial numbers (lowercase; all by default) with claims that expired before anything was sent."""
    lapsed = update(Creation).where(Creation.state == CreationState.CLAIMED, column_is_due(Creation.due_at, LEASE, now))
    if keys is not None:
        lapsed = lapsed.where(Creation.serial_key.in_(keys))
    return affected(session.execute(lapsed.values(_failed(_(INTERRUPTED), now))))


def open_creation(session: Session, serial: str) -> Creation | None:
    """The open creation of the serial number."""
    return session.scalar(select(Creation).where(Creation.serial_key == serial_key(serial), Creation.state.in_(OPEN)))


def open_creations(session: Session, serials: Iterable[str]) -> dict[str, Creation]:
    """Lowercase serial number → its open creation."""
    keys = list({serial_key(serial) for serial in serials})
    found: dict[str, Creation] = {}
    for begin in range(0, len(keys), 500):
        query = select(Creation).where(Creation.serial_key.in_(keys[begin : begin + 500]), Creation.state.in_(OPEN))
        found |= {each.serial_key: each for each in session.scalars(query)}
    return found


def by_items(session: Session, item_ids: list[int]) -> dict[int, Creation]:
    """Task item → its newest creation."""
    query = select(Creation).where(Creation.item_id.in_(item_ids)).order_by(Creation.id)
    return {int(each.item_id or 0): each for each in session.scalars(query)}


def renew(session: Session, creation: Creation, *, now: datetime) -> bool:
    """Extends the claim. False if something has been sent by now, or the claim has expired."""
    ours = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.CLAIMED)
    return bool(affected(session.execute(ours.values(due_at=now + LEASE))))


def reservation(session: Session, creation: Creation) -> Tag:
    """The tag as it was reserved for this creation; it may have been reassigned since."""
    tag = session.get_one(Tag, creation.tag_id)
    return Tag(id=tag.id, tag=tag.tag, prefix=tag.prefix, number=tag.number, changed_at=creation.sent_at)


def mark_reserved(session: Session, creation: Creation, tag: Tag, *, now: datetime) -> bool:
    """Records the tag that the creation will be sent with. False if the claim has expired."""
    ours = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.CLAIMED)
    return bool(affected(session.execute(ours.values(tag_id=tag.id, sent_at=now))))


def mark_sent(session: Session, creation: Creation, tag: Tag, *, now: datetime) -> bool:
    """Records that the creation is about to be sent with this reserved tag. False if the claim has expired."""
    ours = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.CLAIMED)
    sent = ours.values(state=CreationState.SENT, tag_id=tag.id, sent_at=now, due_at=now + SENT_TIMEOUT)
    return bool(affected(session.execute(sent)))


def mark_unknown(session: Session, creation: Creation, *, problem: str, now: datetime) -> None:
    sent = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.SENT)
    session.execute(sent.values(state=CreationState.UNKNOWN, problem=problem, due_at=now + FIRST_CHECK_AFTER))
    after_commit(session, RECOVER_CREATIONS, after=FIRST_CHECK_AFTER + timedelta(seconds=1))


def record_search(session: Session, creation: Creation, *, due_at: datetime) -> None:
    """Records that the asset store was searched and did not have the asset."""
    sent = update(Creation).where(Creation.id == creation.id, Creation.state.in_(SENT))
    session.execute(sent.values(state=CreationState.UNKNOWN, looks=Creation.looks + 1, due_at=due_at))


def mark_created(session: Session, creation: Creation, *, asset_id: int, tag: Tag, now: datetime, problem: str | None = None) -> None:
    """Records that the asset exists. Applies in every state."""
    created = {"state": CreationState.CREATED, "asset_id": asset_id, "tag_id": tag.id, "problem": problem, "due_at": None, "ended_at": now}
    session.execute(update(Creation).where(Creation.id == creation.id).values(created))


def release(session: Session, creation: Creation, *, problem: str, now: datetime) -> None:
    """Frees a serial number if nothing was sent. One that was sent stays claimed."""
    ours = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.CLAIMED)
    session.execute(ours.values(_failed(problem, now)))


def mark_failed(session: Session, creation: Creation, *, problem: str, now: datetime) -> None:
    """Frees a serial number for which no asset was created, unless the creation has already ended."""
    sent = update(Creation).where(Creation.id == creation.id, Creation.state.in_(SENT))
    session.execute(sent.values(_failed(problem, now)))


def delete_old(session: Session, *, now: datetime) -> int:
    """Deletes creations that ended long ago and returns how many."""
    return affected(session.execute(delete(Creation).where(Creation.ended_at < now - RETENTION)))


def midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """When the current day began in the zone."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def count_created(session: Session, actor: Actor, since: datetime) -> int:
    """How many assets the actor created."""
    own = (Creation.started_by == actor.name, Creation.state == CreationState.CREATED, Creation.ended_at >= since)
    return session.scalar(select(func.count()).select_from(Creation).where(*own)) or 0


def recent_creations(session: Session, actor: Actor, since: datetime) -> list[RecentCreation]:
    """The actor's creations since then, and all that are still open; newest first, at most `MAX_RECENT`. A failed one is omitted if the
    same serial number was tried again later, or had been created already."""
    query = (
        select(Creation, Tag.tag, LabelledAsset.printed_at)
        .outerjoin(Tag, Tag.id == Creation.tag_id)
        .outerjoin(LabelledAsset, LabelledAsset.asset_id == Creation.asset_id)
        .where(Creation.started_by == actor.name, or_(Creation.created_at >= since, Creation.state.in_(OPEN)))
        .order_by(Creation.id.desc())
        .limit(MAX_RECENT)
    )
    rows = session.execute(query).all()
    shown_keys = {creation.serial_key for creation, _tag, _printed_at in rows if not creation.has_failed}
    recent = []
    for creation, tag, printed_at in rows:
        if creation.has_failed and creation.serial_key in shown_keys:
            continue
        shown_keys.add(creation.serial_key)
        recent.append(_recent(creation, tag, printed_at))
    return recent


def _claim_free(session: Session, rows: Sequence[Mapping[str, object]]) -> dict[str, Creation]:
    insert = upsert_into(session)(Creation).on_conflict_do_nothing().returning(Creation)
    return {each.serial_key: each for each in session.scalars(insert, rows)}


def _failed(problem: str, now: datetime) -> dict[str, object]:
    return {"state": CreationState.FAILED, "problem": problem, "due_at": None, "ended_at": now}


def _row(fields: NewAssetFields, item_id: int | None, actor: Actor, now: datetime) -> dict[str, object]:
    return {
        "serial": fields.serial_number,
        "serial_key": serial_key(fields.serial_number),
        "description": fields.description[:MAX_DESCRIPTION],
        "state": CreationState.CLAIMED,
        "item_id": item_id,
        "looks": 0,
        "started_by": actor.name,
        "created_at": now,
        "due_at": now + LEASE,
    }


def _recent(creation: Creation, tag: str | None, printed_at: datetime | None) -> RecentCreation:
    return RecentCreation(
        creation.serial,
        creation.description,
        CreationState(creation.state),
        creation.ended_at or creation.created_at,
        tag="" if creation.has_failed else tag or "",
        asset_id=creation.asset_id,
        problem=creation.problem or "",
        printed_at=printed_at,
    )
