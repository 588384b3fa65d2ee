"""Callers that hold a token of Request Tracker: who they are there, and here.

Request Tracker itself is asked, as that token; its answer is good for some minutes. Whom it names is an account here only where an
administrator linked the two, and never because two names are equal.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.guessing import TooManyAttempts
from request_tracker_utils.accounts.models import User
from request_tracker_utils.accounts.secret import hash_of
from request_tracker_utils.core.errors import Unavailable

TOKEN_FORM = re.compile(r"1-[1-9][0-9]{0,9}-[0-9A-Za-z]{8,128}")
GOOD_FOR, BAD_FOR = 300.0, 60.0
"""Seconds for which an answer of Request Tracker is taken to hold."""
MOST_KEPT = 2_000
PLACES, WAITING = 2, 4
"""Threads that may ask at once, and that may wait for it: anybody may show a token, and each costs Request Tracker 0.2 s."""
PATIENCE = 2.0
MOST_REFUSED = 20
"""Bad tokens from one network, in the time for which one is remembered as bad; then Request Tracker is not asked for a while."""

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class RtIdentity:
    """A user of Request Tracker, as it named them."""

    id: int
    name: str
    privileged: bool


class RtUsers(Protocol):
    """Request Tracker's users. Both methods raise Unavailable when it does not answer."""

    def of_token(self, token: str) -> RtIdentity | None:
        """Whose token it is; None for a bad one."""

    def named(self, name_or_number: str) -> RtIdentity:
        """Raises NotFound."""


class RtCallers:
    """Remembers for some minutes what Request Tracker said of a token, under the token's hash."""

    def __init__(self, users: RtUsers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.users, self._clock = users, clock
        self._good: dict[str, tuple[float, RtIdentity]] = {}
        self._bad: dict[str, tuple[float, str]] = {}
        """The network that showed it beside each: strangers fill this one, and push nobody out of the other."""
        self._lock, self._places, self._line = Lock(), BoundedSemaphore(PLACES), BoundedSemaphore(PLACES + WAITING)

    def identity(self, token: str, network: str) -> RtIdentity | None:
        """Raises Unavailable when Request Tracker cannot be asked, TooManyAttempts for a network that shows many bad tokens."""
        if not TOKEN_FORM.fullmatch(token):
            return None
        key, now = hash_of(token), self._clock()
        until, known = self._good.get(key, (0.0, None))
        if known is not None and now < until:
            return known
        if now < self._bad.get(key, (0.0, ""))[0]:
            return None
        self._check_network(network, now)
        found = self._ask(token)
        with self._lock:
            if found is None:
                _keep(self._bad, key, (now + BAD_FOR, network))
            else:
                _keep(self._good, key, (now + GOOD_FOR, found))
        return found

    def _check_network(self, network: str, now: float) -> None:
        with self._lock:
            refused = sum(1 for until, showed in self._bad.values() if showed == network and now < until)
        if refused >= MOST_REFUSED:
            raise TooManyAttempts("Too many wrong tokens. Wait a minute, then try again.", retry_after=round(BAD_FOR))

    def _ask(self, token: str) -> RtIdentity | None:
        if not self._line.acquire(blocking=False):
            raise _busy()
        try:
            if not self._places.acquire(timeout=PATIENCE):
                raise _busy()
            try:
                return self.users.of_token(token)
            finally:
                self._places.release()
        finally:
            self._line.release()


def _keep(kept: dict[str, Kept], key: str, value: Kept) -> None:
    """The newest MOST_KEPT."""
    kept.pop(key, None)
    while len(kept) >= MOST_KEPT:
        del kept[next(iter(kept))]
    kept[key] = value


def _busy() -> Unavailable:
    return Unavailable("Many tokens of Request Tracker are checked at this moment. Try again in a few seconds.")


def account_of(session: Session, identity: RtIdentity) -> User | None:
    """The account that is linked to this user of Request Tracker, active or not."""
    return session.scalar(select(User).where(User.rt_user_id == identity.id))
