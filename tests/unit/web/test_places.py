"""Counted places: who gets one, who waits, who is refused, and what a process's threads add up to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from threading import Event

import pytest

from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.web.places import Limit, Place, Places
from request_tracker_utils.web.threads import Caller, Reserved, Sizes, ThreadLimits
from tests.services.clocks import MonotonicClock
from tests.services.local_server import wait_until
from tests.services.tables import check_all


@pytest.fixture
def clock() -> MonotonicClock:
    return MonotonicClock(0.0)


@pytest.fixture
def refused() -> list[str]:
    return []


@pytest.fixture
def places(clock: MonotonicClock, refused: list[str]) -> Places:
    return Places(may_wait=1, on_refusal=refused.append, clock=clock)


def limit(name: str, most: int = 1, **more: float) -> Limit:
    return Limit((name,), most, name, lambda: Unavailable(name), **more)


def test_a_place_counts_under_all_limits_and_comes_back_whole(places: Places, refused: list[str]) -> None:
    place = places.take((limit("account"), limit("shared", 2)))
    other = places.take((limit("other"), limit("shared", 2)))
    assert (places.count("account"), places.count("shared"), places.held()) == (1, 2, 2)
    places.leave(place)
    places.leave(place)  # nothing, as it holds nothing
    places.leave(other)
    assert (places.count("account"), places.count("shared"), places.held(), refused) == (0, 0, 0, [])


def test_places_are_used_for_a_moment_longer_than_they_are_held(places: Places, clock: MonotonicClock) -> None:
    assert not places.are_used("shared", within=2)
    place = places.take((limit("shared"),))
    clock.now += 10
    assert places.are_used("shared", within=2)
    places.leave(place)
    clock.now += 1
    assert places.are_used("shared", within=2)
    clock.now += 1
    assert not places.are_used("shared", within=2)


def test_the_second_choice_is_taken_when_the_first_is_full(places: Places) -> None:
    choices = ((limit("own"),), (limit("shared"),))
    assert [places.take(*choices).keys for _ in range(2)] == [[("own",)], [("shared",)]]


def test_places_held_for_long_are_not_waited_for(places: Places, refused: list[str], clock: MonotonicClock) -> None:
    places.take((limit("body", moving=0.5, patience=0.5),))
    clock.now = 1.0
    with pytest.raises(Unavailable, match="body"):
        places.take((limit("body", moving=0.5, patience=0.5),))
    assert (refused, places.held()) == (["body"], 1)


def test_a_place_is_waited_for_until_it_is_free_or_patience_ends(places: Places, clock: MonotonicClock, refused: list[str]) -> None:
    first = places.take((limit("shared"),))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(places.take, (limit("shared"),))
        wait_until(lambda: places.waiting() == 1)
        places.leave(first)
        second = waiting.result(10)
        waiting = pool.submit(places.take, (limit("shared"),))
        wait_until(lambda: places.waiting() == 1)
        clock.now = 100.0
        with pytest.raises(Unavailable):
            waiting.result(10)
    assert (second.keys, refused, places.waiting()) == ([("shared",)], ["shared"], 0)


def test_few_wait_for_places_that_have_stopped_moving(places: Places, clock: MonotonicClock) -> None:
    """As many as `may_wait`: each waits in a thread that others need."""
    first = places.take((limit("shared"),))
    clock.now = 2.0
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(places.take, (limit("shared"),))
        wait_until(lambda: places.waiting() == 1)
        with pytest.raises(Unavailable):
            places.take((limit("shared"),))
        places.leave(first)
        assert waiting.result(10).keys == [("shared",)]


def test_a_burst_that_moves_is_never_refused(refused: list[str]) -> None:
    places = Places(may_wait=1, on_refusal=refused.append)

    def use(_number: int) -> None:
        place = places.take((limit("body", 2, moving=30, patience=30),))
        Event().wait(0.001)
        places.leave(place)

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(use, range(300)))
    assert (refused, places.held()) == ([], 0)


def test_a_place_is_narrowed_when_its_body_has_arrived(places: Places) -> None:
    body, own, shared = limit("body"), limit("own"), limit("shared")
    place = places.take((body, own))
    places.narrow(place, (own, shared))
    assert place.keys == [("own",)]
    places.narrow(place, (own, shared), preferred=(shared,))
    assert place.keys == [("shared",)]
    other = places.take((body, own))
    places.narrow(other, (own, shared), preferred=(shared,))
    assert (other.keys, places.count("body")) == ([("own",)], 0)


def test_all_threads_are_accounted_for_and_each_kind_has_one_at_least() -> None:
    def adds_up(threads: int) -> None:
        sizes = Sizes.of(threads)
        stretched = sizes.streams + sizes.bodies + sizes.stranger_bodies - sizes.reserved[Reserved.SIGN_IN]
        assert sum(sizes.reserved.values()) + sizes.shared == threads
        assert min(*sizes.reserved.values(), sizes.streams, sizes.bodies, sizes.waiting_for_rt) >= 1
        assert sizes.streams <= threads // 2
        assert stretched < sizes.shared, "clients could draw out all shared places"
        assert sizes.waiting_for_rt < sizes.shared

    check_all([(threads,) for threads in (8, 9, 12, 16, 24, 32, 64, 256)], adds_up)


ACCOUNTS = [Caller(str(number), "192.0.2.1") for number in range(200)]
STRANGERS = [Caller("", f"192.0.2.{number}") for number in range(200)]
Attack = Callable[[ThreadLimits, list[Place]], None]


def _drawn_out(callers: list[Caller], reserved: Reserved | None, *, streams: bool = False) -> Attack:
    """As many requests of these callers as find a place, each drawn out as long as its client can."""

    def attack(limits: ThreadLimits, held: list[Place]) -> None:
        for caller in chain.from_iterable([caller] * 50 for caller in callers):
            try:
                if streams:
                    held.append(limits.places.take(limits.streaming(caller)))
                    held.append(limits.places.take(*limits.working(reserved, caller)))
                else:
                    held.append(limits.places.take(*limits.reading(reserved, caller)))
            except AppError:
                continue
            finally:
                for place in held:
                    place.since = float("-inf")  # nobody waits for it

    return attack


def test_whoever_draws_requests_out_leaves_places_to_all_others() -> None:
    scan, sign_in = Reserved.SCAN, Reserved.SIGN_IN
    staff, elsewhere = Caller("technician", "192.0.2.1"), Caller("", "198.51.100.7")
    one, many = ACCOUNTS[:1], ACCOUNTS[:40]

    def leaves_places(threads: int, attack: Attack, also: tuple[str, ...]) -> None:
        limits = ThreadLimits(Sizes.of(threads), on_refusal=lambda _reason: None)
        attack(limits, held := [])
        wanted = {
            "page": limits.working(None, staff),
            "scan": limits.working(scan, staff),
            "sign-in page": limits.working(sign_in, elsewhere),
            "webhook": limits.working(Reserved.WEBHOOK, elsewhere),
            "health": limits.working(Reserved.HEALTH, elsewhere),
            "form": limits.reading(None, staff),
            "scanned code": limits.reading(scan, staff),
            "password": limits.reading(sign_in, elsewhere),
        }
        for name in ("page", "scan", "sign-in page", "webhook", "health", *also):
            place = limits.places.take(*wanted[name])  # raises if there is none
            limits.places.leave(place)
        assert held

    everything = ("form", "scanned code", "password")
    rows: list[tuple[Attack, tuple[str, ...]]] = [
        (_drawn_out(one, None, streams=True), everything),
        (_drawn_out(many, None, streams=True), everything),
        (_drawn_out(many, None), ("scanned code", "password")),
        (_drawn_out(one, scan), ("password",)),
        (_drawn_out(STRANGERS[:1], sign_in), everything),
        (_drawn_out(STRANGERS, sign_in), ("form", "scanned code")),
    ]
    check_all([(threads, *row) for threads in (8, 16, 64) for row in rows], leaves_places)
    # With the default number of threads, one account leaves the others their forms and scans as well.
    check_all([(16, _drawn_out(one, None), everything), (16, _drawn_out(one, scan), everything)], leaves_places)


def test_calls_of_the_webhook_leave_shared_places_to_others() -> None:
    """Whoever has its secret can draw out the body of any call."""

    def leaves_places(threads: int) -> None:
        limits = ThreadLimits(Sizes.of(threads), on_refusal=lambda _reason: None)
        called, staff, elsewhere = list[Place](), Caller("technician", "192.0.2.1"), Caller("", "198.51.100.7")
        with suppress(AppError):
            while True:
                called.append(limits.places.take(*limits.working(Reserved.WEBHOOK, elsewhere)))
                called[-1].since = float("-inf")  # nobody waits for it
        assert len(called) > limits.sizes.reserved[Reserved.WEBHOOK], "many calls of Request Tracker use shared places too"
        for wanted in (limits.working(None, staff), limits.reading(None, staff)):
            limits.places.leave(limits.places.take(*wanted))  # raises if there is none

    check_all([(8,), (16,), (64,)], leaves_places)


def test_reports_of_providers_leave_most_places_to_others() -> None:
    """They have a third of the shared places at most, and count as bodies of strangers while they arrive."""

    def leaves_places(threads: int) -> None:
        limits = ThreadLimits(Sizes.of(threads), on_refusal=lambda _reason: None)
        limits.places._may_wait = 0
        held: list[Place] = []
        with suppress(AppError):
            for address in range(40):
                caller = Caller("", f"203.0.113.{address}")
                held.append(limits.places.take(*limits.working(Reserved.REPORT, caller)))
                held[-1].since = float("-inf")  # nobody waits for it
        assert len(held) == max(1, limits.sizes.shared // 3)
        staff = Caller("technician", "192.0.2.1")
        for wanted in (limits.working(None, staff), limits.reading(None, staff), limits.working(Reserved.WEBHOOK, Caller("", "192.0.2.9"))):
            limits.places.leave(limits.places.take(*wanted))  # raises if there is none
        with pytest.raises(AppError):
            limits.places.take(*limits.reading(Reserved.REPORT, Caller("", "198.51.100.7")))
        for place in held:
            limits.places.leave(place)
        read = limits.places.take(*limits.reading(Reserved.REPORT, Caller("", "198.51.100.7")))
        assert (limits.places.count("reports"), limits.places.count("bodies", "strangers")) == (1, 1)
        limits.places.leave(read)

    check_all([(8,), (16,), (64,)], leaves_places)
