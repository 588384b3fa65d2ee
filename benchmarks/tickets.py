"""Lists, filters, the search, the dashboard and the pick list of cable tickets, with a hundred times as many tickets and movements."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy import insert, select, text

from benchmarks import stock
from benchmarks.authentication import ask, call_of
from benchmarks.databases import both
from benchmarks.report import TIMES, Row, say
from benchmarks.stock import in_turn, median_ratio
from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.models import TICKET_SOURCE, Ticket, TicketApprover, TicketItem
from request_tracker_utils.cable_tickets.search import words
from request_tracker_utils.cable_tickets.states import RESERVES, TicketStatus
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.inventory.models import Reservation
from tests.services.apps import make_app, ready, token, user

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

FEW, MANY = 1_000, 100_000
MOVEMENTS = 10
"""Movements for each ticket."""
CALLS = 40
PAGES, SEARCHES = 2.0, 3.0
PEOPLE = 50
CHUNK = 5_000
DAYS = 365
STATUSES = (
    *(TicketStatus.PENDING_APPROVAL, TicketStatus.PENDING_APPROVAL, TicketStatus.APPROVED, TicketStatus.IN_PROGRESS),
    *(TicketStatus.FULFILLED, TicketStatus.REJECTED, TicketStatus.CLOSED, TicketStatus.CLOSED, TicketStatus.CLOSED, TicketStatus.DELETED),
)
"""Of each ten tickets: more are open than in an office, so that each page is full with few tickets too."""
LIST = "/api/tickets?limit=50"
Asked = Callable[["Office", random.Random], str]

LISTED: dict[str, Asked] = {
    "first page": lambda *_: LIST,
    "a page in the middle": lambda it, _: f"{LIST}&before_id={it.tickets // 2}",
    "status": lambda _, chance: f"{LIST}&status={chance.choice(STATUSES[:9])}",
    "priority": lambda _, chance: f"{LIST}&priority={chance.choice(['low', 'medium', 'high'])}",
    "status and priority": lambda _, chance: f"{LIST}&status={chance.choice(STATUSES[:9])}&priority=high",
    "created by me": lambda *_: f"{LIST}&mine=created",
    "assigned to me": lambda *_: f"{LIST}&mine=assigned",
    "created by me, with a status": lambda *_: f"{LIST}&mine=created&status=closed",
    "assigned to me, with a status": lambda *_: f"{LIST}&mine=assigned&status=pending_approval",
    "created by me, with a priority": lambda *_: f"{LIST}&mine=created&priority=high",
    "archived": lambda *_: f"{LIST}&status=deleted",
    "one ticket": lambda it, chance: f"/api/tickets/{it.some(chance)}",
    "figures": lambda *_: "/api/dashboard/stats",
    "the dashboard": lambda *_: "/tickets",
    "the list's page": lambda *_: "/tickets/list?tab=all",
    "the page of what is to decide": lambda *_: "/tickets/list?tab=decide",
    "the page of what is to fulfill": lambda *_: "/tickets/list?tab=fulfill",
    "pick list": lambda *_: "/api/tickets/pick-list?limit=50",
}
SEARCHED: dict[str, Asked] = {
    "a word of most tickets": lambda *_: f"{LIST}&q=cat6",
    "a rare word": lambda _, chance: f"{LIST}&q=rack{chance.randint(0, 499)}",
    "two words": lambda _, chance: f"{LIST}&q=cat6+room{chance.randint(0, 99)}",
    "the beginning of a word": lambda *_: f"{LIST}&q=rac",
    "a word and a status": lambda *_: f"{LIST}&q=cat6&status=closed",
    "a word and one's own": lambda *_: f"{LIST}&q=cat6&mine=created",
    "a word and what asks me": lambda *_: f"{LIST}&q=cat6&mine=assigned",
    "a number": lambda it, chance: f"{LIST}&q={it.some(chance)}",
    "nothing found": lambda *_: f"{LIST}&q=cat6+nothing",
}


def measure() -> Iterator[Row]:
    for title, server in both():
        with _office(server, FEW) as few, _office(server, MANY) as many:
            name = f"Lists, filters, dashboard and pick list of cable tickets with a hundred times as many, {title}"
            yield _slowest(name, few, many, LISTED, PAGES)
            yield _slowest(f"Search of cable tickets with a hundred times as many, {title}", few, many, SEARCHED, SEARCHES)


class Office:
    """An app with this many tickets, and a member of the staff."""

    def __init__(self, app: Flask, tickets: int) -> None:
        self.tickets: int = tickets
        self._app, self._headers = app, token(app, "staff")

    def some(self, chance: random.Random) -> int:
        """The ID of a ticket that is not archived."""
        return chance.randint(1, self.tickets // 10) * 10 - 5

    def slowest(self, paths: Sequence[str]) -> float:
        """The 95th percentile, in seconds."""
        return statistics.quantiles([self._seconds(path) for path in paths], n=20)[18]

    def _seconds(self, path: str) -> float:
        call = call_of(path, **self._headers)
        started = time.perf_counter()
        ask(self._app, call)
        return time.perf_counter() - started


def _slowest(name: str, few: Office, many: Office, asked: Mapping[str, Asked], target: float) -> Row:
    """The worst ratio of the 95th percentiles."""
    ratios: dict[str, tuple[float, str]] = {}
    for each, path in asked.items():
        short, long = in_turn(few, many, lambda it, chance, path=path: it.slowest([path(it, chance) for _ in range(CALLS)]))
        milliseconds = f"{statistics.median(long) * 1e3:.1f} ms vs. {statistics.median(short) * 1e3:.1f} ms"
        ratios[each] = median_ratio(short, long), milliseconds
        say(f"{each}: {milliseconds}, {ratios[each][0]:.2f} ×")
    worst = max(ratios, key=lambda each: ratios[each][0])
    detail = (
        f"{ratios[worst][1]} for the slowest of {len(ratios)}, {worst}; 95th percentile of {CALLS} calls in the app, {MANY:,} tickets and "
        f"{MANY * MOVEMENTS:,} movements vs. {FEW:,} and {FEW * MOVEMENTS:,}; median of {stock.ROUNDS} rounds"
    )
    return Row(name, ratios[worst][0], target, TIMES, detail, at_least=False)


@contextmanager
def _office(server: "SQLite | PostgreSQL", tickets: int) -> Iterator[Office]:
    with server.fresh() as url, TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
        office = Office(app, tickets)
        started = time.perf_counter()
        stock.fill(app, tickets * MOVEMENTS)
        with app.app_context():
            for number in range(PEOPLE):
                user(app, "user", f"person-{number}")
            with reading() as session:
                people = session.scalars(select(User.id).order_by(User.id)).all()
            _insert_tickets(tickets, people)
            if db.engine.dialect.name == "postgresql":  # as it does in time; an installation's SQLite is not analyzed either
                with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.execute(text("VACUUM ANALYZE"))
        say(f"{tickets:,} tickets created in {time.perf_counter() - started:.0f} s")
        yield office
        with app.app_context():
            db.engine.dispose()


def _insert_tickets(count: int, people: Sequence[int]) -> None:
    """In bulk: a ticket in ten was created by the first of the people, and another one in ten asks them."""
    now = utc_now()
    for first in range(1, count + 1, CHUNK):
        ids = range(first, min(first + CHUNK, count + 1))
        tickets = [_ticket(each, now - timedelta(days=DAYS) * (1 - each / count), people) for each in ids]
        with transaction() as session:
            session.execute(insert(Ticket), tickets)
            session.execute(insert(TicketItem), [_item(each) for each in ids])
            asked = [
                {"ticket_id": each, "user_id": _asked(each, people), "nonce": "0" * 32, "revision": 1, "asked_at": now} for each in ids
            ]
            session.execute(insert(TicketApprover), asked)
            reserved = [_reservation(each["id"], now) for each in tickets if each["status"] in RESERVES]
            session.execute(insert(Reservation), reserved)


def _ticket(number: int, at: datetime, people: Sequence[int]) -> dict[str, Any]:
    status = STATUSES[number * 7 % 10]
    is_deleted, is_decided = status == TicketStatus.DELETED, status != TicketStatus.PENDING_APPROVAL
    notes = f"rack{number % 500} Cat6 cable"
    location = f"Room{number % 100}"
    return {
        "id": number,
        "created_by_id": people[0] if number // 10 % 10 == 0 else people[number % PEOPLE + 1],
        "created_by": f"person-{number % PEOPLE}",
        "assigned_to_id": _asked(number, people),
        "status": status,
        "status_before": TicketStatus.CLOSED if is_deleted else None,
        "deleted_at": at if is_deleted else None,
        "location": location,
        "location_key": location.lower(),
        "notes": notes,
        "priority": ("low", "medium", "high")[number % 3],
        "rejection_reason": "No." if status == TicketStatus.REJECTED else None,
        "decided_at": at + timedelta(minutes=number % 3_000) if is_decided else None,
        "fulfilled_at": at + timedelta(minutes=number % 9_000) if status in (TicketStatus.FULFILLED, TicketStatus.CLOSED) else None,
        "revision": 1,
        "reminders": 0,
        "search_words": " ".join(dict.fromkeys(words(f"{number} {location} {notes} 100 ft"))),
        "created_at": at,
        "updated_at": at,
    }


def _asked(number: int, people: Sequence[int]) -> int:
    return people[0] if number // 10 % 10 == 1 else people[number % PEOPLE + 1]


def _item(number: int) -> dict[str, Any]:
    return {
        "ticket_id": number,
        "cable_type": "Cat6",
        "cable_length": "100 ft",
        "cable_gauge": "",
        "quantity": 2,
        "fulfilled": 0,
        "returned": 0,
    }


def _reservation(number: int, now: datetime) -> dict[str, Any]:
    key = {"source_type": TICKET_SOURCE, "source_id": number, "line": number}
    return {**key, "stock_id": number % stock.ROWS + 1, "reserved": 1, "backordered": 0, "created_at": now}
