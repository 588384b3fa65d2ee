"""An actor's recent creations, for the list beside the form."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.assets.models import OPEN, Creation, CreationState
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.labels.models import LabelledAsset
from request_tracker_utils.tags.models import Tag

MAX_RECENT = 200


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
