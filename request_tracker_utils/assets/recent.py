"""What somebody created lately, for the list beside the form."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.assets.models import OPEN, Creation, CreationState
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.labels.models import LabelledAsset
from request_tracker_utils.tags.models import Tag

MOST = 200


@dataclass(frozen=True)
class Recent:
    """`tag` is the one that is kept for it while it is open. `printed_at` is when its label was handed to a browser last."""

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
    """When the day began that it is in the zone."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def created_since(session: Session, actor: Actor, since: datetime) -> int:
    """How many assets somebody created."""
    mine = (Creation.started_by == actor.name, Creation.state == CreationState.CREATED, Creation.ended_at >= since)
    return session.scalar(select(func.count()).select_from(Creation).where(*mine)) or 0


def recent(session: Session, actor: Actor, since: datetime) -> list[Recent]:
    """What somebody began to create since then, and what is open still; the newest first, at most `MOST`. A failure is left out where
    the same serial number was tried again later, or had been created already."""
    query = (
        select(Creation, Tag.tag, LabelledAsset.printed_at)
        .outerjoin(Tag, Tag.id == Creation.tag_id)
        .outerjoin(LabelledAsset, LabelledAsset.asset_id == Creation.asset_id)
        .where(Creation.started_by == actor.name, or_(Creation.created_at >= since, Creation.state.in_(OPEN)))
        .order_by(Creation.id.desc())
        .limit(MOST)
    )
    rows = session.execute(query).all()
    there = {creation.serial_key for creation, _, _ in rows if not creation.has_failed}
    told, seen = [], set[str]()
    for creation, tag, printed_at in rows:
        if creation.has_failed and creation.serial_key in there | seen:
            continue
        seen.add(creation.serial_key)
        told.append(_told(creation, tag, printed_at))
    return told


def _told(creation: Creation, tag: str | None, printed_at: datetime | None) -> Recent:
    return Recent(
        creation.serial,
        creation.description,
        CreationState(creation.state),
        creation.ended_at or creation.created_at,
        tag="" if creation.has_failed else tag or "",
        asset_id=creation.asset_id,
        problem=creation.problem or "",
        printed_at=printed_at,
    )
