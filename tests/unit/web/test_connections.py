"""Which connections are closed, by what is known about them: made-up connections and requests."""

from ipaddress import ip_address
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import ClientDisconnected

from request_tracker_utils import server
from request_tracker_utils.core.settings import load_settings
from request_tracker_utils.web.connections import Limits, Reason, Tracker
from request_tracker_utils.web.running import Allowance, RunningRequest, RunningRequests, TimedBody
from request_tracker_utils.web.tcp import Connection
from tests.services.tables import check_all

LIMITS = Limits(grace=20, rate=1000, header_timeout=30, connections=40, silent=8, silent_per_address=4, interval=0.5, tolerance=1)
SCHOOL, OTHER, PROXY = "192.0.2.1", "192.0.2.2", "10.0.0.5"
NOW = 1000.0
KEY = 1


def connection(key: int = KEY, address: str = SCHOOL, **facts: Any) -> Connection:
    return Connection(key, ip_address(address), **{"received": 200, "since_received": 30.0, "since_sent": 30.0} | facts)


def body(started: float = 30.0, *, address: str = SCHOOL, spent: float = 0.0, reading: bool = True, **facts: Any) -> RunningRequest:
    """A request whose body is awaited; times are seconds before now."""
    request = RunningRequest(address, NOW - started, allowance=Allowance(LIMITS.grace, LIMITS.rate))
    request.reading_since = NOW - started + spent if reading else None
    for name, value in facts.items():
        setattr(request, name, value)
    return request


def work(started: float = 30.0, *, address: str = SCHOOL, queued_for: float = 0.0) -> RunningRequest:
    """A request without a body that the program works on."""
    return RunningRequest(address, NOW - started, queued_for=queued_for)


def closed(connections: list[Connection], requests: list[RunningRequest], *, queue: bool = False) -> dict[int, Reason]:
    return Tracker(LIMITS, load_settings({"TRUSTED_PROXIES": PROXY}).trusted_proxies).to_close(connections, requests, NOW, queue=queue)


def test_only_the_connection_of_a_late_body_is_closed() -> None:
    stalled, late = connection(), body()
    other = connection(2, since_received=10.0, since_sent=40.0)
    expecting = body(continued_at=NOW - 30)

    def check(what: str, connections: list[Connection], requests: list[RunningRequest], expected: set[int]) -> None:
        assert set(closed(connections, requests)) == expected

    check_all(
        [
            ("stalled", [stalled], [late], {KEY}),
            ("data arrive, too slowly", [connection(since_received=0.1)], [late], {KEY}),
            ("the grace has not passed", [connection(since_received=19.0, since_sent=19.0)], [body(19.0)], set()),
            ("nobody waits for the body", [stalled], [body(reading=False)], set()),
            ("much of the time was used for other things", [stalled], [body(spent=15.0)], set()),
            ("of another address", [stalled], [body(address=OTHER)], set()),
            ("the address is mapped to IPv6", [stalled], [body(address=f"::ffff:{SCHOOL}")], {KEY}),
            ("another request at that time", [stalled], [late, work()], set()),
            ("another request, which had to wait for a thread", [stalled], [late, work(20.0, queued_for=11.0)], set()),
            ("another request at another time", [stalled, other], [late, work(10.0)], {KEY}),
            ("another request of another address", [stalled], [late, work(address=OTHER)], {KEY}),
            ("its body is complete", [stalled, connection(2)], [late, body(complete_at=NOW - 29, reading=False)], set()),
            ("connected later than the request began", [connection(since_received=20.0, since_sent=20.0)], [late], set()),
            ("it has a response, and nothing since", [connection(confirmed=500, since_received=30.0, since_sent=25.0)], [late], set()),
            ("100 Continue is no response", [connection(confirmed=25, since_received=30.2, since_sent=29.9)], [expecting], {KEY}),
            ("it came together with the one before", [connection(confirmed=500, since_received=60.0, since_sent=30.1)], [late], {KEY}),
            ("data were sent before", [connection(confirmed=500, since_received=30.0, since_sent=31.0)], [late], {KEY}),
        ],
        check,
    )


def test_a_request_of_a_closed_connection_is_marked_and_its_body_is_an_error() -> None:
    request = body()
    closed([connection()], [request])
    assert request.cut_off

    class Part:
        def read(self, _size: int) -> bytes:
            return b"a,b\n"

    with pytest.raises(ClientDisconnected):
        TimedBody(Part(), request, None).read(100)  # type: ignore[arg-type]


def test_a_response_is_closed_when_it_is_read_too_slowly_for_too_long() -> None:
    def check(what: str, per_second: int, emptied_at: int | None, until: int | None) -> None:
        """`until`: the second in which it is closed."""
        tracker, confirmed = Tracker(LIMITS), 100
        for second in range(120):
            confirmed += per_second
            unread = second != emptied_at
            if tracker.to_close([connection(confirmed=confirmed, unread=unread)], [], NOW + second):
                assert second == until, f"closed after {second} s"
                return
        assert until is None, "not closed"

    check_all(
        [
            ("nothing is read", 0, None, 21),
            ("half as much as needed", 500, None, 41),
            ("enough", 1000, None, None),
            ("plenty", 100_000, None, None),
            ("everything had been read once", 0, 10, 32),
        ],
        check,
    )


def test_reading_much_at_first_buys_no_time_later() -> None:
    allowance = Allowance(20, 1000)
    allowance.spend(1, 10_000_000)
    assert allowance.seconds == 20
    allowance.spend(21, 0)
    assert allowance.seconds < 0


def silent(count: int, address: str = SCHOOL, *, first: int = 1, **facts: Any) -> list[Connection]:
    """From old to new."""
    none = {"received": 0}
    return [connection(first + n, address, **none | {"since_received": 20.0 - n, "since_sent": 20.0 - n} | facts) for n in range(count)]


