"""How many punches each terminal has. Counting millions of rows for each page of a list would take longer than reading the page.

Punches are only ever added, so a process counts them once and afterwards only those that came later. What came later begins behind a
*settled* ID: one that no running transaction can still undercut. On PostgreSQL, IDs are assigned before their rows can be seen, so an ID
settles when all transactions have ended that were running when it was first seen. SQLite has one writer.
"""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Punch

_RUNNING = text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint, "
    "coalesce((SELECT max(id) FROM punches), 0)"
)


@dataclass
class PunchCounts:
    """The counts of one process, which its threads share."""

    _settled: int = 0
    """The ID up to which punches are counted in `_counted`."""
    _counted: Counter[int] = field(default_factory=Counter)
    _seen: int = 0
    """An ID that settles when the transaction `_ends` and all before it have ended."""
    _ends: int = 0
    _lock: Lock = field(default_factory=Lock)

    def by_terminal(self, session: Session) -> Counter[int]:
        """How many punches each terminal has now."""
        with self._lock:
            settled, counted = self._settled, self._counted.copy()
        up_to = self.settled_id(session)
        if up_to > settled:
            counted += _between(session, settled, up_to)
            settled = up_to
            with self._lock:
                if settled > self._settled:
                    self._settled, self._counted = settled, counted.copy()
        # SQLite would read the whole index of terminals to find that nothing came later.
        newest = session.scalar(select(func.max(Punch.id))) or 0
        return counted + _between(session, settled, None) if newest > settled else counted

    def settled_id(self, session: Session) -> int:
        """The largest ID that has settled: every punch with a smaller one can be seen."""
        if session.get_bind().dialect.name == "sqlite":
            return session.scalar(select(func.max(Punch.id))) or 0
        oldest, next_one, newest = session.execute(_RUNNING).one()
        with self._lock:
            settled = self._seen if oldest >= self._ends else self._settled
            if settled == self._seen and newest > self._seen:
                self._seen, self._ends = newest, next_one
            return newest if oldest >= next_one else settled


def _between(session: Session, after: int, up_to: int | None) -> Counter[int]:
    query = select(Punch.terminal_id, func.count()).where(Punch.id > after).group_by(Punch.terminal_id)
    found = session.execute(query if up_to is None else query.where(Punch.id <= up_to))
    return Counter(dict(found.all()))
