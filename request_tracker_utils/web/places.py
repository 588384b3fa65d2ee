"""Counted places: how many requests may do something at the same time, and who waits for how long."""

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from request_tracker_utils.core.errors import AppError


@dataclass(frozen=True)
class Limit:
    """At most `most` places are held under `key`. A request waits for one up to `patience` seconds, as long as one of those that hold a
    place has had it for less than `moving` seconds, and so will leave it soon. `reason` is the label in the metric."""

    key: tuple[str, ...]
    most: int
    reason: str
    error: Callable[[], AppError]
    moving: float = 1.0
    patience: float = 4.0


Limits = tuple[Limit, ...]


@dataclass(eq=False)
class Place:
    """Places held under the keys of some limits, since the time."""

    since: float
    keys: list[tuple[str, ...]] = field(default_factory=list)


class Places:
    """Counts who holds what. One per process."""

    def __init__(self, *, may_wait: int, on_refusal: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`may_wait` requests wait their whole patience for places that do not move. `on_refusal` is called with the limit's reason."""
        self._changed, self._clock, self._may_wait, self._on_refusal = threading.Condition(), clock, may_wait, on_refusal
        self._held: dict[tuple[str, ...], set[Place]] = {}
        self._left_at: dict[tuple[str, ...], float] = {}
        """Of the keys that `are_used` was asked about, not of each account and address."""
        self._waiting = 0

    def take(self, *choices: Limits) -> Place:
        """A place within all limits of the first of the choices that has one. Raises the error of the limit that is reached."""
        begun = self._clock()
        with self._changed:
            while True:
                reached = [next((limit for limit in limits if not self._has_place(limit)), None) for limits in choices]
                if None in reached:
                    return self._add(Place(self._clock()), [limit.key for limit in choices[reached.index(None)]])
                limit = reached[-1]
                left = begun + limit.patience - self._clock() if limit else 0.0
                if limit and (left <= 0 or not self._is_worth_waiting(limit)):
                    self._on_refusal(limit.reason)
                    raise limit.error()
                self._waiting += 1
                try:
                    self._changed.wait(min(left, 0.1))
                finally:
                    self._waiting -= 1

    def leave(self, place: Place) -> None:
        with self._changed:
            self._drop(place)
            self._changed.notify_all()

    def narrow(self, place: Place, limits: Limits, *, preferred: Limits = ()) -> None:
        """Exchanges the place for one within `preferred` if they have one. Otherwise keeps only what it holds of `limits`."""
        with self._changed:
            kept = [key for key in place.keys if any(key == limit.key for limit in limits)]
            self._drop(place)
            is_free = bool(preferred) and all(self._has_place(limit) for limit in preferred)
            self._add(place, [limit.key for limit in preferred] if is_free else kept)
            self._changed.notify_all()

    def count(self, *key: str) -> int:
        with self._changed:
            return len(self._held.get(key, ()))

    def are_used(self, *key: str, within: float) -> bool:
        """Whether somebody holds such a place, or has left one within these seconds."""
        with self._changed:
            return key in self._held or self._clock() - self._left_at.setdefault(key, -math.inf) < within

    def held(self) -> int:
        """Places that anybody holds."""
        with self._changed:
            return len(set().union(*self._held.values()))

    def waiting(self) -> int:
        """Requests that wait for a place."""
        with self._changed:
            return self._waiting

    def _has_place(self, limit: Limit) -> bool:
        return len(self._held.get(limit.key, ())) < limit.most

    def _add(self, place: Place, keys: Iterable[tuple[str, ...]]) -> Place:
        place.keys = list(keys)
        for key in place.keys:
            self._held.setdefault(key, set()).add(place)
        return place

    def _drop(self, place: Place) -> None:
        for key in place.keys:
            self._held[key].remove(place)
            if key in self._left_at:
                self._left_at[key] = self._clock()
            if not self._held[key]:
                del self._held[key]
        place.keys = []

    def _is_worth_waiting(self, limit: Limit) -> bool:
        now = self._clock()
        if any(now - place.since < limit.moving for place in self._held.get(limit.key, ())):
            return True
        return limit.patience > limit.moving and self._waiting < self._may_wait
