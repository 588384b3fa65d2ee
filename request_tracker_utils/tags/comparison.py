"""Holding the directory against the tags: all of it, or one asset."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.tags import differences
from request_tracker_utils.tags.differences import Finding
from request_tracker_utils.tags.models import Tag, TagSequence, TagState

CHUNK, ROWS = 100, 1_000
"""Assets that the directory is asked for at once, and tags that are read at once."""
DELETED = "deleted"
"""The status of assets over which Request Tracker's searches pass."""


class Progress(Protocol):
    """Somebody who watches, and may raise to end it here."""

    def expect(self, total: int) -> None: ...
    def advance(self, steps: int) -> None: ...


def ready_prefixes(session: Session) -> list[str]:
    """Those whose names in the directory were taken over. Before that each of them would differ."""
    return list(session.scalars(select(TagSequence.prefix).where(TagSequence.adopted_at.is_not(None)).order_by(TagSequence.prefix)))


def compare(
    transaction: Transaction,
    asset_store: AssetStore,
    *,
    prefixes: Sequence[str],
    actor: Actor,
    clock: Callable[[], datetime],
    progress: Progress,
) -> int:
    """Writes down every difference between the directory and the tags of these prefixes, and returns how many are open.

    What it sees no more it settles, but only once it has seen everything. A step of its progress is a tag that was looked at. Raises
    what the directory raises, and what `progress` raises; then what was not looked at stays as it was.
    """
    begun = clock()
    with transaction() as session:
        total = session.execute(select(func.count()).where(*_assigned(prefixes))).scalar_one()
    progress.expect(total)
    shown: set[int] = set()
    for prefix in prefixes:
        for names in asset_store.names_beginning_with(prefix, any_case=True):
            ours = [(asset_id, name) for asset_id, name in names if differences.prefix_of(name, prefixes) == prefix]
            with transaction() as session:
                tags = _tags_of(session, ours)
                differences.record(session, list(_wrong_names(ours, tags, prefixes, begun)), since=begun, now=clock())
            tagged = tags.by_asset.keys() & {asset_id for asset_id, _ in ours}
            progress.advance(len(tagged - shown))
            shown |= tagged
    for asset_ids in _chunks_without(shown, transaction, prefixes):
        assets = {asset.id: asset for chunk in asset_store.get_many(asset_ids) for asset in chunk}
        for asset_id in asset_ids:
            asset = assets.get(asset_id) or _get(asset_store, asset_id)
            assets |= {asset_id: asset} if asset else {}
            progress.advance(1)
        with transaction() as session:
            tags = _tags_of(session, [(asset.id, asset.name) for asset in assets.values()], asset_ids)
            found = [_finding(asset_id, assets.get(asset_id), tags, prefixes, begun) for asset_id in asset_ids]
            differences.record(session, [finding for finding in found if finding], since=begun, now=clock())
    with transaction() as session:
        differences.RECORD.forget_unseen(session, since=begun, actor=actor, now=clock())
        return sum(differences.RECORD.counts(session).values())


def look(transaction: Transaction, asset_store: AssetStore, *, asset_id: int, prefixes: Sequence[str], now: datetime) -> Finding | None:
    """What differs about this asset at this moment. Raises what the directory raises."""
    asset = _get(asset_store, asset_id)
    with transaction() as session:
        return _finding(asset_id, asset, _tags_of(session, [(asset_id, asset.name if asset else "")]), prefixes, now)


class _Tags:
    """Tags by the asset that has them, and by their text."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self.by_asset = {tag.asset_id: tag for tag in tags if tag.asset_id is not None}
        self.by_name = {tag.tag: tag for tag in tags if tag.state != TagState.RELEASED}


def _tags_of(session: Session, names: Sequence[tuple[int, str]], asset_ids: Sequence[int] = ()) -> _Tags:
    """The tags of these assets, and those that these names are."""
    by_asset = select(Tag).where(Tag.asset_id.in_([*asset_ids, *(asset_id for asset_id, _ in names)]))
    by_name = select(Tag).where(Tag.tag.in_([name for _, name in names]))
    return _Tags([*session.scalars(by_asset), *session.scalars(by_name)])


def _wrong_names(names: Sequence[tuple[int, str]], tags: _Tags, prefixes: Sequence[str], since: datetime) -> Iterator[Finding]:
    for asset_id, name in names:
        own, bearer = tags.by_asset.get(asset_id), tags.by_name.get(name)
        finding = differences.of_name(asset_id, name, own=own, bearer=bearer, prefixes=prefixes, since=since)
        if finding is not None:
            yield finding


def _finding(asset_id: int, asset: Asset | None, tags: _Tags, prefixes: Sequence[str], since: datetime) -> Finding | None:
    own = tags.by_asset.get(asset_id)
    if asset is not None and asset.status != DELETED:
        bearer = tags.by_name.get(asset.name)
        return differences.of_name(asset_id, asset.name, own=own, bearer=bearer, prefixes=prefixes, since=since)
    return differences.of_absent(own, asset.name if asset else None, since=since) if own else None


def _assigned(prefixes: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return (Tag.state == TagState.ASSIGNED, Tag.prefix.in_(prefixes))


def _chunks_without(shown: set[int], transaction: Transaction, prefixes: Sequence[str]) -> Iterator[list[int]]:
    """The assets of all tags that no name has shown: they are called otherwise, or are not there."""
    last, some = 0, list[int]()
    while True:
        with transaction() as session:
            query = select(Tag.id, Tag.asset_id).where(*_assigned(prefixes), Tag.id > last).order_by(Tag.id).limit(ROWS)
            rows = [(row.id, int(row.asset_id or 0)) for row in session.execute(query)]
        if not rows:
            break
        last = rows[-1][0]
        some += [asset_id for _, asset_id in rows if asset_id not in shown]
        while len(some) >= CHUNK:
            yield some[:CHUNK]
            some = some[CHUNK:]
    if some:
        yield some


def _get(asset_store: AssetStore, asset_id: int) -> Asset | None:
    """The asset, also one that searches pass over."""
    try:
        return asset_store.get(asset_id)
    except AssetNotFound:
        return None
