"""Requests that write three messages, while a provider answers and while it answers nothing; 300 messages at once, compared with one after
another; and the time from the request to the provider. The provider is a stand-in for Resend on loopback."""

import math
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from sqlalchemy import func, select, update

from benchmarks import servers
from benchmarks.databases import both
from benchmarks.load import CONNECTIONS, post_load
from benchmarks.notifying_app import PATH, REQUESTS, about
from benchmarks.report import MILLISECONDS, SHARE, TIMES, Row, say
from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.notifications.models import Notification
from request_tracker_utils.notifications.providers.interface import Provider
from request_tracker_utils.notifications.providers.resend import ResendProvider
from request_tracker_utils.notifications.sending import BUSY_PACE, PACE
from tests.services.apps import make_app, ready, user
from tests.services.local_server import Call, Reply, wait_until
from tests.services.providers import RESEND_KEY, Mode, Ntfy, Resend, message

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

WITH_MESSAGES, WITH_SILENCE, FASTER, TO_THE_DOOR = 0.80, 0.95, 5.0, 2000.0
MESSAGES = 3
"""Of each request."""
ROUNDS, SECONDS, WARM_SECONDS = 9, 3, 2
SENDING_SECONDS = math.ceil(1.25 * PACE * BUSY_PACE)
"""Under load a thread sends a message so seldom: a shorter round would not contain the sending."""
BATCH, PAUSE, SAMPLE = 300, 0.2, 15
"""Messages at once, the seconds that the provider takes for each, and how many are sent one after another."""
ORDINARY, PER_SECOND = 100, 5
"""Requests whose messages are timed, and how many there are per second."""
SILENT_CHATS = 40
_ESTABLISHED = "01"
CAPS = {"notifications_per_recipient": "1000000", "notifications_per_sender": "1000000", "notifications_per_day": "10000000"}


class TimedResend(Resend):
    """Takes `pause` seconds for each message, and keeps when it received each key first."""

    pause = 0.0

    def __init__(self, mode: Mode = "ok") -> None:
        self.received_at: dict[str, datetime] = {}
        super().__init__(mode)

    def accept(self, call: Call) -> Reply:
        self.received_at.setdefault(call.headers["idempotency-key"], utc_now())
        return replace(super().accept(call), wait=self.pause)


class TimedNtfy(Ntfy):
    """Keeps when it received the message about each request."""

    def __init__(self) -> None:
        self.received_at: dict[int, datetime] = {}
        super().__init__()

    def accept(self, call: Call) -> Reply:
        found = re.search(r"#(\d+)", str(call.json))
        if found:
            self.received_at.setdefault(int(found[1]), utc_now())
        return super().accept(call)


@dataclass(frozen=True)
class Site:
    """A running installation with `BATCH` people, and the provider that it uses."""

    served: servers.Served
    app: Flask
    resend: TimedResend
    people: Sequence[int]

    def rate(self, *, recipients: int, seconds: int = SECONDS) -> float:
        """Requests per second."""
        bodies = [_body(self.people[at : at + recipients], at) for at in range(0, len(self.people), MESSAGES)]
        return post_load(self.served, PATH, seconds, bodies).rate

    def post(self, client: requests.Session, body: Mapping[str, object]) -> int:
        answer = client.post(self.served.url + PATH, json=body, headers=self.served.headers, timeout=60)
        answer.raise_for_status()
        return int(answer.json()["id"])

    def forget_what_is_due(self) -> None:
        """Nothing is sent from now on: the next measurement has the machine to itself."""
        with self.app.app_context(), transaction() as session:
            session.execute(update(Notification).where(Notification.due_at.is_not(None)).values(due_at=None))
        time.sleep(0.5)  # until the threads have ended

    def written_at(self, key: Any, channel: Channel) -> dict[Any, datetime]:
        """When each message was written, before its commit, by this column."""
        with self.app.app_context(), reading() as session:
            query = select(key, Notification.created_at).where(Notification.notification_type == channel)
            return {row[0]: row[1] for row in session.execute(query)}

    def counts(self) -> tuple[int, int]:
        """Of requests and messages."""
        with self.app.app_context(), reading() as session:
            of = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (REQUESTS, Notification)]
            return of[0], of[1]

    def memory(self) -> float:
        """Of all server processes, in MiB, without what they share with each other."""
        lines = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.served.worker_pids()]
        return sum(int(size) for text in lines for size in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)) / 1024

    def unanswered(self) -> int:
        """Connections of the server processes to the provider."""
        port = f":{urlsplit(self.resend.url).port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(remote.endswith(port) and state == _ESTABLISHED for _number, _local, remote, state, *_rest in rows)


