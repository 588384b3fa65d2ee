"""The audit trail: who did what to which tag, when and why."""

from datetime import datetime

from sqlalchemy import BigInteger, Connection, String, bindparam, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Instant
from request_tracker_utils.tags.models import Tag, TagEvent

ACTIONS = (
    "adopted",
    "assigned",
    "bound",
    "catalog",
    "confirmed",
    "duplicate",
    "kept",
    "left",
    "logged",
    "moved",
    "prefix",
    "released",
    "renamed",
    "reserved",
    "reset",
    "stuck",
)
LOGGED = "logged"
"""What an older installation wrote down: these rows alone bear times of their own, which do not grow with their ids."""


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
    """Adds a row about a tag. Its new name is the tag as long as it is an asset's."""
    new_name = tag.tag if tag.asset_id is not None else None
    write(session, tag.tag, tag.asset_id, new_name, action=action, actor=actor, now=now, old_name=old_name, reason=reason)


def write(
    session: Session | Connection,
    tag: str,
    asset_id: int | None,
    new_name: str | None,
    *,
    action: str,
    actor: Actor,
    now: datetime,
    old_name: str | None = None,
    reason: str | None = None,
) -> None:
    """Adds a row. `tag` holds at most 26 characters; see ACTIONS."""
    row = {"at": now, "actor": actor.name, "action": action, "tag": tag, "asset_id": asset_id, "old_name": old_name, "new_name": new_name}
    session.execute(_RECORD, {**row, "reason": reason[:500] if reason else None})


def write_logged(connection: Connection, given: list[tuple[datetime, str, int]], *, actor: Actor) -> None:
    """Adds what an older installation wrote down: when which tag was given to which asset."""
    common = {"actor": actor.name, "action": LOGGED, "old_name": None, "reason": None}
    rows = [{"at": at, "tag": tag, "asset_id": asset_id, "new_name": tag, **common} for at, tag, asset_id in given]
    connection.execute(_RECORD, rows)


def of_asset(session: Session, asset_id: int) -> list[TagEvent]:
    """The oldest first."""
    return list(session.scalars(select(TagEvent).where(TagEvent.asset_id == asset_id).order_by(TagEvent.at, TagEvent.id)))


def recent(session: Session, *, limit: int) -> list[TagEvent]:
    return list(session.scalars(select(TagEvent).order_by(TagEvent.id.desc()).limit(limit)))


_RECORD = text("""
    INSERT INTO tag_events (at, actor, action, tag, asset_id, old_name, new_name, reason)
    VALUES (:at, :actor, :action, :tag, :asset_id, :old_name, :new_name, :reason)""").bindparams(
    bindparam("at", type_=Instant),
    bindparam("asset_id", type_=BigInteger),
    *(bindparam(name, type_=String) for name in ("old_name", "new_name", "reason")),
)
