"""Limits of sending: how many messages a recipient, a sender and the site may have in a day, and which providers get none for now."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import Any

from sqlalchemy import Integer, Select, bindparam, func, literal, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.clock import SKEW
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.exchange import LONGEST_PAUSE
from request_tracker_utils.notifications.models import LONGEST_WAIT, Notification

DAY = timedelta(days=1)
REQUIRED = 2
"""By how much the caps are multiplied for messages that nobody can turn off: others cannot use up what a password link needs."""
FAILURES = 3
"""In a row, after which a provider gets no new messages for a while."""
PAUSE = timedelta(seconds=30)
SLOW = timedelta(seconds=5)
"""A provider that needs longer for one message gets no new ones, if another provider is ready."""


@dataclass(frozen=True)
class Caps:
    """How many messages may be sent in 24 hours; `per_day` and `sms_per_day` are those of the whole site on one channel."""

    per_recipient: int
    per_sender: int
    per_day: int
    sms_per_day: int

    def exceeded(self, session: Session, message: Notification, *, is_required: bool, now: datetime) -> str:
        """Why this message must not be sent; empty if it may be. Threads that count at the same moment may let a few more through."""
        sms = message.notification_type == Channel.SMS
        caps = {
            "recipient": ("NOTIFICATIONS_PER_RECIPIENT", self.per_recipient),
            "sender": ("NOTIFICATIONS_PER_SENDER", self.per_sender),
            "site": ("SMS_PER_DAY", self.sms_per_day) if sms else ("NOTIFICATIONS_PER_DAY", self.per_day),
        }
        most = {name: cap * REQUIRED if is_required else cap for name, (_setting, cap) in caps.items()}
        values = {
            "id": message.id,
            "channel": message.notification_type,
            "address": message.address,
            "user": message.recipient_user_id,
            "sender": message.sender_user_id,
            "since": now - DAY,
            "until": now + SKEW,
            "written_since": now - DAY - LONGEST_WAIT,
            **{f"most_{name}": each for name, each in most.items()},
        }
        counts = session.connection().execute(_counts(bool(message.address)), values).one()
        for name, (setting, _cap) in caps.items():
            if counts._mapping[name] >= most[name]:
                return _cap_reached(setting, most[name])
        return ""


@cache
def _counts(has_address: bool) -> Select[Any]:
    """How many others were given to a provider in the last day: to one phone or mailbox, whoever shares it (for chat, whose addresses are
    secret, to one person); for one sender; and on this channel. Counts no further than `most_…`, so none reads more rows than it needs.
    """
    table = Notification.__table__
    of = table.c
    recipient = of.address == bindparam("address") if has_address else of.recipient_user_id == bindparam("user")
    same_channel = of.notification_type == bindparam("channel")
    which = {
        "recipient": [recipient, same_channel, of.created_at >= bindparam("written_since")],  # for the indexes of recipients
        "sender": [of.sender_user_id == bindparam("sender")],
        "site": [same_channel],
    }
    in_a_day = [of.given_at >= bindparam("since"), of.given_at <= bindparam("until"), of.id != bindparam("id")]
    given = {name: select(literal(1)).select_from(table).where(*where, *in_a_day) for name, where in which.items()}
    limited = {name: query.limit(bindparam(f"most_{name}", type_=Integer)).subquery() for name, query in given.items()}
    return select(*(select(func.count()).select_from(query).scalar_subquery().label(name) for name, query in limited.items()))


def _cap_reached(setting: str, most: int) -> str:
    if setting == "NOTIFICATIONS_PER_RECIPIENT":
        return _("The recipient has received %(most)s messages in 24 hours, the most that %(setting)s allows.", most=most, setting=setting)
    if setting == "NOTIFICATIONS_PER_SENDER":
        return _("The sender has sent %(most)s messages in 24 hours, the most that %(setting)s allows.", most=most, setting=setting)
    return _("%(most)s messages were sent in 24 hours, the most that %(setting)s allows.", most=most, setting=setting)


@dataclass
class Breaker:
    """Whether one provider gets messages, in this process. After FAILURES in a row it gets none for PAUSE, then one at a time until one is
    accepted. Thread-safe."""

    clock: Callable[[], float] = time.monotonic
    _failures: int = 0
    _closed_again_at: float = 0.0
    _started: dict[int, float] = field(default_factory=dict)
    """Number of an attempt → when it began."""
    _next: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def is_open(self) -> bool:
        """Whether the provider gets nothing at all now, or is being tried with one message."""
        with self._lock:
            return self._is_open()

    @property
    def is_slow(self) -> bool:
        """Whether it has not answered for SLOW."""
        with self._lock:
            return any(self.clock() - at > SLOW.total_seconds() for at in self._started.values())

    def begin(self) -> int | None:
        """The number of an attempt that may begin now; None if none may."""
        with self._lock:
            if self._is_open():
                return None
            self._next += 1
            self._started[self._next] = self.clock()
            return self._next

    def cancel(self, attempt: int) -> None:
        """Nothing was sent."""
        with self._lock:
            self._started.pop(attempt, None)

    def succeed(self, attempt: int) -> None:
        with self._lock:
            self._started.pop(attempt, None)
            self._failures, self._closed_again_at = 0, 0.0

    def fail(self, attempt: int, *, pause: timedelta | None = None) -> None:
        """`pause` is what the provider asked for: it is made after the first failure."""
        with self._lock:
            self._started.pop(attempt, None)
            self._failures = FAILURES if pause is not None else self._failures + 1
            if self._failures >= FAILURES:
                length = PAUSE if pause is None else min(pause, LONGEST_PAUSE)
                self._closed_again_at = max(self._closed_again_at, self.clock() + length.total_seconds())

    def _is_open(self) -> bool:
        if self._failures < FAILURES:
            return False
        return self.clock() < self._closed_again_at or bool(self._started)