def measure() -> Iterator[Row]:
    for title, server in both():
        with _site(server, TimedResend()) as healthy, TimedNtfy() as ntfy, _site(server, TimedResend("hang"), ntfy.settings()) as silent:
            yield from _rates(title, healthy, silent)
            yield _chats(title, silent, ntfy)
            healthy.resend.pause = PAUSE
            yield _ordinary(title, healthy)
            yield _batch(title, healthy)


def _rates(title: str, healthy: Site, silent: Site) -> Iterator[Row]:
    """The provider of `silent` answers nothing during all rounds, and between them its threads wait for it."""
    for site, recipients in ((healthy, 0), (healthy, MESSAGES), (silent, MESSAGES)):
        site.rate(recipients=recipients, seconds=WARM_SECONDS)
    _wait_until_silent(silent)
    begun, memory, most = time.monotonic(), silent.memory(), 0
    without, answered, unanswered, sent = list[float](), list[float](), list[float](), list[float]()
    for number in range(ROUNDS):

        def measure_without() -> None:
            healthy.forget_what_is_due()
            without.append(healthy.rate(recipients=0))

        def measure_answered() -> None:
            before = len(healthy.resend.accepted)
            answered.append(healthy.rate(recipients=MESSAGES, seconds=SENDING_SECONDS))
            sent.append((len(healthy.resend.accepted) - before) / SENDING_SECONDS)
            healthy.forget_what_is_due()

        def measure_unanswered() -> None:
            unanswered.append(silent.rate(recipients=MESSAGES))

        for each in _rotated([measure_without, measure_answered, measure_unanswered], number):
            each()
        most = max(most, silent.unanswered())
        rates = f"{without[-1]:.0f}/s, {answered[-1]:.0f}/s with messages, {unanswered[-1]:.0f}/s without an answer"
        say(f"{title}, round {number + 1} of {ROUNDS}: {rates}")
    _check(healthy)
    _check(silent)
    if most > Provider.at_once * len(silent.served.worker_pids()):
        raise AssertionError(f"{most} threads wait for a provider that does not answer")
    ratios, silent_ratios = _ratios(answered, without), _ratios(unanswered, answered)
    detail = (
        f"{statistics.median(answered):.0f} requests/s vs. {statistics.median(without):.0f}, each receives three kinds of cable; "
        f"{statistics.median(sent):.0f} messages/s sent during them; {CONNECTIONS} connections, median of {ROUNDS} rounds{_range(ratios)}"
    )
    yield Row(f"A request that writes three messages, vs. none, {title}", statistics.median(ratios), WITH_MESSAGES, SHARE, detail)
    detail = (
        f"{statistics.median(unanswered):.0f} requests/s vs. {statistics.median(answered):.0f}, silent for "
        f"{time.monotonic() - begun:.0f} s; at most {most} threads wait for the provider; memory of the server processes "
        f"{silent.memory() - memory:+.0f} MiB; median of {ROUNDS} rounds{_range(silent_ratios)}"
    )
    name = f"The same while the provider answers nothing, vs. while it answers, {title}"
    yield Row(name, statistics.median(silent_ratios), WITH_SILENCE, SHARE, detail)


def _wait_until_silent(site: Site) -> None:
    """Until all threads of both server processes wait for an answer."""
    most = Provider.at_once * len(site.served.worker_pids())
    wait_until(lambda: len(site.resend.calls) >= most, within=60)


def _chats(title: str, silent: Site, ntfy: TimedNtfy) -> Row:
    """Chat messages, each together with three emails that nobody answers."""
    with _client() as client:
        numbers = _in_time(SILENT_CHATS, lambda at: silent.post(client, _body(_three(silent, at), at) | {"chat": True}))
    wait_until(lambda: ntfy.received_at.keys() >= set(numbers), within=60)
    written = silent.written_at(Notification.about, Channel.CHAT)
    seconds = [(ntfy.received_at[number] - written[about(number)]).total_seconds() for number in numbers]
    return _to_the_door(f"From a request to the chat server while the email provider answers nothing, {title}: 95 % within", seconds)


def _ordinary(title: str, healthy: Site) -> Row:
    healthy.forget_what_is_due()
    healthy.resend.received_at.clear()
    with _client() as client:
        _in_time(ORDINARY, lambda at: healthy.post(client, _body(_three(healthy, at), at)))
    wait_until(lambda: len(healthy.resend.received_at) >= ORDINARY * MESSAGES, within=60)
    return _to_the_door(f"From a request to the provider, {title}: 95 % within", _waits(healthy))


