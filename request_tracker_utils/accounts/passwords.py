"""Passwords: what one must be, and hashing them slowly."""

import hashlib
import re
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from request_tracker_utils.core.errors import Invalid, Unavailable

SHORTEST, LONGEST = 10, 200
COMMON = Path(__file__).with_name("common_passwords.txt")
"""The first eight hexadecimal digits of the SHA-256 of each common password in small letters, a line each."""
DECORATION = re.compile(r"^[\W\d_]{0,4}|[\W\d_]{0,5}$")
"""What people put before and after a common word to make it look like another one."""
LEFT_BESIDE_NAME = 6
"""Characters that a password has at least where its owner's name is left out of it."""
_hasher = PasswordHasher()
_turns = BoundedSemaphore(4)
PATIENCE = 5.0
"""Seconds that a check waits for its turn."""


def checked(password: str, *, name: str = "") -> str:
    """The password, if the user of that name may have it. Raises Invalid with what to do."""
    if len(password) < SHORTEST:
        raise Invalid(f"The password needs at least {SHORTEST} characters. A few words in a row are good.", field="password")
    if len(password) > LONGEST:
        raise Invalid(f"The password may have at most {LONGEST} characters.", field="password")
    if _is_common(password):
        raise Invalid(
            "Many people use this password, so it is tried first. Choose a few words that only you put together.", field="password"
        )
    beside_name = password.lower().replace(name.lower(), "") if name else password
    if len(set(password)) < 5 or len(beside_name) < LEFT_BESIDE_NAME:
        raise Invalid("This password is too easy to guess. Choose a few words that only you put together.", field="password")
    return password


def hashed(password: str) -> str:
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right. Without a hash (no such user) it takes as long, and is never right.

    Raises Unavailable when too many are checked at this moment: each takes 64 MiB, and anybody may ask.
    """
    if not _turns.acquire(timeout=PATIENCE):
        raise Unavailable("Many people sign in at this moment. Try again in a few seconds.")
    try:
        _hasher.verify(password_hash or _nobody(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _turns.release()
    return bool(password_hash)


def fingerprint(password_hash: str | None) -> str:
    """Tells one password of an account from the next one, and nothing of either."""
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]


def _is_common(password: str) -> bool:
    lowered = password.lower()
    return any(hashlib.sha256(text.encode()).hexdigest()[:8] in _common() for text in (lowered, DECORATION.sub("", lowered)))


@cache
def _common() -> frozenset[str]:
    return frozenset(COMMON.read_text().split())


@cache
def _nobody() -> str:
    return _hasher.hash("the password of nobody")
