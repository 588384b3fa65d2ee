"""Which times of punches are implausible: those in the future, and those of a clock that was set back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Implausible, Punch

FUTURE = timedelta(hours=26)
"""No two time zones are further apart, so a later time is not explained by a wrong zone."""
YEAR = timedelta(days=360)
"""A little less, since some days may pass before the first punch after a clock was set back by a year."""
BACK = timedelta(days=1)
"""A clock that is right again shows a time at most this much before the punches from before it was wrong."""
STRETCH = timedelta(days=60)
"""How far the last punch of a stretch with a wrong clock may be away."""


@dataclass
class Plausibility:
    """Judges the records of a terminal in the order of its log. `latest` is the latest plausible time; `is_behind` says whether the
    clock is set back. Such a stretch lasts until the time is as late as before it, however long that takes."""

    received_at: datetime
    latest: datetime | None = None
    is_behind: bool = False

    def judge(self, terminal_time: datetime, at: datetime) -> Implausible | None:
        """The next record of the log."""
        if at > self.received_at + FUTURE:
            return Implausible.FUTURE
        if self.latest is None or terminal_time >= self.latest:
            self.latest, self.is_behind = terminal_time, False
        elif terminal_time < self.latest - YEAR:
            self.is_behind = True
        elif terminal_time >= self.latest - BACK:
            self.is_behind = False
        return Implausible.BEHIND if self.is_behind else None


def resume(session: Session, terminal_id: int, first: datetime, received_at: datetime) -> Plausibility:
    """Continues after the stored punches of a terminal. `first` is the time of the next record."""
    of_terminal = Punch.terminal_id == terminal_id
    latest = select(Punch.terminal_time).where(of_terminal, Punch.implausible.is_(None)).order_by(Punch.terminal_time.desc()).limit(1)
    judged = Plausibility(received_at, session.scalar(latest))
    if judged.latest is not None and first < judged.latest - BACK:
        near = Punch.terminal_time.between(first - STRETCH, first)
        behind = select(Punch.id).where(of_terminal, near, Punch.implausible == Implausible.BEHIND).limit(1)
        judged.is_behind = session.scalar(behind) is not None
    return judged
