"""The cache of lookups: an answer is reused for some seconds, and never longer."""

from threading import Barrier, Thread

import pytest

from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.holders.lookups import MAX_AGE_SECONDS, MAX_USERS, AssetCache
from tests.services.asset_stores import silence
from tests.services.clocks import MonotonicClock
from tests.unit.holders.desk import Desk


@pytest.fixture
def clock() -> MonotonicClock:
    return MonotonicClock()


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.add("W12-0001", holder="Grace", owner="Grace")
    desk.add("W12-0002", owner="alan")
    return desk


def test_assets_belong_to_their_holders_and_owners_in_any_case(desk: Desk) -> None:
    found, age = AssetCache().assets_of(["GRACE", "Alan", "ada"], desk)
    assert {name: [asset.name for asset in assets] for name, assets in found.items()} == {
        "grace": ["W12-0001"],
        "alan": ["W12-0002"],
        "ada": [],
    }
    assert age == 0
    assert desk.calls == ["held_by"]


def test_only_missing_users_are_requested_and_the_age_is_that_of_the_oldest_entry(desk: Desk, clock: MonotonicClock) -> None:
    cache = AssetCache(clock)
    cache.assets_of(["grace"], desk)
    clock.now += 5
    assert cache.assets_of(["grace", "alan"], desk)[1] == 5
    assert cache.assets_of(["alan"], desk)[1] == 0
    assert desk.calls == ["held_by"] * 2


def test_an_old_entry_is_not_used_even_if_the_asset_store_is_unreachable(desk: Desk, clock: MonotonicClock) -> None:
    cache = AssetCache(clock)
    cache.assets_of(["grace"], desk)

    def fail() -> None:
        raise silence()

    desk.on_search = fail
    clock.now += MAX_AGE_SECONDS - 1
    assert len(cache.assets_of(["grace"], desk)[0]["grace"]) == 1
    with pytest.raises(AssetStoreUnreachable):
        cache.assets_of(["grace", "alan"], desk)
    clock.now += 1
    with pytest.raises(AssetStoreUnreachable):
        cache.assets_of(["grace"], desk)


def test_the_cache_has_a_maximum_and_drops_old_entries(desk: Desk, clock: MonotonicClock) -> None:
    cache = AssetCache(clock)
    for begin in range(0, 2 * MAX_USERS, 1000):
        cache.assets_of([f"user{number}" for number in range(begin, begin + 1000)], desk)
    assert len(cache._entries) == MAX_USERS
    clock.now += MAX_AGE_SECONDS
    cache.assets_of(["grace"], desk)
    assert list(cache._entries) == ["grace"]


def test_threads_share_the_cache(desk: Desk) -> None:
    cache, gate, errors = AssetCache(), Barrier(8), list[Exception]()

    def look_up(number: int) -> None:
        gate.wait()
        for turn in range(50):
            try:
                cache.assets_of([f"u{number}{turn}", "grace"], desk)
            except (AppError, RuntimeError, KeyError) as error:
                errors.append(error)

    threads = [Thread(target=look_up, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
