"""Compares asset names in the asset store with the tags here: all of them, or those of one asset."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.reconciliation.reconciler import Comparison
from request_tracker_utils.reconciliation.repository import LONGEST_COMPARISON, Discrepancies
from request_tracker_utils.tags.models import (
    GRACE_PERIOD,
    LEAST_ABSENCE,
    DiscrepancyKind,
    Tag,
    TagDiscrepancy,
    TagSequence,
    TagState,
)
from request_tracker_utils.tags.tag_format import parse

CHUNK, ROWS = 100, 1_000
"""Assets that one request to the asset store reads, and tags that one query reads."""
LONGEST_NAME = 500
DISCREPANCIES = Discrepancies(TagDiscrepancy, DiscrepancyKind, identity=("kind", "asset_id", "tag"))


def adopted_prefixes(session: Session) -> list[str]:
    """Prefixes with names that have been adopted from the asset store. Before that, every name would be a discrepancy."""
    return list(session.scalars(select(TagSequence.prefix).where(TagSequence.adopted_at.is_not(None)).order_by(TagSequence.prefix)))


def find(comparison: Comparison[TagDiscrepancy], asset_store: AssetStore, *, prefixes: Sequence[str]) -> None:
    """Records every discrepancy of these prefixes. A step of the progress is an assigned tag."""
    with comparison.transaction() as session:
        total = session.execute(select(func.count()).where(*_assigned(prefixes))).scalar_one()
    comparison.expect(total)
    named: set[int] = set()
    for prefix in prefixes:
        for names in asset_store.names_beginning_with(prefix, any_case=True):
            own = [(asset_id, name) for asset_id, name in names if longest_prefix(name, prefixes) == prefix]
            with comparison.transaction() as session:
                tags = _tags_of(session, own)
                comparison.record(session, _of_names(own, tags, prefixes, comparison.started_at))
            tagged = tags.by_asset.keys() & {asset_id for asset_id, _ in own}
            comparison.advance(len(tagged - named))
            named |= tagged
    for asset_ids in _tagged_assets_except(named, comparison, prefixes):
        assets = {asset.id: asset for chunk in asset_store.get_many(asset_ids) for asset in chunk}
        for asset_id in asset_ids:
            asset = assets.get(asset_id) or _get(asset_store, asset_id)
            assets |= {asset_id: asset} if asset else {}
            comparison.advance(1)
        with comparison.transaction() as session:
            tags = _tags_of(session, [(asset.id, asset.name) for asset in assets.values()], asset_ids)
            found = (_of_asset(asset_id, assets.get(asset_id), tags, prefixes, comparison.started_at) for asset_id in asset_ids)
            comparison.record(session, filter(None, found))


def recheck(
    transaction: Transaction, asset_store: AssetStore, *, asset_id: int, prefixes: Sequence[str], now: datetime
) -> TagDiscrepancy | None:
    """The current discrepancy of this asset. Raises errors of the asset store."""
    asset = _get(asset_store, asset_id)
    with transaction() as session:
        return _of_asset(asset_id, asset, _tags_of(session, [(asset_id, asset.name if asset else "")]), prefixes, now)


def of_name(
    asset_id: int, name: str, *, own: Tag | None, namesake: Tag | None, prefixes: Sequence[str], since: datetime
) -> TagDiscrepancy | None:
    """The discrepancy of an asset's name: `own` is the tag that the asset has here, `namesake` the tag that equals its name.

    None if the name is correct, or if a job is still processing the tag. `since` is the earliest time at which the name was read: a tag
    that changed later is newer than the name.
    """
    if own is not None:
        matches = own.tag == name or _is_in_progress(own, since, GRACE_PERIOD)
        return None if matches else _new(DiscrepancyKind.RENAMED, own.tag, asset_id, name)
    if namesake is not None and _is_in_progress(namesake, since, GRACE_PERIOD):
        return None
    if namesake is not None and namesake.asset_id is not None:
        return _new(DiscrepancyKind.DUPLICATE, name, asset_id, name)
    if any(parse(name, prefix) for prefix in prefixes):
        return _new(DiscrepancyKind.UNKNOWN, name, asset_id, name)
    return _new(DiscrepancyKind.MISSPELLED, "", asset_id, name) if longest_prefix(name, prefixes) is not None else None


def of_absent_asset(tag: Tag, name: str | None, *, since: datetime) -> TagDiscrepancy | None:
    """The asset of the tag does not exist in the asset store, or is deleted there and has this name. An asset that is being created may
    be invisible for up to LEAST_ABSENCE; until then, its tag is not a discrepancy."""
    if _is_in_progress(tag, since, LEAST_ABSENCE):
        return None
    return _new(DiscrepancyKind.MISSING, tag.tag, int(tag.asset_id or 0), name)


def longest_prefix(name: str, prefixes: Iterable[str]) -> str | None:
    """The longest of the prefixes with which the name starts, ignoring case."""
    matching = [prefix for prefix in prefixes if name[: len(prefix)].casefold() == prefix.casefold()]
    return max(matching, key=len, default=None)


def _is_in_progress(tag: Tag, since: datetime, patience: timedelta) -> bool:
    if since <= max(tag.changed_at, tag.confirmed_at or tag.changed_at) <= since + LONGEST_COMPARISON:
        return True
    is_recent = since - patience < tag.changed_at <= since + LONGEST_COMPARISON
    return tag.due_at is not None and (tag.state == TagState.RESERVED or is_recent)


def _new(kind: DiscrepancyKind, tag: str, asset_id: int, name: str | None) -> TagDiscrepancy:
    return TagDiscrepancy(kind=str(kind), tag=tag, asset_id=asset_id, name=name[:LONGEST_NAME] if name is not None else None)


class _Tags:
    """Tags by their asset, and by their text."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self.by_asset = {tag.asset_id: tag for tag in tags if tag.asset_id is not None}
        self.by_name = {tag.tag: tag for tag in tags if tag.state != TagState.RELEASED}


