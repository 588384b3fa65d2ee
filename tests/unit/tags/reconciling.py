"""Tagged assets, and comparing and resolving what differs about them."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.reconciliation import service as reconciliation
from request_tracker_utils.reconciliation.reconciler import Entry
from request_tracker_utils.tags import service
from request_tracker_utils.tags.comparison import DISCREPANCIES
from request_tracker_utils.tags.models import Tag, TagDiscrepancy, TagEvent
from request_tracker_utils.tags.options import Resolution
from request_tracker_utils.tags.resolution import TagReconciler
from tests.services.asset_stores import FailingAssetStore
from tests.services.differences import Steps
from tests.unit.tags.conftest import ADA, NOW

LATER = NOW + timedelta(days=1)
AT = LATER + timedelta(hours=1)
"""When discrepancies are resolved."""


def tagged(asset_store: FailingAssetStore, name: str = "a laptop", *, printed: bool = False) -> int:
    """A new asset with the next tag, which is also its name."""
    asset_id = asset_store.asset(name)
    with transaction() as session:
        tag = service.assign_to_created_asset(session, asset_id=asset_id, asset_name=None, prefix="W12-", now=NOW)
        assert tag is not None
    asset_store.rename(asset_id, tag.tag)
    with transaction() as session:
        service.mark_confirmed(session, session.get_one(Tag, tag.id), action="renamed", actor=ADA, now=NOW)
    if printed:
        mark_printed(asset_id, tag.tag, NOW)
    return asset_id


def mark_printed(asset_id: int, tag: str, at: datetime) -> None:
    with transaction() as session:
        service.mark_printed(session, [(asset_id, tag)], now=at)


def vanish(asset_id: int) -> None:
    with transaction() as session:
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id == asset_id))


def reconciler(asset_store: FailingAssetStore, at: datetime = AT) -> TagReconciler:
    return TagReconciler(transaction, asset_store, "RT", lambda: at)


def compare(asset_store: FailingAssetStore, at: datetime = LATER, *, steps: Steps | None = None) -> int:
    moments = iter(at + timedelta(milliseconds=number) for number in range(1_000_000))
    of_tags, progress = reconciler(asset_store, at), steps or Steps()
    return reconciliation.compare(transaction, DISCREPANCIES, of_tags, actor=Actor("job"), clock=lambda: next(moments), progress=progress)


def resolve(asset_store: FailingAssetStore, discrepancy_id: int, resolution: Resolution, *, at: datetime = AT) -> str:
    of_tags = reconciler(asset_store, at)
    return reconciliation.resolve(transaction, DISCREPANCIES, of_tags, discrepancy_id, resolution, actor=ADA, clock=lambda: at)


def entry(asset_store: FailingAssetStore, discrepancy_id: int) -> Entry[TagDiscrepancy]:
    with reading() as session:
        return reconciler(asset_store).options(session, [DISCREPANCIES.get(session, discrepancy_id)])[0]


def found() -> set[tuple[str, str, int, str | None]]:
    """The open ones: kind, tag, asset, name."""
    with reading() as session:
        rows = session.scalars(select(TagDiscrepancy).where(DISCREPANCIES.is_open()))
        return {(row.kind, row.tag, row.asset_id, row.name) for row in rows}


def of(kind: str, asset_id: int | None = None) -> int:
    """The id of the only discrepancy of the kind, or of that of the asset."""
    with reading() as session:
        query = select(TagDiscrepancy.id).where(TagDiscrepancy.kind == kind)
        return session.scalars(query if asset_id is None else query.where(TagDiscrepancy.asset_id == asset_id)).one()


def row(text: str) -> Tag:
    with reading() as session:
        return session.scalars(select(Tag).where(Tag.tag == text)).one()


def last_event(text: str) -> tuple[str, str]:
    """The action and the user of the tag's last entry in the audit log."""
    with reading() as session:
        event = session.scalars(select(TagEvent).where(TagEvent.tag == text).order_by(TagEvent.id.desc()).limit(1)).one()
        return event.action, event.actor
