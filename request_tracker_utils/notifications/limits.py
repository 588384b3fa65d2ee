"""Limits of sending: how many messages a recipient, a sender and the site may have in a day, and which providers get none for now."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.clock import SKEW
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.models import LONGEST_WAIT, Notification
from request_tracker_utils.notifications.providers.interface import LONGEST_PAUSE

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
        same_channel = Notification.notification_type == message.notification_type
        is_recent = Notification.created_at >= now - DAY - LONGEST_WAIT  # for the indexes of recipients and senders
        checks = [
            ("NOTIFICATIONS_PER_RECIPIENT", self.per_recipient, [_same_recipient(message), same_channel, is_recent]),
            ("SMS_PER_DAY" if sms else "NOTIFICATIONS_PER_DAY", self.sms_per_day if sms else self.per_day, [same_channel]),
        ]
        if message.sender_user_id is not None:
            checks.insert(
                1, ("NOTIFICATIONS_PER_SENDER", self.per_sender, [Notification.sender_user_id == message.sender_user_id, is_recent])
            )
        for setting, cap, which in checks:
            most = cap * REQUIRED if is_required else cap
            if _count(session, message, which, now=now, most=most) >= most:
                return _cap_reached(setting, most)
        return ""


def _same_recipient(message: Notification) -> ColumnElement[bool]:
    """One phone or mailbox, even if several people share it; for chat, whose addresses are secret, the person."""
    if message.address:
        return Notification.address == message.address
    return Notification.recipient_user_id == message.recipient_user_id


def _count(session: Session, message: Notification, which: list[ColumnElement[bool]], *, now: datetime, most: int) -> int:
    """How many others were given to a provider in the last day; at most `most`, so that no count reads more rows than it needs."""
    in_a_day = Notification.given_at.between(now - DAY, now + SKEW)
    given = select(literal(1)).where(*which, in_a_day, Notification.id != message.id)
    return session.execute(select(func.count()).select_from(given.limit(most).subquery())).scalar_one()


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