def _tags_of(session: Session, names: Sequence[tuple[int, str]], asset_ids: Sequence[int] = ()) -> _Tags:
    """The tags of these assets, and the tags that equal these names."""
    by_asset = select(Tag).where(Tag.asset_id.in_([*asset_ids, *(asset_id for asset_id, _ in names)]))
    by_name = select(Tag).where(Tag.tag.in_([name for _, name in names]))
    return _Tags([*session.scalars(by_asset), *session.scalars(by_name)])


def _of_names(names: Sequence[tuple[int, str]], tags: _Tags, prefixes: Sequence[str], since: datetime) -> Iterator[TagDiscrepancy]:
    for asset_id, name in names:
        own, namesake = tags.by_asset.get(asset_id), tags.by_name.get(name)
        found = of_name(asset_id, name, own=own, namesake=namesake, prefixes=prefixes, since=since)
        if found is not None:
            yield found


def _of_asset(asset_id: int, asset: Asset | None, tags: _Tags, prefixes: Sequence[str], since: datetime) -> TagDiscrepancy | None:
    own = tags.by_asset.get(asset_id)
    if asset is not None and not asset.is_deleted:
        namesake = tags.by_name.get(asset.name)
        return of_name(asset_id, asset.name, own=own, namesake=namesake, prefixes=prefixes, since=since)
    return of_absent_asset(own, asset.name if asset else None, since=since) if own else None


def _assigned(prefixes: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return (Tag.state == TagState.ASSIGNED, Tag.prefix.in_(prefixes))


def _tagged_assets_except(named: set[int], comparison: Comparison[TagDiscrepancy], prefixes: Sequence[str]) -> Iterator[list[int]]:
    """Assets that have a tag here but were not among the names: they have another name, or do not exist."""
    last, rest = 0, list[int]()
    while True:
        with comparison.transaction() as session:
            query = select(Tag.id, Tag.asset_id).where(*_assigned(prefixes), Tag.id > last).order_by(Tag.id).limit(ROWS)
            rows = [(row.id, int(row.asset_id or 0)) for row in session.execute(query)]
        if not rows:
            break
        last = rows[-1][0]
        rest += [asset_id for _, asset_id in rows if asset_id not in named]
        while len(rest) >= CHUNK:
            yield rest[:CHUNK]
            rest = rest[CHUNK:]
    if rest:
        yield rest


def _get(asset_store: AssetStore, asset_id: int) -> Asset | None:
    """The asset, even if searches skip it."""
    try:
        return asset_store.get(asset_id)
    except AssetNotFound:
        return None
