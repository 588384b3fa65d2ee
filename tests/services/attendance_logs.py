"""Terminals with logs of any length, and the records that must come out of them."""

from datetime import datetime, timedelta
from typing import Any

from request_tracker_utils.attendance.reading import Layout, Record, Target, Transport
from tests.services.attendance_terminal import Punched, SimulatedTerminal, SimulatedUser

MORNING = datetime(2026, 3, 9, 7, 58, 1)
PEOPLE = [SimulatedUser(uid, str(9000 - uid), f"Person {uid}") for uid in range(1, 40)]


def punches(count: int, first: int = 0) -> list[Punched]:
    return [
        Punched(
            PEOPLE[number % len(PEOPLE)], MORNING + timedelta(seconds=37 * number), status=number % 16, punch=number % 6, work_code=number
        )
        for number in range(first, first + count)
    ]


def expected(made: list[Punched], layout: Layout) -> list[Record]:
    by_16 = layout is Layout.BYTES_16
    return [
        Record(each.user.user_id, each.user.uid, each.time, each.status, each.punch, each.work_code if by_16 else None) for each in made
    ]


def terminal_with(count: int, layout: str = "40", **more: Any) -> SimulatedTerminal:
    terminal = SimulatedTerminal(layout=layout, users=list(PEOPLE), user_size=28 if layout in {"8", "ma300", "16"} else 72, **more)
    terminal.punch(*punches(count))
    return terminal


def target(
    terminal: SimulatedTerminal, transport: Transport = Transport.TCP, *, timeout: float = 20, layout: Layout = Layout.AUTO
) -> Target:
    """How to reach a terminal of the network."""
    return Target(terminal.address, terminal.port, transport, comm_key=terminal.comm_key, timeout=timeout, layout=layout)
