"""Passwords: what is required of one, and hashing them with Argon2."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from request_tracker_utils.core.errors import Invalid, Unavailable
from request_tracker_utils.core.translation import gettext as _

MIN_LENGTH, MAX_LENGTH = 10, 200
COMMON = Path(__file__).with_name("common_passwords.txt")
"""The first eight hexadecimal digits of the SHA-256 of each common password in lowercase, one per line."""
DECORATION = re.compile(r"^[\W\d_]{0,4}|[\W\d_]{0,5}$")
"""What people add before and after a common word to disguise it."""
MIN_BESIDE_NAME = 6
"""Characters that must remain when the owner's name is removed from the password."""
_hasher = PasswordHasher()
_slots = BoundedSemaphore(4)
SLOT_TIMEOUT = 5.0
"""Seconds that a check waits for a slot."""


def checked(password: str, *, name: str = "") -> str:
    """The password itself, if a user with that name may have it. Raises Invalid."""
    if len(password) < MIN_LENGTH:
        raise Invalid(
            _("The password needs at least %(count)s characters. Use a few words that only you would combine.", count=MIN_LENGTH),
            field="password",
        )
    if len(password) > MAX_LENGTH:
        raise Invalid(_("The password can have at most %(count)s characters.", count=MAX_LENGTH), field="password")
    if _is_common(password):
        raise Invalid(
            _("This password is too common, so attackers try it first. Choose a few words that only you would combine."), field="password"
        )
    beside_name = password.lower().replace(name.lower(), "") if name else password
    if len(set(password)) < 5 or len(beside_name) < MIN_BESIDE_NAME:
        raise Invalid(_("This password is too easy to guess. Choose a few words that only you would combine."), field="password")
    return password


def hashed(password: str) -> str:
    return _hasher.hash(password)


def hashed_for_stranger(password: str) -> str:
    """The same for callers without an account. Raises Unavailable while too many passwords are being checked or hashed."""
    with _slot():
        return hashed(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right. Without a hash (unknown user) it takes as long and is False.

    Raises Unavailable while too many passwords are being checked or hashed.
    """
    with _slot():
        try:
            _hasher.verify(password_hash or _dummy_hash(), password[: MAX_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False
    return bool(password_hash)


def fingerprint(password_hash: str | None) -> str:
    """Distinguishes an account's password from its next one, and reveals nothing about either."""
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]


@contextmanager
def _slot() -> Iterator[None]:
    """Each hash takes 64 MiB, and needs no account."""
    if not _slots.acquire(timeout=SLOT_TIMEOUT):
        raise Unavailable(_("Many people are signing in right now. Try again in a few seconds."))
    try:
        yield
    finally:
        _slots.release()


def _is_common(password: str) -> bool:
    lowered = password.lower()
    return any(hashlib.sha256(text.encode()).hexdigest()[:8] in _common() for text in (lowered, DECORATION.sub("", lowered)))


@cache
def _common() -> frozenset[str]:
    return frozenset(COMMON.read_text().split())


@cache
def _dummy_hash() -> str:
    return _hasher.hash("dummy")
