"""Closes connections that would keep others from being served: silent ones, and those that send or read too slowly.

The server limits neither how long a body may take nor how long a response may wait for its reader, and does not say which connection
a request came from. So a thread of each server process looks at its connections twice a second, and compares them with the running
requests. A connection that a running request may have come from is never closed, however long the program works on it.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import structlog

from request_tracker_utils.core import metrics
from request_tracker_utils.core.ip_addresses import IpAddress, Network, address_of, household
from request_tracker_utils.web.running import Allowance, RunningRequest, RunningRequests
from request_tracker_utils.web.tcp import Connection, ServedConnections

log = structlog.get_logger(__name__)

LOG_INTERVAL = 10.0
"""Seconds between two messages about closed connections."""


class Reason(StrEnum):
    """Why a connection is closed. Dashboards rely on these values."""

    SILENT = "silent"
    SLOW_BODY = "slow_body"
    SLOW_READER = "slow_reader"
    IDLE = "idle"


@dataclass(frozen=True)
class Limits:
    """Of each server process. Times are in seconds."""

    grace: float = 20.0
    """Time that a body may take, and a response may wait for its reader, in addition to what `rate` allows."""
    rate: float = 8 * 1024
    """Bytes per second: a slow mobile connection. A body of 1 MB may take two and a half minutes."""
    header_timeout: float = 30.0
    """Enforced by the server, between two requests of a connection also."""
    connections: int = 4096
    """Open at the same time. The process accepts no others until some of them close."""
    silent: int = 512
    """Connections that have not sent a request. Browsers open some in advance."""
    silent_per_address: int = 64
    """A school may have one address: connections that have been answered are not counted."""
    interval: float = 0.5
    tolerance: float = 1.0
    """Time within which a free thread starts to work on a request that has arrived."""

    @property
    def crowded(self) -> int:
        """From this number on, idle connections are closed."""
        return self.connections * 3 // 4


Running = tuple[IpAddress | None, RunningRequest]
"""A request, with the address of its connection."""


class Tracker:
    """Decides which connections to close, from what is known about them over time."""

    def __init__(self, limits: Limits, trusted: Sequence[Network] = ()) -> None:
        self._limits, self._trusted = limits, trusted
        self._exchanges: dict[int, float] = {}
        """By connection with a request, or a part of one, that has no response yet: when it began, at the earliest."""
        self._readers: dict[int, tuple[Allowance, int]] = {}
        """By connection with data that the client has not read: the time left for it, and the bytes that it had confirmed."""
        self._before: float | None = None

    def to_close(
        self, connections: Sequence[Connection], requests: Sequence[RunningRequest], now: float, *, queue: bool = False
    ) -> dict[int, Reason]:
        """The reason by key. `queue` says whether there may be requests that no thread works on yet."""
        self._follow(connections, now)
        crowded = len(connections) > self._limits.crowded
        running = [(address_of(request.address), request) for request in requests]
        late = [pair for pair in running if pair[1].is_overdue(now)]
        on_time = [pair for pair in running if not pair[1].is_overdue(now)]
        closing = {key: Reason.SLOW_READER for key, (allowance, _) in self._readers.items() if allowance.seconds < 0}
        silent, unmatched, idle = [], [], []
        for connection in connections:
            if connection.unread:
                continue
            if not connection.received:
                silent.append(connection)
            elif self._carried(connection, on_time, now):
                continue
            elif overdue := self._carried(connection, late, now):
                closing[connection.key] = Reason.SLOW_BODY
                for request in overdue:
                    request.cut_off = True
            elif connection.answered:
                idle.append(connection)
            else:
                unmatched.append(connection)
        silent += unmatched if crowded or not queue else []
        closing |= self._excess_of_silent(silent)
        surplus = len(connections) - len(closing) - self._limits.crowded
        return closing | dict.fromkeys(self._foremost([*silent, *idle], surplus, closing), Reason.IDLE)

    def _follow(self, connections: Iterable[Connection], now: float) -> None:
        before = self._before if self._before is not None else -math.inf
        exchanges, readers = {}, {}
        # The kernel's clock ticks every few milliseconds: a request may seem to arrive with the response before it.
        for connection in connections:
            key = connection.key
            if connection.unread:
                allowance, confirmed = self._readers.get(key) or (Allowance(self._limits.grace, self._limits.rate), connection.confirmed)
                allowance.spend(now - before if key in self._readers else 0.0, connection.confirmed - confirmed)
                readers[key] = allowance, connection.confirmed
            elif connection.received and (not connection.answered or connection.since_received <= connection.since_sent):
                seen = self._exchanges.get(key, min(before, now - connection.since_received))
                exchanges[key] = max(seen, now - connection.since_sent)
        self._exchanges, self._readers, self._before = exchanges, readers, now

    def _carried(self, connection: Connection, requests: Sequence[Running], now: float) -> list[RunningRequest]:
        """Which of the requests may have come from the connection."""
        return [request for address, request in requests if address == connection.address and self._fits(connection, request, now)]

    def _fits(self, connection: Connection, request: RunningRequest, now: float) -> bool:
        """Whether the request may have come from the connection, by the times of both.

        A request starts when its header is complete, the response before it has been sent, and a thread is free. Its header takes at most
        the server's timeout. Until its response, the connection gets nothing but the rest of the body, unless the client sends its next
        request early, and sends nothing but `100 Continue`.
        """
        tolerance = self._limits.tolerance
        last_data, last_sent = now - connection.since_received, now - connection.since_sent
        arrived = request.started - request.queued_for - tolerance
        if request.responding_since is not None and now - request.responding_since > tolerance:
            return last_sent >= request.responding_since - tolerance
        if arrived <= last_sent <= request.started + tolerance:
            return True  # the header may have come before the last response
        if request.continued_at is not None and abs(last_sent - request.continued_at) <= tolerance:
            return True
        ended = request.started if request.allowance is None else request.complete_at
        began = self._exchanges.get(connection.key)
        return (
            began is not None
            and arrived - self._limits.header_timeout <= began <= request.started + tolerance
            and arrived <= last_data
            and (ended is None or last_data <= ended + tolerance)
        )

    def _excess_of_silent(self, silent: Sequence[Connection]) -> dict[int, Reason]:
        """The oldest beyond the limits, of each address and in all."""
        closing: dict[int, Reason] = {}
        by_network: dict[object, list[Connection]] = {}
        for connection in silent:
            if not self._is_trusted(connection):
                by_network.setdefault(_network(connection.address), []).append(connection)
        for found in by_network.values():
            closing |= dict.fromkeys(self._foremost(found, len(found) - self._limits.silent_per_address, {}), Reason.SILENT)
        surplus = len(silent) - len(closing) - self._limits.silent
        return closing | dict.fromkeys(self._foremost(silent, surplus, closing), Reason.SILENT)

    def _foremost(self, connections: Sequence[Connection], count: int, closing: dict[int, Reason]) -> list[int]:
        """So many to close first: those of the address with the most connections, and of these the oldest; those of proxies last."""
        if count <= 0:
            return []
        remaining = [connection for connection in connections if connection.key not in closing]
        numbers = Counter(_network(connection.address) for connection in remaining)
        remaining.sort(key=lambda c: (self._is_trusted(c), -numbers[_network(c.address)], -c.since_received))
        return [connection.key for connection in remaining[:count]]

    def _is_trusted(self, connection: Connection) -> bool:
        return any(connection.address in network for network in self._trusted)


@lru_cache(4096)
def _network(address: IpAddress) -> object:
    return household(address)


class Watch:
    """The thread that looks at the connections."""

    def __init__(self, served: ServedConnections, running: RunningRequests, tracker: Tracker, *, interval: float) -> None:
        self._served, self._running, self._tracker, self._interval = served, running, tracker, interval
        self._closed: Counter[Reason] = Counter()
        self._logged_at = -LOG_INTERVAL

    def start(self) -> None:
        threading.Thread(target=self._run, name="connections", daemon=True).start()

    def look(self) -> None:
        """Closes what has to be closed now."""
        connections, now = self._served.read(), time.monotonic()
        closing = self._tracker.to_close(connections, self._running.now_running(), now, queue=self._running.may_be_queued)
        for key, reason in closing.items():
            self._served.close(key)
            metrics.count_closed_connection(reason)
        self._closed.update(closing.values())
        if self._closed and now - self._logged_at >= LOG_INTERVAL:
            log.warning("connections closed", **{str(reason): count for reason, count in self._closed.items()})
            self._logged_at = now
            self._closed.clear()

    def _run(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(self._interval)
            now = time.monotonic()
            if now - before > 4 * self._interval:
                self._running.note_pause(before)
            else:
                self._running.forget_wait(2 * self._interval)
            before = now
            try:
                self.look()
            except OSError as error:  # no descriptor is free
                log.warning("connections cannot be listed", error=str(error))
