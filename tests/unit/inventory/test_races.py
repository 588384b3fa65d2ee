"""Reservations of several threads at the same moment: the services, without a server."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from flask import Flask

from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.inventory import reservations
from request_tracker_utils.inventory.stock import Source
from tests.services.stocking import HOW, adjusted, check_books, delivered, line, reserved, row_of

THREADS = 12


def at_once(app: Flask, calls: list[Callable[[], object]]) -> Counter[str]:
    """How often each code was the answer; empty for success."""
    start = Barrier(len(calls))

    def call(one: Callable[[], object]) -> str:
        with app.app_context():
            start.wait(60)
            try:
                one()
            except AppError as error:
                return error.code
            return ""

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(call, calls))


def consumed(ticket: int, length: str = "100 ft", *, cut: bool = False) -> None:
    with transaction() as session:
        reservations.consume(session, Source("ticket", ticket), [replace(line(length, 1), cut=cut)], **HOW)


def released(ticket: int) -> None:
    with transaction() as session:
        reservations.release(session, Source("ticket", ticket), **HOW)


def test_five_of_twelve_who_consume_or_reserve_get_a_piece(inside: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    answers = at_once(inside, [lambda ticket=ticket: reserved(ticket, line("100 ft", 1), backorder=False) for ticket in range(THREADS)])
    assert answers == {"": 5, "not_enough": THREADS - 5}
    answers = at_once(inside, [lambda ticket=ticket: consumed(ticket) for ticket in range(THREADS)])
    assert answers == {"": 5, "not_enough": THREADS - 5}, "those who have reserved"
    delivered(("Cat6", "100 ft", 5))
    answers = at_once(inside, [lambda ticket=ticket: consumed(ticket) for ticket in range(THREADS)])
    assert answers == {"": 5, "not_enough": THREADS - 5}
    check_books()


def test_reserving_releasing_consuming_and_adjusting_at_once_agree(inside: Flask) -> None:
    lengths = ("100 ft", "50 ft", "1,000 ft")
    delivered(*[("Cat6", length, 4) for length in lengths])
    lines = [line(length, 2, number) for number, length in enumerate(lengths)]
    for ticket in range(3):
        reserved(ticket, *lines)
    calls: list[Callable[[], object]] = [
        *[lambda ticket=ticket: released(ticket) for ticket in range(2)],
        *[lambda ticket=ticket: reserved(ticket, *lines) for ticket in (3, 4)],
        *[lambda ticket=ticket: reserved(ticket, *reversed(lines)) for ticket in (5, 6)],
        lambda: consumed(2),
        *[lambda: consumed(7, "70 ft", cut=True)] * 2,
        lambda: adjusted("Cat6", "50 ft", -3),
        lambda: adjusted("Cat6", "1,000 ft", 3),
        lambda: delivered(*[("Cat6", length, 1) for length in (*lengths[::-1], "930 ft")]),
    ]
    answers = at_once(inside, calls)
    assert set(answers) <= {"", "not_enough"}, answers
    check_books()
    row = row_of("Cat6", "100 ft")
    assert row.available == 0 or row.backordered == 0, "nobody waits for what is there"
