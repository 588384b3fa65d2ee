"""Look-ups while a person waits end after their time, whatever the asset store does."""

from collections.abc import Iterator
from threading import BoundedSemaphore, Event
from typing import cast

import pytest

from request_tracker_utils.asset_store.brief_lookup import AssetKeys, BriefLookup
from request_tracker_utils.asset_store.service import Asset, AssetStore, AssetStoreBusy, AssetStoreRefused, AssetStoreUnreachable

KEYS = AssetKeys(["W12-0001"], ["SER1"], [1, 2])


class Slow:
    """Answers when `open` is set."""

    kind = "rt"

    def __init__(self) -> None:
        self.open = Event()
        self.problem: Exception | None = None

    def get_many(self, asset_ids: list[int]) -> Iterator[list[Asset]]:
        yield [Asset(asset_id, f"W12-000{asset_id}") for asset_id in asset_ids]

    def find_by_names(self, names: list[str]) -> list[Asset]:
        self.open.wait(60)
        if self.problem:
            raise self.problem
        return [Asset(1, "W12-0001"), Asset(3, "W12-0001", status="deleted")]

    def find_by_serials(self, serials: list[str]) -> list[Asset]:
        return [Asset(4, "W12-0004", "SER1")]


@pytest.fixture
def store() -> Iterator[Slow]:
    store = Slow()
    yield store
    store.open.set()


def lookup(store: Slow, slots: BoundedSemaphore | None = None, longest_wait: float = 60.0) -> BriefLookup:
    return BriefLookup(cast(AssetStore, store), slots=slots, longest_wait=longest_wait)


def test_each_asset_is_found_once_and_deleted_ones_are_left_out(store: Slow) -> None:
    store.open.set()
    assert [asset.id for asset in lookup(store)(KEYS)] == [1, 2, 4]
    assert lookup(store)(AssetKeys()) == []


def test_nobody_waits_longer_and_the_slot_is_free_again(store: Slow) -> None:
    slots = BoundedSemaphore(1)
    with pytest.raises(AssetStoreUnreachable):
        lookup(store, slots, longest_wait=0.01)(KEYS)
    assert slots.acquire(blocking=False)
    with pytest.raises(AssetStoreBusy):
        lookup(store, slots, longest_wait=0.01)(KEYS)


def test_errors_of_the_asset_store_are_raised(store: Slow) -> None:
    store.problem = AssetStoreRefused("The token is not accepted.")
    store.open.set()
    with pytest.raises(AssetStoreRefused):
        lookup(store)(KEYS)
