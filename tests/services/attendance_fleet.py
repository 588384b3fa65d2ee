"""Many terminals without a network, of which some hang or fail."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Barrier, Event

from sqlalchemy import func, select

from request_tracker_utils.attendance.errors import TerminalTimedOut
from request_tracker_utils.attendance.models import TerminalPoll
from request_tracker_utils.attendance.polling import Poller
from request_tracker_utils.attendance.reading import KnownLog, Reading, Target
from request_tracker_utils.core.db import reading, transaction
from tests.services.attendance import INFO, NOW, HandMade, record

LOG = [record("17", "2026-03-02 08:00"), record("18", "2026-03-02 08:05")]


@dataclass
class Fleet:
    """Terminals by address. Those in `hanging` answer nothing until `released`, or for half a minute. Then they fail, or answer late."""

    hanging: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    answers_late: bool = False
    is_hanging: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)
    together: Barrier | None = None

    def read(self, target: Target, *, deadline: float, known: KnownLog | None, full: bool, with_users: bool) -> Reading:
        if target.address in self.failing:
            raise TerminalTimedOut("It did not answer.")
        if target.address in self.hanging:
            self.is_hanging.set()
            if not self.released.wait(30) or not self.answers_late:
                raise TerminalTimedOut("It did not answer.")
        if self.together is not None:
            self.together.wait(30)
        device = HandMade([*LOG], info=type(INFO)(**{**vars(INFO), "serial_number": f"SN{target.address}"}))
        return device.read(target, deadline=deadline, known=known, full=full, with_users=with_users)

    def poller(self) -> Poller:
        return Poller(self, lambda _terminal: 0, transaction, lambda: NOW, timeout=10, deadline=120)


@contextmanager
def released(fleet: Fleet) -> Iterator[None]:
    """Ends the polls that hang, and waits for them, so that nothing writes into the next test's database."""
    try:
        yield
    finally:
        fleet.released.set()
        end = time.monotonic() + 10
        while _open_polls() and time.monotonic() < end:
            time.sleep(0.02)


def _open_polls() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(TerminalPoll).where(TerminalPoll.ended_at.is_(None))) or 0