def test_silent_connections_are_closed_beyond_the_limits_the_oldest_first() -> None:
    half = {"received": 10}
    answered = {"received": 500, "confirmed": 500, "since_sent": 5.0, "since_received": 5.1}
    several = [*silent(4), *silent(4, OTHER, first=11), *silent(2, PROXY, first=21), *silent(1, "192.0.2.3", first=31)]

    def check(what: str, connections: list[Connection], queue: bool, expected: set[int]) -> None:
        assert set(closed(connections, [], queue=queue)) == expected

    check_all(
        [
            ("as many as may be", silent(4), False, set()),
            ("two more", silent(6), False, {1, 2}),
            ("parts of headers", silent(6, **half), False, {1, 2}),
            ("they may be requests in the queue", silent(6, **half), True, set()),
            ("but these cannot", silent(6), True, {1, 2}),
            ("they have been answered", silent(9, **answered), False, set()),
            ("a proxy's", silent(8, PROXY), False, set()),
            ("too many in all, of a proxy", silent(9, PROXY), False, {1}),
            ("too many in all, of several: the proxy's last", several, False, {1, 11, 2}),
            ("of one IPv6 network", [c for n in range(6) for c in silent(1, f"2001:db8::{n}", first=n + 1)], False, {1, 2}),
            ("of several", [c for n in range(6) for c in silent(1, f"2001:db8:0:{n}::1", first=n + 1)], False, set()),
        ],
        check,
    )
    requests = [work(20.0)]
    assert set(closed(silent(7, received=200), requests)) == {3}, "the first two may have sent the request"


def test_when_it_is_crowded_idle_connections_are_closed_and_those_of_running_requests_are_not() -> None:
    idle = {"received": 500, "confirmed": 500, "since_sent": 5.0, "since_received": 5.1}
    mine = connection(99, OTHER, received=300, confirmed=900, since_received=8.0, since_sent=7.0)
    streaming = work(8.0, address=OTHER)
    streaming.responding_since = NOW - 7.5
    downloads = [connection(60 + n, OTHER, unread=True, confirmed=9) for n in range(10)]
    crowd = [connection(n, **idle) for n in range(22)]
    result = closed([*crowd, *downloads, mine], [streaming])
    assert (len(result), set(result.values())) == (3, {Reason.IDLE})
    assert not {99, *range(60, 70)} & set(result)


def test_requests_are_known_while_they_run_and_may_have_waited_while_no_thread_was_free() -> None:
    seen: list[list[RunningRequest]] = []

    class Closed(list[bytes]):
        closed = 0

        def close(self) -> None:
            Closed.closed += 1

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(running.now_running())
        if environ["PATH_INFO"] == "/fail":
            raise KeyError
        if "wsgi.input" in environ:
            assert environ["wsgi.input"].read() == b"abcdef"
        return Closed([b"x"])

    class Input:
        left = b"abcdef"

        def read(self, size: int) -> bytes:
            data, self.left = self.left[:size], self.left[size:]
            return data

    running = RunningRequests(app, threads=1, grace=20, rate=1000)
    response = running({"PATH_INFO": "/", "REMOTE_ADDR": SCHOOL}, lambda *_: None)  # type: ignore[arg-type, return-value]
    assert [request.address for request in running.now_running()] == [SCHOOL]
    assert running.may_be_queued
    assert list(response) == [b"x"]
    response.close()  # type: ignore[attr-defined]
    assert (running.now_running(), Closed.closed) == ([], 1)
    with pytest.raises(KeyError):
        running({"PATH_INFO": "/fail", "REMOTE_ADDR": SCHOOL}, lambda *_: None)  # type: ignore[arg-type, return-value]
    assert running.now_running() == []
    assert seen[1][0].queued_for > 0
    running.forget_wait(0)
    assert not running.may_be_queued
    running.note_pause(NOW)
    assert running.may_be_queued
    for headers in ({"CONTENT_LENGTH": "6"}, {"HTTP_TRANSFER_ENCODING": "chunked"}):
        environ = {"PATH_INFO": "/", "REMOTE_ADDR": SCHOOL, "wsgi.input": Input(), **headers}
        running(environ, lambda *_: None).close()  # type: ignore[arg-type, attr-defined, return-value]
        assert seen[-1][0].complete_at is not None


def test_connections_leave_files_for_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: dict[int, tuple[int, int]] = {}
    number = server.resource.RLIMIT_NOFILE
    monkeypatch.setattr(server.resource, "getrlimit", limits.__getitem__)
    monkeypatch.setattr(server.resource, "setrlimit", limits.__setitem__)
    settings, endless = load_settings({"THREADS": "16"}), server.resource.RLIM_INFINITY

    def check(soft: int, hard: int, expected_soft: int, connections: int) -> None:
        limits[number] = soft, hard
        server._raise_file_limit(settings)
        assert limits[number] == (expected_soft, hard)
        assert server._connection_limit(settings) == connections

    check_all(
        [
            (1024, 524288, 4480, 4096),
            (1024, endless, 4480, 4096),
            (endless, endless, endless, 4096),
            (20000, 20000, 20000, 4096),
            (1024, 2048, 2048, 1664),
            (256, 256, 256, 64),
        ],
        check,
    )


def test_a_system_that_does_not_describe_connections_serves_without_the_watch(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(server, "_exit_with", lambda _parent: None)
    monkeypatch.setattr(server, "make_app", lambda: app)
    monkeypatch.setattr(server.ServedConnections, "available", lambda: False)
    monkeypatch.setattr(server, "log", type("Log", (), {"warning": warnings.append}))
    assert server.make_worker() is app
    assert len(warnings) == 1
