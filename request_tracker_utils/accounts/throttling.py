"""Protection against password guessing: failures are counted in the database and cause growing pauses.

There are three counts for the last hour: the account from this network, the account from everywhere, and the network for all accounts.
The second does not apply to a network from which the account has signed in before, so that its owner cannot be locked out from elsewhere.
A browser in which the account has signed in (`views/authentication` sets its cookie) counts as a network of its own, to which only the
first count applies: people in the same building cannot lock the owner out either. A pause always ends. Attempts during a pause are not
checked and do not extend it, so an account cannot be blocked permanently.
"""

import math
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginEvent, LoginKind
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _, ngettext

WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Rule:
    """`free` failures cause no pause. The pause after the next one is a second, and doubles with each failure up to `longest`."""

    free: int
    longest: timedelta

    def pause(self, failures: int) -> timedelta:
        return timedelta(0) if failures < self.free else min(timedelta(seconds=2 ** min(failures - self.free, 20)), self.longest)

    @property
    def enough(self) -> int:
        """The number of failures after which the pause stops growing."""
        return self.free + math.ceil(math.log2(self.longest.total_seconds())) + 1


THIS_NETWORK = Rule(free=5, longest=timedelta(minutes=15))
EVERYWHERE = Rule(free=10, longest=timedelta(minutes=1))
NETWORK = Rule(free=50, longest=timedelta(minutes=1))
"""A school has one address for everybody, so many people may mistype there."""


class TooManyAttempts(AppError):
    """Too many attempts; `retry_after` is the pause in seconds."""

    status, code = 429, "too_many_attempts"


def current_pause(session: Session, key: str, origin: Origin, *, now: datetime) -> TooManyAttempts | None:
    """The error to raise while the account (its key) is paused for this network; None if it is not."""
    left = max(end - now for end in _pauses(session, key, origin, now))
    if left <= timedelta(0):
        return None
    seconds = math.ceil(left.total_seconds())
    message = _("Too many wrong passwords. Wait %(duration)s, then try again.", duration=_duration(seconds))
    return TooManyAttempts(message, retry_after=seconds)


def serialize_attempts(session: Session, key: str, origin: Origin) -> None:
    """Takes advisory locks, so that attempts for one account and from one network run one after the other until the transaction ends:
    otherwise a burst of attempts would all see a low count. Accounts are locked before networks, which rules out deadlocks.

    SQLite has a single writer anyway.
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
    ends = [_end(session, THIS_NETWORK, max(since, success or since), of_account, of_network)]
    if not origin.browser:
        ends.append(_end(session, NETWORK, since, of_network))
    if success is None and not origin.browser:
        ends.append(_end(session, EVERYWHERE, since, of_account))
    return ends


def _end(session: Session, rule: Rule, since: datetime, *which: object) -> datetime:
    """When the pause after the failures since then ends."""
    failed = (*which, LoginEvent.kind == str(LoginKind.FAILED), LoginEvent.at > since)
    times = session.scalars(select(LoginEvent.at).where(*failed).order_by(LoginEvent.at.desc()).limit(rule.enough)).all()  # type: ignore[arg-type]
    return times[0] + rule.pause(len(times)) if times else since


def _duration(seconds: int) -> str:
    if seconds < 100:
        return ngettext("a second", "%(num)s seconds", seconds)
    return ngettext("a minute", "%(num)s minutes", math.ceil(seconds / 60))
