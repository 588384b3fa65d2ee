"""Where the directory and the tags differ: what one is, and the record of those that were found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, null, or_, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.tags.confirmation import LEAST_ABSENCE
from request_tracker_utils.tags.errors import DifferenceNotFound
from request_tracker_utils.tags.models import DifferenceKind, Tag, TagDifference, TagState
from request_tracker_utils.tags.names import parse
from request_tracker_utils.tags.service import GRACE

LONGEST_NAME = 500
LEFT, VANISHED = "left", "vanished"
IS_OPEN = TagDifference.settled_at.is_(None)


@dataclass(frozen=True)
class Finding:
    """One difference as it is seen now; the fields are those of TagDifference."""

    kind: DifferenceKind
    tag: str
    asset_id: int
    name: str | None


def of_name(asset_id: int, name: str, *, own: Tag | None, bearer: Tag | None, prefixes: Sequence[str], since: datetime) -> Finding | None:
    """What is wrong with the asset's name: `own` is the tag that the asset has here, `bearer` the one that its name is.

    None where nothing is, and for tags that somebody works on: their turn comes without us. `since` is when the name was asked for
    at the earliest; what was done to a tag later is newer than the name.
    """
    if own is not None:
        agrees = own.tag == name or _is_under_way(own, since, GRACE)
        return None if agrees else Finding(DifferenceKind.RENAMED, own.tag, asset_id, name)
    if bearer is not None and _is_under_way(bearer, since, GRACE):
        return None
    if bearer is not None and bearer.asset_id is not None:
        return Finding(DifferenceKind.TWIN, name, asset_id, name)
    if any(parse(name, prefix) for prefix in prefixes):
        return Finding(DifferenceKind.UNKNOWN, name, asset_id, name)
    return Finding(DifferenceKind.MISSPELT, "", asset_id, name) if prefix_of(name, prefixes) is not None else None


def of_absent(tag: Tag, name: str | None, *, since: datetime) -> Finding | None:
    """The directory does not hold the tag's asset, or only as a deleted one of this name. An asset that is being created may
    stay out of sight for long, so its tag is given time."""
    if _is_under_way(tag, since, LEAST_ABSENCE):
        return None
    return Finding(DifferenceKind.GONE, tag.tag, int(tag.asset_id or 0), name)


def prefix_of(name: str, prefixes: Iterable[str]) -> str | None:
    """The longest of the prefixes with which the name begins, without case."""
    fitting = [prefix for prefix in prefixes if name[: len(prefix)].casefold() == prefix.casefold()]
    return max(fitting, key=len, default=None)


def _is_under_way(tag: Tag, since: datetime, patience: timedelta) -> bool:
    if max(tag.changed_at, tag.confirmed_at or tag.changed_at) >= since:
        return True
    return tag.due_at is not None and (tag.state == TagState.RESERVED or tag.changed_at > since - patience)


def record(session: Session, findings: Sequence[Finding], *, since: datetime, now: datetime) -> None:
    """Writes down what was seen. One that was left as it is stays settled while it has the same name; one that was settled otherwise
    before `since`, and is seen all the same, is open again."""
    rows = [
        {"kind": str(one.kind), "tag": one.tag, "asset_id": one.asset_id, "name": one.name[:LONGEST_NAME] if one.name is not None else None}
        for one in findings
    ]
    if not rows:
        return
    insert = upsert_into(session)(TagDifference)
    seen = insert.excluded
    stays = or_(
        and_(TagDifference.settlement == LEFT, TagDifference.name.is_not_distinct_from(seen.name)),
        and_(TagDifference.settlement != LEFT, TagDifference.settled_at >= since),
    )
    settled = {name: case((stays, getattr(TagDifference, name)), else_=null()) for name in ("settled_at", "settled_by", "settlement")}
    upsert = insert.on_conflict_do_update(
        index_elements=["kind", "asset_id", "tag"], set_={"name": seen.name, "seen_at": seen.seen_at, **settled}
    )
    session.execute(upsert.values([{**row, "found_at": now, "seen_at": now} for row in rows]))


def forget_unseen(session: Session, *, since: datetime, actor: Actor, now: datetime) -> int:
    """Settles the open ones that nobody has seen since then; returns how many. Only for one who has looked at everything."""
    unseen = update(TagDifference).where(IS_OPEN, TagDifference.seen_at < since)
    return int(session.execute(unseen.values(_settled(VANISHED, actor, now))).rowcount)  # type: ignore[attr-defined]


def get(session: Session, difference_id: int, *, lock: bool = False) -> TagDifference:
    """Raises DifferenceNotFound."""
    found = session.get(TagDifference, difference_id, with_for_update=lock or None)
    if found is None:
        raise DifferenceNotFound(f"There is no difference {difference_id}.")
    return found


def close(session: Session, difference_id: int, settlement: str, *, actor: Actor, now: datetime) -> None:
    """Settles it, unless it is settled."""
    still_open = update(TagDifference).where(TagDifference.id == difference_id, IS_OPEN)
    session.execute(still_open.values(_settled(settlement, actor, now)))


def open_again(session: Session, difference_id: int, *, closed_at: datetime) -> None:
    """Takes back what `close` did at that time."""
    ours = update(TagDifference).where(TagDifference.id == difference_id, TagDifference.settled_at == closed_at)
    session.execute(ours.values(settled_at=None, settled_by=None, settlement=None))


def _settled(settlement: str, actor: Actor, now: datetime) -> dict[str, Any]:
    return {"settled_at": now, "settled_by": actor.name, "settlement": settlement}


def counts(session: Session) -> dict[DifferenceKind, int]:
    """How many are open of each kind."""
    rows = session.execute(select(TagDifference.kind, func.count()).where(IS_OPEN).group_by(TagDifference.kind))
    found = {DifferenceKind(kind): count for kind, count in rows}
    return {kind: found.get(kind, 0) for kind in DifferenceKind}


def count_left(session: Session) -> int:
    """How many somebody has left as they are."""
    return session.execute(select(func.count()).where(TagDifference.settlement == LEFT)).scalar_one()


def page_of(session: Session, kind: DifferenceKind, *, after: int, limit: int) -> tuple[list[TagDifference], bool]:
    """Open ones behind that id, in the order in which they were found, and whether more follow."""
    query = select(TagDifference).where(IS_OPEN, TagDifference.kind == kind, TagDifference.id > after)
    found = list(session.scalars(query.order_by(TagDifference.id).limit(limit + 1)))
    return found[:limit], len(found) > limit
