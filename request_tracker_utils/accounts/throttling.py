"""Protection against password guessing: failures are counted in the database and cause growing pauses.

There are three counts for the last hour: the account from this network, the account from everywhere, and the network for all accounts.
The second does not apply to a network from which the account has signed in before. A browser in which the account has signed in
(`current/authentication` sets a cookie) counts as a network of its own, to which only the first count applies: people in the same building
cannot lock the owner out either.

Nor does the second count apply to the first two attempts of a day from a new network (/24 of IPv4, /48 of IPv6), so that many attackers
who keep it going do not keep the owner out of a new place. That ends after DAILY_GUESSES wrong passwords within a day: an attacker with
hundreds of networks, one for each guess, looks the same as the owner. Then the owner uses a known browser or network, or a password link.

Registrations and requests for password links are counted like the passwords of a network, each kind separately.

A pause always ends. Attempts during a pause are not checked and do not extend it, so an account cannot be blocked permanently. Failures in
the future do not count: the clock was set back (`core/clock.py`).
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import login_events
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, User
from request_tracker_utils.core.clock import SKEW, is_believed
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.translation import gettext as _, ngettext

WINDOW, DAY = timedelta(hours=1), timedelta(days=1)
NEW_NETWORK_ATTEMPTS = 2
"""Failures of an account within a day after which a network is not new."""
DAILY_GUESSES = 1_000
"""Failures of an account within a day after which new networks wait like others."""
_ACCOUNT_LOCKS, _NETWORK_LOCKS = 7_031, 7_032


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
EVERYWHERE = Rule(free=10, longest=timedelta(minutes=5))
NETWORK = Rule(free=50, longest=timedelta(minutes=1))
"""A school has one address for everybody, so many people may mistype there."""


class TooManyAttempts(AppError):
    """Too many attempts; `retry_after` is the pause in seconds."""

    status, code = 429, "too_many_attempts"


def current_pause(session: Session, key: str, origin: Origin, *, now: datetime) -> TooManyAttempts | None:
    """The error to raise while the account (its key) is paused for this network; None if it is not."""
    here, everywhere = _pauses(session, key, origin, now)
    left = max(here, everywhere) - now
    if left <= timedelta(0):
        return None
    seconds = math.ceil(left.total_seconds())
    message = _("Too many wrong passwords. Wait %(duration)s, then try again.", duration=_duration(seconds))
    if everywhere > here:
        way_out = _(
            "You can also sign in from a browser or network that you have used before, or choose a new password: use “Forgot your "
            "password?”, or ask your IT office for a password link."
        )
        message = f"{message} {way_out}"
    return TooManyAttempts(message, retry_after=seconds)


def pause_of_network(session: Session, kind: LoginKind, origin: Origin, *, now: datetime) -> TooManyAttempts | None:
    """The error to raise while the network waits after many events of this kind, which strangers cause; None if it does not."""
    left = _end(session, NETWORK, now - WINDOW, now, LoginEvent.network == origin.network, kind=kind) - now
    if left <= timedelta(0):
        return None
    seconds = math.ceil(left.total_seconds())
    message = _("Too many requests came from your network. Wait %(duration)s, then try again.", duration=_duration(seconds))
    return TooManyAttempts(message, retry_after=seconds)


def admit_stranger(
    session: Session, kind: LoginKind, origin: Origin, *, now: datetime, user: User | None = None, key: str | None = None
) -> int:
    """Records and counts an event of this kind; returns its id.

    Raises TooManyAttempts while the network waits.
    """
    serialize_attempts(session, origin)
    paused = pause_of_network(session, kind, origin, now=now)
    if paused is not None:
        raise paused
    event = login_events.record(session, kind, origin, now=now, user=user, key=key)
    session.flush()
    return event.id


def serialize_attempts(session: Session, origin: Origin, key: str | None = None) -> None:
    """Takes advisory locks, so that attempts for one account (its key) and from one network run one after the other until the transaction
    ends: otherwise a burst of attempts would all see a low count. Accounts are locked before networks, which rules out deadlocks.
    """
    for space, name in ((_ACCOUNT_LOCKS, key), (_NETWORK_LOCKS, origin.network)):
        if name is not None:
            lock_until_commit(session, space, [name])


def _pauses(session: Session, key: str, origin: Origin, now: datetime) -> tuple[datetime, datetime]:
    """When the pause of this network ends, and when the pause of the account everywhere does."""
    since = now - WINDOW
    of_account, of_network = LoginEvent.account_key == key, LoginEvent.network == origin.network
    success = session.scalar(select(func.max(LoginEvent.at)).where(of_account, of_network, LoginEvent.kind == str(LoginKind.SIGNED_IN)))
    counted_since = since if success is None or not is_believed(success, now) else max(since, success)
    here, everywhere = _end(session, THIS_NETWORK, counted_since, now, of_account, of_network), since
    if not origin.browser:
        here = max(here, _end(session, NETWORK, since, now, of_network))
        if success is None:
            everywhere = _end(session, EVERYWHERE, since, now, of_account)
            if everywhere > now and _is_new_network(session, of_account, origin, now):
                everywhere = since
    return here, everywhere


def _is_new_network(session: Session, of_account: ColumnElement[bool], origin: Origin, now: datetime) -> bool:
    """Whether this network is checked at once, whatever was tried elsewhere."""
    failed_today = _failed(now - DAY, now, of_account)
    attempts = _count(session, NEW_NETWORK_ATTEMPTS, *failed_today, LoginEvent.block == origin.block)
    return attempts < NEW_NETWORK_ATTEMPTS and _count(session, DAILY_GUESSES, *failed_today) < DAILY_GUESSES


def _count(session: Session, enough: int, *which: ColumnElement[bool]) -> int:
    """How many events there are, up to enough."""
    return session.execute(select(func.count()).select_from(select(LoginEvent.id).where(*which).limit(enough).subquery())).scalar_one()


def _end(
    session: Session, rule: Rule, since: datetime, now: datetime, *which: ColumnElement[bool], kind: LoginKind = LoginKind.FAILED
) -> datetime:
    """When the pause after the failures since then ends."""
    times = session.scalars(
        select(LoginEvent.at).where(*_failed(since, now, *which, kind=kind)).order_by(LoginEvent.at.desc()).limit(rule.enough)
    ).all()
    return times[0] + rule.pause(len(times)) if times else since


def _failed(
    since: datetime, now: datetime, *which: ColumnElement[bool], kind: LoginKind = LoginKind.FAILED
) -> tuple[ColumnElement[bool], ...]:
    return (*which, LoginEvent.kind == str(kind), LoginEvent.at > since, LoginEvent.at <= now + SKEW)


def _duration(seconds: int) -> str:
    if seconds < 100:
        return ngettext("a second", "%(num)s seconds", seconds)
    return ngettext("a minute", "%(num)s minutes", math.ceil(seconds / 60))
