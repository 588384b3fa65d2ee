"""Callers with a Request Tracker token: their Request Tracker user, and the linked account.

The token is verified with Request Tracker; the answer is cached for a few minutes. Its user is an account here only if an administrator
has linked the two, never because two names are equal.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User, key_hash
from request_tracker_utils.accounts.throttling import TooManyAttempts
from request_tracker_utils.core.errors import Conflict, Unavailable
from request_tracker_utils.core.translation import gettext as _

TOKEN_FORM = re.compile(r"1-[1-9][0-9]{0,9}-[0-9A-Za-z]{8,128}")
VALID_TTL, INVALID_TTL = 300.0, 60.0
"""Seconds for which Request Tracker's answer is cached."""
MAX_CACHED = 2_000
MAX_CONCURRENT, MAX_WAITING = 2, 4
"""Threads that may ask at the same time, and that may wait: anyone can send a token, and each costs Request Tracker 0.2 s."""
SLOT_TIMEOUT = 2.0
MAX_REJECTED = 20
"""Invalid tokens from one network within INVALID_TTL; after that Request Tracker is not asked for a while."""

Cached = TypeVar("Cached")


@dataclass(frozen=True)
class RtIdentity:
    """A Request Tracker user."""

    id: int
    name: str
    privileged: bool


class RtUsers(Protocol):
    """Request Tracker's users. Both methods raise Unavailable if it does not answer."""

    def of_token(self, token: str) -> RtIdentity | None:
        """The owner of the token; None if it is invalid."""

    def named(self, name_or_number: str) -> RtIdentity:
        """Raises NotFound."""


class RtTokens:
    """Caches for some minutes what Request Tracker says about a token, by the token's hash."""

    def __init__(self, users: RtUsers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.users, self._clock = users, clock
        self._valid: dict[str, tuple[float, RtIdentity]] = {}
        self._invalid: dict[str, tuple[float, str]] = {}
        """With the network that sent each. A cache of its own, so that invalid tokens never evict valid ones."""
        self._lock, self._slots, self._queue = Lock(), BoundedSemaphore(MAX_CONCURRENT), BoundedSemaphore(MAX_CONCURRENT + MAX_WAITING)

    def identity(self, token: str, network: str) -> RtIdentity | None:
        """Raises Unavailable if Request Tracker cannot be asked, TooManyAttempts for a network that has sent many invalid tokens."""
        if not TOKEN_FORM.fullmatch(token):
            return None
        key, now = key_hash(token), self._clock()
        until, known = self._valid.get(key, (0.0, None))
        if known is not None and now < until:
            return known
        if now < self._invalid.get(key, (0.0, ""))[0]:
            return None
        self._check_network(network, now)
        found = self._ask(token)
        with self._lock:
            if found is None:
                _store(self._invalid, key, (now + INVALID_TTL, network))
            else:
                _store(self._valid, key, (now + VALID_TTL, found))
        return found

    def _check_network(self, network: str, now: float) -> None:
        with self._lock:
            refused = sum(1 for until, showed in self._invalid.values() if showed == network and now < until)
        if refused >= MAX_REJECTED:
            raise TooManyAttempts(_("Too many invalid tokens. Wait a minute, then try again."), retry_after=round(INVALID_TTL))

    def _ask(self, token: str) -> RtIdentity | None:
        if not self._queue.acquire(blocking=False):
            raise _busy()
        try:
            if not self._slots.acquire(timeout=SLOT_TIMEOUT):
                raise _busy()
            try:
                return self.users.of_token(token)
            finally:
                self._slots.release()
        finally:
            self._queue.release()


def rt_user_named(tokens: RtTokens | None, name_or_number: str) -> RtIdentity:
    """The Request Tracker user with this name or number. Raises NotFound, Unavailable; Conflict if Request Tracker is not configured."""
    if tokens is None:
        raise Conflict(_("Request Tracker is not configured: RT_URL is not set."), field="rt_user")
    return tokens.users.named(name_or_number)


def _store(cache: dict[str, Cached], key: str, value: Cached) -> None:
    """Keeps the newest MAX_CACHED entries."""
    cache.pop(key, None)
    while len(cache) >= MAX_CACHED:
        del cache[next(iter(cache))]
    cache[key] = value


def _busy() -> Unavailable:
    return Unavailable(_("Many Request Tracker tokens are being checked right now. Try again in a few seconds."))


def account_of(session: Session, identity: RtIdentity) -> User | None:
    """The account linked to this Request Tracker user, active or not."""
    return session.scalar(select(User).where(User.rt_user_id == identity.id))
