"""The audit trail: who did what to which tag, when and why."""

from datetime import datetime

from sqlalchemy import BigInteger, Connection, String, bindparam, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Instant
from request_tracker_utils.tags.models import Tag, TagEvent


def record(
    session: Session | Connection,
    tag: Tag,
    *,
    action: str,
    actor: Actor,
    now: datetime,
    old_name: str | None = None,
    reason: str | None = None,
) -> None:
    """Adds a row. Actions: adopted, reserved, assigned, bound, confirmed, renamed, moved, released, kept, left, duplicate, stuck."""
    new_name = tag.tag if tag.asset_id is not None else None
    row = {
        "at": now,
        "actor": actor.name,
        "action": action,
        "tag": tag.tag,
        "asset_id": tag.asset_id,
        "old_name": old_name,
        "new_name": new_name,
    }
    session.execute(_RECORD, {**row, "reason": reason[:500] if reason else None})


def of_asset(session: Session, asset_id: int) -> list[TagEvent]:
    return list(session.scalars(select(TagEvent).where(TagEvent.asset_id == asset_id).order_by(TagEvent.id)))


def recent(session: Session, *, limit: int) -> list[TagEvent]:
    return list(session.scalars(select(TagEvent).order_by(TagEvent.id.desc()).limit(limit)))


_RECORD = text("""
    INSERT INTO tag_events (at, actor, action, tag, asset_id, old_name, new_name, reason)
    VALUES (:at, :actor, :action, :tag, :asset_id, :old_name, :new_name, :reason)""").bindparams(
    bindparam("at", type_=Instant),
    bindparam("asset_id", type_=BigInteger),
    *(bindparam(name, type_=String) for name in ("old_name", "new_name", "reason")),
)
