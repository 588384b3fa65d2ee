"""Resolves duplicate names: assets whose name in the asset store is the tag of another asset.

The webhook cannot search the asset store, so that it may assign a tag that an asset has as its name. Confirmation finds both assets. The
one without a label gets another tag; if neither has one, the asset that was tagged last; if both have one, a person decides.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.tags import allocation, audit, sequence
from request_tracker_utils.tags.comparison import DISCREPANCIES
from request_tracker_utils.tags.lookup import tags_of_assets
from request_tracker_utils.tags.models import CONFIRMATION, DiscrepancyKind, Tag, TagDiscrepancy, TagEvent, TagState

NEWS = timedelta(days=7)
"""How long pages show that a name was a duplicate."""
CHOOSE = "Choose under Differences."
"""The end of the reason if a person decides."""


class PrintedLabels:
    """Knows which assets have labels although they have no tag. Another domain provides it; without it, only tags know."""

    def labelled(self, session: Session, asset_ids: Collection[int]) -> set[int]:
        """Those of the assets for which a label was printed."""
        return set()


@dataclass(frozen=True)
class Namesakes:
    """Assets with the name of a tag, as a search found them that started at `searched_at`."""

    assets: Sequence[Asset]
    searched_at: datetime
    labels: PrintedLabels

    def without(self, asset_id: int) -> "Namesakes":
        return replace(self, assets=[asset for asset in self.assets if asset.id != asset_id])


def resolve(session: Session, tag: Tag, namesakes: Namesakes, *, actor: Actor, now: datetime) -> bool:
    """Whether the asset of `tag` has lost it. `tag` and its sequence are locked; `namesakes` are the other assets with this name.

    Assets that get another tag are renamed by the job that confirms tags. An IntegrityError means that one got a tag concurrently.
    """
    owner_id = int(tag.asset_id or 0)
    own = tags_of_assets(session, [asset.id for asset in namesakes.assets])
    others = [asset.id for asset in namesakes.assets if not _is_being_renamed(own.get(asset.id), namesakes.searched_at)]
    if not others:
        return False
    printed = namesakes.labels.labelled(session, [owner_id, *others]) | {asset_id for asset_id in others if _is_printed(own.get(asset_id))}
    if tag.printed_at is not None:
        printed.add(owner_id)
    tagged_later = {asset_id for asset_id in others if asset_id in own and own[asset_id].changed_at > tag.changed_at}
    if owner_id not in printed and (printed or not tagged_later.issuperset(others)):
        _replace(session, tag, others[0], actor, now)
        return True
    for asset_id in others:
        if asset_id in printed:
            _leave_to_a_person(session, tag, asset_id, own.get(asset_id), actor, now)
        else:
            _rename(session, tag, asset_id, own.get(asset_id), actor, now)
    return False


def is_news(session: Session, event: TagEvent, *, now: datetime) -> bool:
    """Whether pages show the entry: it is recent and, if it asks a person to decide, still undecided."""
    return event.at > now - NEWS and (not (event.reason or "").endswith(CHOOSE) or sequence.asset_named(session, event.tag) is not None)


def _is_being_renamed(tag: Tag | None, searched_at: datetime) -> bool:
    """Whether the asset gets its tag as its name soon, or has got it since the search."""
    return tag is not None and (tag.due_at is not None or (tag.confirmed_at is not None and tag.confirmed_at >= searched_at))


def _is_printed(tag: Tag | None) -> bool:
    return tag is not None and tag.printed_at is not None


def _replace(session: Session, tag: Tag, namesake_id: int, actor: Actor, now: datetime) -> None:
    """The tag's asset gets the next tag. The former one is retired, since it is the name of another asset."""
    asset_id, name = int(tag.asset_id or 0), tag.tag
    tag.state, tag.asset_id, tag.previous_name, tag.changed_at = TagState.RESERVED, None, None, now
    tag.confirmed_at, tag.due_at, tag.problem, tag.attempts, tag.absences = None, None, None, 0, 0
    session.flush()  # the unique index lets the asset have another tag from here on
    allocation.record_used_name(session, name, namesake_id, actor=actor, now=now)
    new = _allocate(session, tag, asset_id, actor, now)
    reason = f"Assets #{asset_id} and #{namesake_id} had the name {name}. Asset #{asset_id} got {new}."
    _record(session, name, {asset_id: new, namesake_id: name}, reason, actor, now)


def _rename(session: Session, tag: Tag, asset_id: int, own: Tag | None, actor: Actor, now: datetime) -> None:
    """The other asset gets the next tag, or its own tag as its name again."""
    owner_id = int(tag.asset_id or 0)
    if own is None:
        new = _allocate(session, tag, asset_id, actor, now)
    else:
        new = own.tag
        CONFIRMATION.mark_due(own, now=now)
    reason = f"Assets #{owner_id} and #{asset_id} had the name {tag.tag}. Asset #{asset_id} got {new}."
    _record(session, tag.tag, {asset_id: new, owner_id: tag.tag}, reason, actor, now)


def _leave_to_a_person(session: Session, tag: Tag, asset_id: int, own: Tag | None, actor: Actor, now: datetime) -> None:
    kind, subject = (DiscrepancyKind.DUPLICATE, tag.tag) if own is None else (DiscrepancyKind.RENAMED, own.tag)
    found = TagDiscrepancy(kind=str(kind), tag=subject, asset_id=asset_id, name=tag.tag)
    DISCREPANCIES.write(session, [found], since=now, now=now)
    owner_id = int(tag.asset_id or 0)
    reason = f"Assets #{owner_id} and #{asset_id} have the name {tag.tag}, and both have labels. {CHOOSE}"
    _record(session, tag.tag, {asset_id: tag.tag, owner_id: tag.tag}, reason, actor, now)


def _allocate(session: Session, tag: Tag, asset_id: int, actor: Actor, now: datetime) -> str:
    """The asset's new tag. It is due immediately: the job searches for its name, too, before it renames the asset."""
    values: dict[str, Any] = {"state": TagState.ASSIGNED, "asset_id": asset_id, "old_name": tag.tag}
    return allocation.allocate(session, tag.prefix, actor=actor, now=now, due_at=now, **values).tag


def _record(session: Session, name: str, names: dict[int, str], reason: str, actor: Actor, now: datetime) -> None:
    """Adds an entry for each asset. `names` are their names from now on."""
    for asset_id, new_name in names.items():
        entry: dict[str, Any] = {"actor": actor, "now": now, "old_name": name, "reason": reason}
        audit.record_change(session, name, asset_id, new_name, action="duplicate", **entry)
