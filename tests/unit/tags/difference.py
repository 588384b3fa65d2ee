"""Differences made and found, for tests."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import comparison, differences, service
from request_tracker_utils.tags.models import Tag, TagDifference, TagEvent
from tests.services.asset_stores import FailingAssetStore
from tests.unit.tags.conftest import ADA, NOW

LATER = NOW + timedelta(days=1)
JOB = Actor("job")


class Steps:
    """Counts what a comparison says of its progress."""

    def __init__(self) -> None:
        self.total, self.taken = 0, 0

    def expect(self, total: int) -> None:
        self.total = total

    def advance(self, steps: int) -> None:
        self.taken += steps


def tagged(asset_store: FailingAssetStore, name: str = "a laptop", *, printed: bool = False) -> int:
    """A new asset that has the next tag, and that tag as its name."""
    asset_id = asset_store.asset(name)
    with transaction() as session:
        tag = service.assign_to_created_asset(session, asset_id=asset_id, asset_name=None, prefix="W12-", now=NOW)
        assert tag is not None
    asset_store.rename(asset_id, tag.tag)
    with transaction() as session:
        service.mark_confirmed(session, session.get_one(Tag, tag.id), action="renamed", actor=ADA, now=NOW)
        if printed:
            service.mark_printed(session, [(asset_id, tag.tag)], now=NOW)
    return asset_id


def vanish(asset_id: int) -> None:
    with transaction() as session:
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id == asset_id))


def compare(
    asset_store: FailingAssetStore, at: datetime = LATER, *, prefixes: tuple[str, ...] = ("W12-",), steps: Steps | None = None
) -> int:
    moments = iter(at + timedelta(milliseconds=number) for number in range(1_000_000))
    return comparison.compare(
        transaction, asset_store, prefixes=prefixes, actor=JOB, clock=lambda: next(moments), progress=steps or Steps()
    )


def found() -> set[tuple[str, str, int, str | None]]:
    """The open ones: kind, tag, asset, name."""
    with reading() as session:
        rows = session.scalars(select(TagDifference).where(differences.RECORD.is_open))
        return {(row.kind, row.tag, row.asset_id, row.name) for row in rows}


def only() -> TagDifference:
    with reading() as session:
        return session.scalars(select(TagDifference)).one()


def of(kind: str) -> int:
    """The number of the only difference of the kind."""
    with reading() as session:
        return session.scalars(select(TagDifference.id).where(TagDifference.kind == kind)).one()


def about(asset_id: int) -> int:
    """The number of the only difference about the asset."""
    with reading() as session:
        return session.scalars(select(TagDifference.id).where(TagDifference.asset_id == asset_id)).one()


def row(text: str) -> Tag:
    with reading() as session:
        return session.scalars(select(Tag).where(Tag.tag == text)).one()


def told(text: str) -> tuple[str, str]:
    """The last row of the tag's trail: what, and by whom."""
    with reading() as session:
        event = session.scalars(select(TagEvent).where(TagEvent.tag == text).order_by(TagEvent.id.desc()).limit(1)).one()
        return event.action, event.actor