def _batch(title: str, healthy: Site) -> Row:
    """All messages are written by one request, so one of the two server processes begins to send them."""
    healthy.forget_what_is_due()
    one_by_one = _one_by_one(healthy.resend.url) * BATCH
    healthy.resend.received_at.clear()
    before = len(healthy.resend.accepted)
    with _client() as client:
        began = time.perf_counter()
        healthy.post(client, _body(healthy.people, 0))
        wait_until(lambda: len(healthy.resend.accepted) >= before + BATCH, within=BATCH * PAUSE * 2)
        seconds = time.perf_counter() - began + PAUSE
    with healthy.app.app_context():
        wait_until(lambda: _unfinished(healthy) == 0)
    detail = (
        f"{seconds:.1f} s vs. {one_by_one:.1f} s (from {SAMPLE}), {PAUSE * 1000:.0f} ms each, written by one request; "
        f"95 % reached the provider within {_p95(_waits(healthy)):.1f} s"
    )
    return Row(f"{BATCH} messages, vs. one after another, {title}", one_by_one / seconds, FASTER, TIMES, detail)


def _one_by_one(url: str) -> float:
    """Seconds for each message."""
    provider, times = ResendProvider(RESEND_KEY, url=url), []
    for number in range(SAMPLE):
        began = time.perf_counter()
        provider.send(message(Channel.EMAIL), f"{number:064x}")
        times.append(time.perf_counter() - began)
    return statistics.mean(times)


@contextmanager
def _site(server: "SQLite | PostgreSQL", resend: TimedResend, more: Mapping[str, str] | None = None) -> Iterator[Site]:
    with server.fresh() as url, TemporaryDirectory() as folder, resend:
        settings = {"database_url": url, **CAPS, **resend.settings(), **(more or {})}
        app = ready(make_app(Path(folder), **settings))
        for number in range(BATCH):
            user(app, "staff", f"person-{number}", email=f"person{number}@school.example.org")
        with app.app_context():
            REQUESTS.create(db.engine)
            with reading() as session:
                people = list(session.scalars(select(User.id).where(User.email.is_not(None)).order_by(User.id)))
        try:
            with servers.program(Path(folder), settings, module=servers.NOTIFYING) as served:
                yield Site(served, app, resend, people)
        finally:
            with app.app_context():
                REQUESTS.drop(db.engine)
                db.engine.dispose()


def _client() -> requests.Session:
    client = requests.Session()
    client.trust_env = False
    return client


def _body(to: Sequence[int], at: int) -> dict[str, object]:
    return {"to": to, "lengths": [at % BATCH + number for number in (1, 2, 3)]}


def _three(site: Site, at: int) -> Sequence[int]:
    return site.people[at * MESSAGES % BATCH :][:MESSAGES]


def _in_time(count: int, post: Callable[[int], int]) -> list[int]:
    """Calls it `PER_SECOND` times a second."""
    began, numbers = time.monotonic(), list[int]()
    for at in range(count):
        time.sleep(max(0.0, began + at / PER_SECOND - time.monotonic()))
        numbers.append(post(at))
    return numbers


def _waits(site: Site) -> list[float]:
    """Seconds from when each message was written until the provider received it."""
    written = site.written_at(Notification.key, Channel.EMAIL)
    return [(at - written[key]).total_seconds() for key, at in site.resend.received_at.items()]


def _to_the_door(name: str, seconds: Sequence[float]) -> Row:
    detail = f"median {statistics.median(seconds) * 1000:.0f} ms, slowest {max(seconds) * 1000:.0f} ms of {len(seconds)} messages; "
    detail += f"{PER_SECOND} requests/s, from before the commit"
    return Row(name, _p95(seconds) * 1000, TO_THE_DOOR, MILLISECONDS, detail, at_least=False)


def _p95(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=20)[18]


def _unfinished(site: Site) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Notification).where(Notification.due_at.is_not(None))) or 0


def _check(site: Site) -> None:
    """Raises AssertionError unless each request with recipients has written its messages."""
    requests_, messages = site.counts()
    if messages % MESSAGES or messages > requests_ * MESSAGES:
        raise AssertionError(f"{messages} messages of {requests_} requests")


def _ratios(ours: Sequence[float], others: Sequence[float]) -> list[float]:
    return [our / other for our, other in zip(ours, others, strict=True)]


def _range(ratios: Sequence[float]) -> str:
    return f" ({min(ratios):.0%} to {max(ratios):.0%})"


def _rotated(steps: Sequence[Callable[[], None]], by: int) -> list[Callable[[], None]]:
    return [*steps[by % len(steps) :], *steps[: by % len(steps)]]
