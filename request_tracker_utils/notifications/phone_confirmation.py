"""Confirming a phone number: a code is sent to it, and a person who enters the code can read messages there.

A code of six digits could be found in its hash within a second. So neither is stored: the code is an HMAC of a random seed, the account and
the number, with a key that is not in the database. Each code is derived twice: when it is sent, and when one is entered.

Codes are limited, since each costs money and a stranger's sleep: per number, per account, and per network. Attempts are counted before they
are compared, so that concurrent ones are counted in full.
"""

import hmac
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import SKEW
from request_tracker_utils.core.db import affected
from request_tracker_utils.core.errors import AppError, Conflict, Invalid
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.messages import Channel, MessageKind, Messenger, Recipient, Values
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.notifications.models import PhoneCode, SuppressedAddress

LIFETIME = timedelta(minutes=10)
DIGITS = 6
ATTEMPTS = 5
RETENTION = timedelta(days=1)
"""The longest window of LIMITS: codes are deleted when none counts them."""
REPEAT = timedelta(seconds=30)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS: dict[str, tuple[tuple[timedelta, int], ...]] = {
    "number": ((REPEAT, 1), (HOUR, 3), (DAY, 6)),
    "user_id": ((REPEAT, 1), (HOUR, 5), (DAY, 10)),
    "network": ((HOUR, 30), (DAY, 100)),
}
"""How many codes may be requested within a time, for each number, account and network. A school has one address for everybody."""

_PURPOSE = b"phone confirmation 1"
_ACCOUNT_LOCKS, _NUMBER_LOCKS, _NETWORK_LOCKS = 7_041, 7_042, 7_043


class TooManyCodes(AppError):
    """Too many codes were requested; `retry_after` is the pause in seconds."""

    status, code = 429, "too_many_codes"


class CodeResult(StrEnum):
    """What an entered code has shown."""

    CONFIRMED = "confirmed"
    WRONG = "wrong"
    EXHAUSTED = "exhausted"
    """It was wrong too often, or this was the last attempt."""
    EXPIRED = "expired"
    """It is too old, was used or replaced, or none was requested."""


@dataclass(frozen=True)
class Checked:
    """`attempts_left` of a wrong code; `shared_with` are the other accounts for which the number is confirmed, too."""

    result: CodeResult
    number: str = ""
    attempts_left: int = 0
    shared_with: Sequence[User] = ()


SHARED = MessageKind(
    "phone-shared",
    gettext_noop("Your phone number is used by another account"),
    "notifications/messages/phone-shared",
    channels=frozenset({Channel.EMAIL}),
    optional=False,
)


