"""Access tokens: signed (JWT, HS256), valid for some hours, and not stored. `/api/login` issues them.

A token names an account and the account's epoch at that time. Deactivating the account, changing its password, and signing it out
everywhere increase the epoch, so all its tokens stop working, in every process. The role is not in the token: it is read on each request.

Only our own header is accepted, byte for byte, before anything is decoded: `alg`, `kid`, `jku` and others cannot be chosen by callers.
"""

import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
from jwt.types import Options
from sqlalchemy import Connection, Integer, String, column, text as text_statement, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.clock import is_believed
from request_tracker_utils.core.db import LARGEST_ID

ALGORITHM = "HS256"
ACCESS = "access"
"""The `use` of tokens that authenticate requests. Other tokens of the service have another one."""
MAX_LENGTH = 2_000
MAX_REMEMBERED = 1_000
"""Tokens of which a process remembers that we have signed them."""
_OPTIONS: Options = {"require": ["sub", "epoch", "use", "iat", "exp"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}
"""Times are compared here, with the time of the request."""
_HEADER = jwt.encode({}, "x" * 32, algorithm=ALGORITHM).partition(".")[0]


@dataclass(frozen=True)
class Claims:
    """What a token says. Whether the account still has this epoch is to be checked in the database."""

    user_id: int
    epoch: int
    issued_at: datetime
    expires_at: datetime


class AccessOwner(NamedTuple):
    """The owner of an access token."""

    user_id: int
    name: str
    role: str
    epoch: int
    student_id: int | None
    school: str
    homeroom: str


class TokenService:
    """Signs and reads tokens. The first key signs; the others, of former settings, are still accepted."""

    def __init__(self, keys: Sequence[str], *, lifetime: timedelta) -> None:
        self._keys, self.lifetime = tuple(keys), lifetime
        self._signed: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def issue(self, user: User, *, now: datetime, use: str = ACCESS, lifetime: timedelta | None = None) -> str:
        """A token of the user. Pass the user as they were before the password was checked: a change in between then ends the token."""
        issued = int(now.timestamp())
        expires = issued + int((lifetime or self.lifetime).total_seconds())
        claims = {"sub": str(user.id), "epoch": user.epoch, "use": use, "iat": issued, "exp": expires}
        return jwt.encode(claims, self._keys[0], algorithm=ALGORITHM)

    def read(self, token: str, *, now: datetime, use: str = ACCESS) -> Claims | None:
        """What the token says; None unless it has this use, one of our keys has signed it, and it is valid now.

        A token from the future, of a clock that was set back since, is not accepted: its owner signs in again.
        """
        if len(token) > MAX_LENGTH or token.partition(".")[0] != _HEADER:
            return None
        found = self._signed_claims(token)
        if found is None or found["use"] != use or not all(type(found[name]) is int for name in ("epoch", "iat", "exp")):
            return None
        user_id = _id_of(found["sub"])
        try:
            issued_at, expires_at = (datetime.fromtimestamp(found[name], UTC) for name in ("iat", "exp"))
        except (OverflowError, OSError, ValueError):
            return None
        if user_id is None or not is_believed(issued_at, now) or expires_at <= now:
            return None
        return Claims(user_id, found["epoch"], issued_at, expires_at)

    def derived_keys(self, purpose: str) -> tuple[str, ...]:
        """Secrets that only this installation can compute, always the same for the same purpose: of the present key, and of former ones."""
        return tuple(hmac.digest(key.encode(), purpose.encode(), "sha256").hex() for key in self._keys)

    def _signed_claims(self, token: str) -> dict[str, Any] | None:
        """Remembers tokens with a good signature, since decoding takes longer than the query. Their times and the account are checked on
        each request."""
        known = self._signed.get(token)
        if known is None:
            known = self._decoded(token)
            if known is not None:
                self._signed[token] = known
                while len(self._signed) > MAX_REMEMBERED:
                    self._signed.popitem(last=False)
        return known

    def _decoded(self, token: str) -> dict[str, Any] | None:
        for key in self._keys:
            try:
                return jwt.decode(token, key, algorithms=[ALGORITHM], options=_OPTIONS)
            except jwt.InvalidSignatureError:
                continue
            except jwt.InvalidTokenError:
                return None
        return None


def has_form(credentials: str) -> bool:
    """Whether this is shown as an access token: three parts separated by dots, which neither personal nor Request Tracker tokens have."""
    return credentials.count(".") == 2


def owner_of(connection: Connection, claims: Claims) -> AccessOwner | None:
    """The owner of the token, in one query by primary key; None if the account is deactivated, or its epoch has increased."""
    found = connection.execute(_OWNER, {"id": claims.user_id}).first()
    if found is None:
        return None
    owner = AccessOwner(*found)
    return owner if owner.epoch == claims.epoch else None


def end_all(session: Session, user_id: int) -> None:
    """All access tokens of the account stop working."""
    session.execute(update(User).where(User.id == user_id).values(epoch=User.epoch + 1))


def _id_of(subject: object) -> int | None:
    if not isinstance(subject, str) or not (subject.isascii() and subject.isdigit()) or len(subject) > 10:
        return None
    return int(subject) if 0 < int(subject) <= LARGEST_ID else None


# Runs on every request with an access token. Text with its columns in order is several times as fast as a statement built from objects.
_OWNER = text_statement("""
    SELECT id, name, role, epoch, student_id, school, homeroom FROM users WHERE id = :id AND active""").columns(
    column("id", Integer),
    column("name", String),
    column("role", String),
    column("epoch", Integer),
    column("student_id", Integer),
    column("school", String),
    column("homeroom", String),
)
