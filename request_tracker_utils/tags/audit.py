"""The audit log of tags: who changed what, when, and why. It is append-only.

Every search is a scan along an index, newest first, so that its time does not grow with the log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Connection, String, bindparam, func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Instant
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.tags.models import Tag, TagEvent
from request_tracker_utils.tags.tag_format import LONGEST_TAG

ACTIONS = {
    "adopted": gettext_noop("imported"),
    "assigned": gettext_noop("assigned"),
    "bound": gettext_noop("assigned by name"),
    "catalog": gettext_noop("catalog changed"),
    "confirmed": gettext_noop("confirmed"),
    "duplicate": gettext_noop("duplicate"),
    "kept": gettext_noop("retired"),
    "left": gettext_noop("ignored"),
    "logged": gettext_noop("legacy assignment"),
    "moved": gettext_noop("moved"),
    "prefix": gettext_noop("prefix added"),
    "released": gettext_noop("released"),
    "renamed": gettext_noop("renamed"),
    "reserved": gettext_noop("reserved"),
    "reset": gettext_noop("reset"),
    "skipped": gettext_noop("skipped"),
    "stuck": gettext_noop("needs attention"),
}
"""Stored action → its name on pages."""
ASSIGNMENTS = ("adopted", "assigned", "bound", "moved")
"""Actions after which an asset has the tag."""
LOGGED = "logged"
"""The action of entries from a legacy log. Unlike the others, they are not in the order of their times."""
PAGE = 50
CHUNK = 1_000
CLOCK_SKEW = timedelta(days=1)
"""How far times may be out of order: a clock was set back, or a long operation recorded the time at which it started."""
LARGEST_ASSET_ID = 2**63 - 1
EXPORT_COLUMNS = ("time", "user", "action", "tag", "asset", "old name", "new name", "reason")

Condition = ColumnElement[bool]


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
    """Adds an entry about a tag. The new name is the tag if an asset has it."""
    new_name = tag.tag if tag.asset_id is not None else None
    record_change(session, tag.tag, tag.asset_id, new_name, action=action, actor=actor, now=now, old_name=old_name, reason=reason)


def assigned_by(session: Session, tag: Tag) -> str | None:
    """Who has assigned the tag to its asset; None for one of a legacy installation."""
    assigned = (TagEvent.tag == tag.tag, TagEvent.asset_id == tag.asset_id, TagEvent.action.in_(ASSIGNMENTS))
    return session.scalar(select(TagEvent.actor).where(*assigned).order_by(TagEvent.id.desc()).limit(1))


def record_change(
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
    """Adds an entry. `tag` has at most 26 characters; see ACTIONS."""
    row = {"at": now, "actor": actor.name, "action": action, "tag": tag, "asset_id": asset_id, "old_name": old_name, "new_name": new_name}
    session.execute(_INSERT, {**row, "reason": reason[:500] if reason else None})


def record_row(session: Session | Connection, values: dict[str, Any]) -> None:
    """Adds the entry of an allocation: all columns but the new name and the reason."""
    new_name = None if values["asset_id"] is None else values["tag"]
    session.execute(_INSERT, {**values, "new_name": new_name, "reason": None})


def record_logged(connection: Connection, assignments: list[tuple[datetime, str, int]], *, actor: Actor) -> None:
    """Adds the entries of a legacy log: time, tag, and asset of each assignment."""
    common = {"actor": actor.name, "action": LOGGED, "old_name": None, "reason": None}
    rows = [{"at": at, "tag": tag, "asset_id": asset_id, "new_name": tag, **common} for at, tag, asset_id in assignments]
    connection.execute(_INSERT, rows)


def history(session: Session, asset_id: int) -> list[TagEvent]:
    """The entries of an asset, oldest first."""
    return list(session.scalars(select(TagEvent).where(TagEvent.asset_id == asset_id).order_by(TagEvent.at, TagEvent.id)))


def duplicates(session: Session, *, since: datetime, limit: int) -> list[TagEvent]:
    """The entries about duplicate names, newest first."""
    found = select(TagEvent).where(TagEvent.action == "duplicate", TagEvent.at >= since)
    return list(session.scalars(found.order_by(TagEvent.id.desc()).limit(limit)))


def recent(session: Session, *, limit: int) -> list[TagEvent]:
    return list(session.scalars(select(TagEvent).order_by(TagEvent.id.desc()).limit(limit)))


@dataclass(frozen=True)
class AuditFilter:
    """Empty fields match everything. `text` is exactly a tag, an asset's number (`123`, `#123`), a user, or an old name; `since` is
    inclusive, `until` exclusive."""

    text: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Search:
    """A row matches if it meets all conditions of one scan. Each scan reads rows in the order of an index; with OR, the database would
    sort them."""

    scans: list[list[Condition]]


def search(session: Session, filter_: AuditFilter) -> Search:
    texts: list[list[Condition]] = [[condition] for condition in _text_conditions(filter_.text)] if filter_.text else [[]]
    actions: list[Condition] = [TagEvent.action == filter_.action] if filter_.action else []
    times = _time_conditions(session, filter_) if filter_.since or filter_.until else [[]]
    return Search([[*text, *actions, *time] for text in texts for time in times])


def newest(session: Session, found: Search, *, before: int | None = None, limit: int = PAGE) -> list[TagEvent]:
    """Newest first. `before` is the id of the last entry on the page before."""
    cursor = [] if before is None else [TagEvent.id < before]
    query = select(TagEvent).order_by(TagEvent.id.desc()).limit(limit)
    scans = [session.scalars(query.where(*scan, *cursor)).all() for scan in found.scans]
    rows = merge(*scans, key=lambda event: -event.id)
    return list(islice({event.id: event for event in rows}.values(), limit))


def stream(session: Session, found: Search, *, limit: int | None = None) -> Iterator[TagEvent]:
    """All entries, or the first `limit`, newest first, read in chunks."""
    last, remaining = None, limit
    while rows := newest(session, found, before=last, limit=CHUNK if remaining is None else min(remaining, CHUNK)):
        yield from rows
        last, remaining = rows[-1].id, None if remaining is None else remaining - len(rows)
        session.expunge_all()


def export_row(event: TagEvent, zone: ZoneInfo) -> list[object]:
    """The values of EXPORT_COLUMNS."""
    at = event.at.astimezone(zone).isoformat(timespec="seconds")
    return [at, event.actor, event.action, event.tag, event.asset_id, event.old_name, event.new_name, event.reason]


def first_id(session: Session, at: datetime) -> int:
    """The first id with a time of `at` or later, by binary search. Entries of a legacy log are skipped."""
    low, high = 1, (session.scalar(select(func.max(TagEvent.id))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        between = (TagEvent.id >= middle, TagEvent.id < high, TagEvent.action != LOGGED)
        row = session.execute(select(TagEvent.id, TagEvent.at).where(*between).order_by(TagEvent.id).limit(1)).first()
        if row is None or row.at >= at:
            high = middle
        else:
            low = row.id + 1
    return low


def _text_conditions(text: str) -> list[Condition]:
    conditions = [TagEvent.actor == text, TagEvent.old_name == text]
    if len(text) <= LONGEST_TAG:
        conditions.append(TagEvent.tag == text)
    number = text.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) <= 19 and int(number) <= LARGEST_ASSET_ID:
        conditions.append(TagEvent.asset_id == int(number))
    return conditions


def _time_conditions(session: Session, filter_: AuditFilter) -> list[list[Condition]]:
    """Most entries are in the order of their times, so that a range of ids is scanned. Entries of a legacy log are not, but their number
    does not grow: a second scan covers them."""
    exact = [
        *([TagEvent.at >= filter_.since] if filter_.since else []),
        *([TagEvent.at < filter_.until] if filter_.until else []),
    ]
    bounds = [
        *([TagEvent.id >= first_id(session, filter_.since - CLOCK_SKEW)] if filter_.since else []),
        *([TagEvent.id < first_id(session, filter_.until + CLOCK_SKEW)] if filter_.until else []),
    ]
    return [[*exact, *bounds, TagEvent.action != LOGGED], [*exact, TagEvent.action == LOGGED]]


_INSERT = text("""
    INSERT INTO tag_events (at, actor, action, tag, asset_id, old_name, new_name, reason)
    VALUES (:at, :actor, :action, :tag, :asset_id, :old_name, :new_name, :reason)""").bindparams(
    bindparam("at", type_=Instant),
    bindparam("asset_id", type_=BigInteger),
    *(bindparam(name, type_=String) for name in ("old_name", "new_name", "reason")),
)
