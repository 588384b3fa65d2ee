"""Guessing is slow: wrong passwords are counted in the database, and cost pauses that grow.

Three counts, of the last hour each: the account from this network, the account from everywhere, the network for all accounts. The
second does not hold in a network where the account has signed in before, so that nobody keeps its owner out from elsewhere. A browser
where it has signed in is a network of its own (`browsers`) and knows the first count only, so that nobody does from the next room
either. A pause always ends, and what is tried meanwhile is not looked at and does not make it longer: a stranger cannot shut an
account for good.
"""

import math
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import LoginEvent, LoginKind
from request_tracker_utils.accounts.origin import Origin
from request_tracker_utils.core.errors import AppError

WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Rule:
    """So many failures are free; the pause after the next is a second, and doubles with each up to the longest."""

    free: int
    longest: timedelta

    def pause(self, failures: int) -> timedelta:
        return timedelta(0) if failures < self.free else min(timedelta(seconds=2 ** min(failures - self.free, 20)), self.longest)

    @property
    def enough(self) -> int:
        """More failures than these change nothing."""
        return self.free + math.ceil(math.log2(self.longest.total_seconds())) + 1


HERE = Rule(free=5, longest=timedelta(minutes=15))
EVERYWHERE = Rule(free=10, longest=timedelta(minutes=1))
NETWORK = Rule(free=50, longest=timedelta(minutes=1))
"""A school has one address for all its people, so many may mistype there."""


class TooManyAttempts(AppError):
    """`retry_after` is the pause in seconds."""

    status, code = 429, "too_many_attempts"


def pause(session: Session, key: str, origin: Origin, *, now: datetime) -> TooManyAttempts | None:
    """What to tell whoever tries while a pause lasts for this account (its key) from this network; None when none does."""
    left = max(end - now for end in _pauses(session, key, origin, now))
    if left <= timedelta(0):
        return None
    seconds = math.ceil(left.total_seconds())
    return TooManyAttempts(f"Too many wrong passwords. Wait {_in_words(seconds)}, then try again.", retry_after=seconds)


def take_turn(session: Session, key: str, origin: Origin) -> None:
    """Has attempts at one account, and those from one network, stand in a line until the transaction ends: else a burst of them would
    all find the count low. Accounts come before networks, so that no two wait for each other.

    SQLite's writers stand in a line anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        for space, name in ((7_031, key), (7_032, origin.network)):
            number = zlib.crc32(name.encode()) - 2**31
            session.execute(text("SELECT pg_advisory_xact_lock(:space, :number)"), {"space": space, "number": number})


def _pauses(session: Session, key: str, origin: Origin, now: datetime) -> list[datetime]:
    """When the pause of each rule ends."""
    since = now - WINDOW
    of_account, of_network = LoginEvent.account_key == key, LoginEvent.network == origin.network
    success = session.scalar(select(func.max(LoginEvent.at)).where(of_account, of_network, LoginEvent.kind == str(LoginKind.SIGNED_IN)))
    ends = [_end(session, HERE, max(since, success or since), of_account, of_network)]
    if not origin.browser:
        ends.append(_end(session, NETWORK, since, of_network))
    if success is None and not origin.browser:
        ends.append(_end(session, EVERYWHERE, since, of_account))
    return ends


def _end(session: Session, rule: Rule, since: datetime, *which: object) -> datetime:
    """When the pause after the failures since then is over."""
    failed = (*which, LoginEvent.kind == str(LoginKind.FAILED), LoginEvent.at > since)
    times = session.scalars(select(LoginEvent.at).where(*failed).order_by(LoginEvent.at.desc()).limit(rule.enough)).all()  # type: ignore[arg-type]
    return times[0] + rule.pause(len(times)) if times else since


def _in_words(seconds: int) -> str:
    if seconds < 100:
        return "a second" if seconds == 1 else f"{seconds} seconds"
    return f"{math.ceil(seconds / 60)} minutes"
