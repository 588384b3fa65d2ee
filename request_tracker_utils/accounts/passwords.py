"""Passwords: what one must be, and hashing them slowly."""

from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from request_tracker_utils.core.errors import Invalid, Unavailable

SHORTEST, LONGEST = 10, 200
_hasher = PasswordHasher()
_turns = BoundedSemaphore(4)
PATIENCE = 5.0
"""Seconds that a check waits for its turn."""


def checked(password: str) -> str:
    """The password, if it may be one. Raises Invalid with what to do."""
    if len(password) < SHORTEST:
        raise Invalid(f"The password needs at least {SHORTEST} characters. A few words in a row are good.", field="password")
    if len(password) > LONGEST:
        raise Invalid(f"The password may have at most {LONGEST} characters.", field="password")
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
    return password_hash is not None


@cache
def _nobody() -> str:
    return _hasher.hash("the password of nobody")
