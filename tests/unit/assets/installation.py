"""An installation with a clock that tests control, and checks of its creations and tags."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from request_tracker_utils.assets import recovery
from request_tracker_utils.assets.models import OPEN, Creation
from request_tracker_utils.assets.service import AssetCreator
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import confirmation, sequence
from request_tracker_utils.tags.models import Tag, TagDiscrepancy, TagState
from tests.services.creations import creator
from tests.services.loose_asset_store import LooseAssetStore

JOB = Actor("a job")


class Clock:
    """Advances by a millisecond at each reading."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


class Installation:
    """Its asset store, its clock, and its jobs."""

    def __init__(self) -> None:
        self.clock, self.asset_store = Clock(), LooseAssetStore()

    @property
    def creator(self) -> AssetCreator:
        return replace(creator(self.asset_store), clock=self.clock)

    def recover(self) -> int:
        return recovery.recover_due(transaction, reading, self.asset_store, actor=JOB, clock=self.clock)

    def confirm(self) -> int:
        return confirmation.confirm_due(transaction, self.asset_store, actor=JOB, clock=self.clock)

    def pass_hours(self, hours: int = 3) -> None:
        """While the jobs run."""
        for _ in range(hours * 12):
            self.clock.forward(minutes=5)
            self.recover()
            self.confirm()


def creations_of(serial: str) -> list[Creation]:
    """Oldest first."""
    with reading() as session:
        return list(session.scalars(select(Creation).where(Creation.serial_key == serial.lower()).order_by(Creation.id)))


def states(serial: str) -> list[str]:
    return [each.state for each in creations_of(serial)]


def holder_of(tag: str) -> tuple[str, int | None]:
    """The tag's state, and its asset."""
    with reading() as session:
        found = session.scalars(select(Tag).where(Tag.tag == tag)).one()
        return found.state, found.asset_id


def open_difference(asset_id: int) -> str | None:
    """The name of the asset that is open under Differences."""
    with reading() as session:
        open_ = select(TagDiscrepancy.name).where(TagDiscrepancy.asset_id == asset_id, TagDiscrepancy.settled_at.is_(None))
        return session.scalar(open_)


def next_tag() -> str:
    with reading() as session:
        return str(sequence.preview(session, "W12-"))


def inconsistencies(asset_store: LooseAssetStore) -> list[str]:
    """All inconsistencies once no creation is in progress, a sentence each."""
    with reading() as session:
        rows, tags = list(session.scalars(select(Creation))), list(session.scalars(select(Tag)))
    by_asset = {tag.asset_id: tag for tag in tags if tag.asset_id}
    assets = list(asset_store.assets.values())
    return [
        *(f"serial number {serial} exists twice" for serial in _repeated(asset.serial.lower() for asset in assets if asset.serial)),
        *(f"name {name} exists twice" for name in _repeated(asset.name for asset in assets)),
        *(f"creation of {row.serial} is still {row.state}" for row in rows if row.state in OPEN),
        *(f"{row.serial} was created as {row.asset_id}, which is another asset" for row in rows if not _has_own_asset(row, asset_store)),
        *(f"asset {asset.id} with the name {asset.name} has no tag" for asset in assets if asset.id not in by_asset),
        *(f"{tag.tag} is {tag.state} for {tag.asset_id}" for tag in tags if tag.state == TagState.RESERVED),
        *(f"{tag.tag} belongs to no asset" for tag in tags if tag.asset_id and tag.asset_id not in asset_store.assets),
        *(
            f"{tag.tag} is not the name of {asset_id}"
            for asset_id, tag in by_asset.items()
            if asset_id in asset_store.assets and asset_store.get(asset_id).name != tag.tag
        ),
        *_gaps(tags),
    ]


def _has_own_asset(row: Creation, asset_store: LooseAssetStore) -> bool:
    return row.asset_id is None or asset_store.get(row.asset_id).serial.lower() == row.serial_key


def _repeated(texts: Iterable[str]) -> list[str]:
    return [text for text, count in Counter(texts).items() if count > 1]


def _gaps(tags: list[Tag]) -> list[str]:
    """A number that was skipped without a row would never be assigned."""
    numbers = {tag.number for tag in tags}
    return [f"number {number} is lost" for number in range(1, max(numbers, default=0)) if number not in numbers]