def complete(session: Session, values: Values, *, key: bytes) -> Values | None:
    """What the message with the code says; None if the code was used or replaced meanwhile. See `MessageKind.complete`."""
    row = session.get(PhoneCode, int(values["phone_code"]))
    if row is None or row.ended_at is not None:
        return None
    return {"code": code_of(row, key), "minutes": LIFETIME // timedelta(minutes=1)}


def request_code(
    session: Session, messenger: Messenger, kind: MessageKind, user: User, number: str, *, network: str, actor: Actor, now: datetime
) -> PhoneCode:
    """Sends a code to the number, in the form +12025550123; the account's earlier codes end.

    Raises Conflict if the number is confirmed already or cannot receive messages, TooManyCodes.
    """
    _serialize(session, user.id, number, network)
    session.refresh(user)
    if user.phone == number and user.phone_confirmed_at is not None:
        raise Conflict(_("%(number)s is already confirmed.", number=number))
    if session.get(SuppressedAddress, (Channel.SMS, number)) is not None:
        raise Conflict(
            _(
                "No text messages are sent to %(number)s: it answered STOP, or messages to it failed for good. Answer START to our last "
                "message, or ask your administrator to remove the number from the suppressed addresses.",
                number=number,
            )
        )
    _check_limits(session, {"number": number, "user_id": user.id, "network": network}, now)
    _end(session, user.id, now)
    row = PhoneCode(user_id=user.id, number=number, network=network, seed=secrets.token_hex(16), attempts=0, created_at=now)
    session.add(row)
    session.flush()
    recipient = Recipient(address=number, channel=Channel.SMS)
    messenger.send(session, kind, [recipient], about=f"phone code {row.id}", values={"phone_code": row.id}, actor=actor, now=now)
    return row


def open_code(session: Session, user_id: int, *, now: datetime) -> PhoneCode | None:
    """The code that the account may enter now."""
    return session.scalar(select(PhoneCode).where(*_is_open(user_id, now), PhoneCode.attempts < ATTEMPTS))


def enter_code(session: Session, user: User, entered: str, *, key: bytes, now: datetime) -> Checked:
    """Compares the code with the one that was sent. If it is right, the number is the confirmed phone number of the account.

    Raises Invalid for text that is not a code; this does not count as an attempt.
    """
    digits = _digits(entered)
    counted = update(PhoneCode).where(*_is_open(user.id, now), PhoneCode.attempts < ATTEMPTS).values(attempts=PhoneCode.attempts + 1)
    row: PhoneCode | None = session.scalar(counted.returning(PhoneCode), execution_options={"populate_existing": True})
    if row is None:
        exhausted = session.scalar(select(PhoneCode.id).where(*_is_open(user.id, now)))
        return Checked(CodeResult.EXPIRED if exhausted is None else CodeResult.EXHAUSTED)
    if not hmac.compare_digest(code_of(row, key).encode(), digits.encode()):
        left = ATTEMPTS - row.attempts
        return Checked(CodeResult.WRONG if left else CodeResult.EXHAUSTED, attempts_left=left)
    row.ended_at = now
    user.phone, user.phone_confirmed_at = row.number, now
    others = select(User).where(User.phone == row.number, User.phone_confirmed_at.is_not(None), User.id != user.id, User.active)
    return Checked(CodeResult.CONFIRMED, row.number, shared_with=session.scalars(others.order_by(User.id)).all())


def tell_others(session: Session, messenger: Messenger, user: User, checked: Checked, *, actor: Actor, now: datetime) -> None:
    """Tells the other accounts with this number that one more has confirmed it: families and offices share a phone, and otherwise somebody
    else reads their messages."""
    if not checked.shared_with:
        return
    about = f"phone of account {user.id} confirmed at {now.isoformat()}"
    recipients = [Recipient(other.id) for other in checked.shared_with]
    values: dict[str, str | int] = {"name": user.name, "ending": checked.number[-4:]}
    messenger.send(session, SHARED, recipients, about=about, values=values, actor=actor, now=now)


def remove_phone(session: Session, user: User, *, now: datetime) -> None:
    """Removes the phone number of the account, and ends its codes."""
    _end(session, user.id, now)
    user.phone, user.phone_confirmed_at = None, None


def delete_old(session: Session, *, now: datetime) -> int:
    """Deletes codes that no limit counts, and returns how many."""
    return affected(session.execute(delete(PhoneCode).where(PhoneCode.created_at < now - RETENTION)))


def code_of(row: PhoneCode, key: bytes) -> str:
    """The code that was sent. Numbers of 64 bits are distributed evenly enough over a million codes."""
    signed = b"\0".join([_PURPOSE, row.seed.encode(), str(row.user_id).encode(), row.number.encode()])
    return f"{int.from_bytes(hmac.digest(key, signed, 'sha256')[:8]) % 10**DIGITS:0{DIGITS}}"


def _digits(entered: str) -> str:
    """The digits of an entered code, also with spaces or a dash, and in full width."""
    digits = re.sub(r"[\s\-\u2010-\u2015]", "", unicodedata.normalize("NFKC", entered))
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        raise Invalid(_("Enter the %(count)s digits of the code in the text message.", count=DIGITS), field="code")
    return digits


def _is_open(user_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """A code from the future was sent before the clock was set back: it is not believed."""
    sent = PhoneCode.created_at
    return PhoneCode.user_id == user_id, PhoneCode.ended_at.is_(None), sent > now - LIFETIME, sent <= now + SKEW


def _end(session: Session, user_id: int, now: datetime) -> None:
    session.execute(update(PhoneCode).where(PhoneCode.user_id == user_id, PhoneCode.ended_at.is_(None)).values(ended_at=now))


def _check_limits(session: Session, values: dict[str, Any], now: datetime) -> None:
    """Raises TooManyCodes with the longest pause of all limits that are reached."""
    pauses = [
        pause
        for name, value in values.items()
        for window, most in LIMITS[name]
        if (pause := _pause(session, getattr(PhoneCode, name) == value, window, most, now))
    ]
    if pauses:
        seconds = max(1, round(max(pauses).total_seconds()))
        wait = _("%(num)s minutes", num=-(-seconds // 60)) if seconds >= 100 else _("%(num)s seconds", num=seconds)
        message = _("Too many codes were requested. Wait %(duration)s, then request one again.", duration=wait)
        raise TooManyCodes(message, retry_after=seconds)


def _pause(session: Session, which: ColumnElement[bool], window: timedelta, most: int, now: datetime) -> timedelta:
    """How long to wait until fewer than `most` codes were sent within the window; zero if there are fewer now."""
    sent = PhoneCode.created_at
    query = select(sent).where(which, sent > now - window, sent <= now + SKEW).order_by(sent.desc()).offset(most - 1).limit(1)
    oldest = session.scalar(query)
    return timedelta(0) if oldest is None else max(oldest + window - now, timedelta(seconds=1))


def _serialize(session: Session, user_id: int, number: str, network: str) -> None:
    """Takes advisory locks, so that concurrent requests do not all see a low count. Always in this order."""
    for space, name in ((_ACCOUNT_LOCKS, str(user_id)), (_NUMBER_LOCKS, number), (_NETWORK_LOCKS, network)):
        lock_until_commit(session, space, [name])
