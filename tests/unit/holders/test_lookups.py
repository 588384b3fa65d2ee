"""What was heard of a user is told again for some seconds, and never longer."""

from threading import Barrier, Thread

import pytest

from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.holders.lookups import GOOD_FOR, MOST_KEPT, RecentHoldings
from tests.services.asset_stores import silence
from tests.unit.holders.desk import Desk


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.add("W12-0001", holder="Grace", owner="Grace")
    desk.add("W12-0002", owner="alan")
    return desk


def test_assets_are_sorted_to_their_holders_and_owners_without_case(desk: Desk) -> None:
    held, age = RecentHoldings().of(["GRACE", "Alan", "ada"], desk)
    assert {name: [asset.name for asset in assets] for name, assets in held.items()} == {
        "grace": ["W12-0001"],
        "alan": ["W12-0002"],
        "ada": [],
    }
    assert age == 0
    assert desk.calls == ["held_by"]


def test_only_who_is_not_known_is_asked_for_and_the_age_is_that_of_the_oldest(desk: Desk, clock: Clock) -> None:
    recent = RecentHoldings(clock)
    recent.of(["grace"], desk)
    clock.now += 5
    assert recent.of(["grace", "alan"], desk)[1] == 5
    assert recent.of(["alan"], desk)[1] == 0
    assert desk.calls == ["held_by"] * 2


def test_what_is_old_is_asked_anew_and_a_silence_is_told(desk: Desk, clock: Clock) -> None:
    recent = RecentHoldings(clock)
    recent.of(["grace"], desk)

    def be_silent() -> None:
        raise silence()

    desk.on_search = be_silent
    clock.now += GOOD_FOR - 1
    assert len(recent.of(["grace"], desk)[0]["grace"]) == 1
    with pytest.raises(AssetStoreUnreachable):
        recent.of(["grace", "alan"], desk)
    clock.now += 1
    with pytest.raises(AssetStoreUnreachable):
        recent.of(["grace"], desk)


def test_what_is_kept_has_a_bound(desk: Desk, clock: Clock) -> None:
    recent = RecentHoldings(clock)
    for begin in range(0, 2 * MOST_KEPT, 1000):
        recent.of([f"user{number}" for number in range(begin, begin + 1000)], desk)
    assert len(recent._known) == MOST_KEPT
    clock.now += GOOD_FOR
    recent.of(["grace"], desk)
    assert list(recent._known) == ["grace"]


def test_several_threads_may_ask_at_once(desk: Desk) -> None:
    recent, gate, failed = RecentHoldings(), Barrier(8), list[Exception]()

    def ask(number: int) -> None:
        gate.wait()
        for turn in range(50):
            try:
                recent.of([f"u{number}{turn}", "grace"], desk)
            except (AppError, RuntimeError, KeyError) as error:
                failed.append(error)

    threads = [Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
