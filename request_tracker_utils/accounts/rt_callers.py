"""Callers that hold a token of Request Tracker: who they are there, and here.

Request Tracker itself is asked, as that token; its answer is good for some minutes. Whom it names is an account here only where an
administrator linked the two, and never because two names are equal.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.accounts.secret import hash_of
from request_tracker_utils.core.errors import Unavailable

TOKEN_FORM = re.compile(r"1-[1-9][0-9]{0,9}-[0-9A-Za-z]{8,128}")
GOOD_FOR, BAD_FOR = 300.0, 60.0
"""Seconds for which an answer of Request Tracker is taken to hold."""
MOST_KEPT = 2_000
PLACES = 2
"""Threads that may ask at once: anybody may show a token, and each costs Request Tracker 0.2 s."""
PATIENCE = 2.0


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
        self._known: dict[str, tuple[float, RtIdentity | None]] = {}
        self._lock, self._places = Lock(), BoundedSemaphore(PLACES)

    def identity(self, token: str) -> RtIdentity | None:
        """Raises Unavailable when Request Tracker cannot be asked."""
        if not TOKEN_FORM.fullmatch(token):
            return None
        key = hash_of(token)
        until, known = self._known.get(key, (0.0, None))
        if self._clock() < until:
            return known
        if not self._places.acquire(timeout=PATIENCE):
            raise Unavailable("Many tokens of Request Tracker are checked at this moment. Try again in a few seconds.")
        try:
            found = self.users.of_token(token)
        finally:
            self._places.release()
        self._remember(key, found)
        return found

    def _remember(self, key: str, found: RtIdentity | None) -> None:
        with self._lock:
            self._known.pop(key, None)
            while len(self._known) >= MOST_KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = (self._clock() + (GOOD_FOR if found else BAD_FOR), found)


def account_of(session: Session, identity: RtIdentity) -> User | None:
    """The account that is linked to this user of Request Tracker, active or not."""
    return session.scalar(select(User).where(User.rt_user_id == identity.id))
