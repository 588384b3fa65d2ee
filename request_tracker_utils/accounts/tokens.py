"""Personal tokens: keys for scripts, as good as their owner, shown once."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Integer, String, column, select, text as text_statement, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import PersonalToken, User
from request_tracker_utils.accounts.secret import hash_of
from request_tracker_utils.core.db import Instant, affected
from request_tracker_utils.core.errors import Conflict, NotFound

TOKEN_MARK = "rtu_"  # noqa: S105 — what every token begins with, so that a leaked one is recognised
USE_RECORDED_EVERY = timedelta(minutes=1)
LONGEST_TOKEN = 100
MOST = 50
"""Valid tokens of one user."""


class TokenOwner(NamedTuple):
    """Who sent a token."""

    user_id: int
    name: str
    role: str
    token_id: int
    expires_at: datetime | None
    last_used_at: datetime | None

    def use_is_due(self, now: datetime) -> bool:
        """Whether the use has to be recorded: not each one, so that reading stays reading."""
        return self.last_used_at is None or now - self.last_used_at >= USE_RECORDED_EVERY


def create(session: Session, user: User, *, label: str, now: datetime, expires_at: datetime | None = None) -> str:
    """A new token; the text is shown once and stored nowhere. Raises Conflict when the user has MOST already, or is deactivated."""
    if not user.active:
        raise Conflict(f"{user.name} is deactivated. Activate the account first.")
    if len(valid_of(session, user.id, now=now)) >= MOST:
        raise Conflict(f"{user.name} has {MOST} tokens. Revoke those that nobody needs.")
    text = TOKEN_MARK + secrets.token_urlsafe(32)
    label = label.strip()[:100] or "token"
    session.add(PersonalToken(user_id=user.id, label=label, key_hash=hash_of(text), created_at=now, expires_at=expires_at))
    return text


def valid_of(session: Session, user_id: int, *, now: datetime) -> list[PersonalToken]:
    """The user's tokens that work, the newest first."""
    works = (PersonalToken.revoked_at.is_(None), PersonalToken.expires_at.is_(None) | (PersonalToken.expires_at > now))
    return list(session.scalars(select(PersonalToken).where(PersonalToken.user_id == user_id, *works).order_by(PersonalToken.id.desc())))


def owner_of(connection: Connection, text: str, *, now: datetime) -> TokenOwner | None:
    """Whose token it is, by one indexed query; None for one that is wrong, expired, revoked or of a deactivated user."""
    if len(text) > LONGEST_TOKEN or not text.isascii():
        return None
    found = connection.execute(_OWNER, {"key_hash": hash_of(text)}).first()
    if found is None:
        return None
    owner = TokenOwner(*found)
    return None if owner.expires_at is not None and owner.expires_at <= now else owner


def record_use(session: Session, token_id: int, *, now: datetime) -> None:
    session.execute(update(PersonalToken).where(PersonalToken.id == token_id).values(last_used_at=now))


def revoke(session: Session, user_id: int, token_id: int, *, now: datetime) -> PersonalToken:
    """Raises NotFound when the user has no such valid token."""
    token = session.get(PersonalToken, token_id)
    if token is None or token.user_id != user_id or token.revoked_at is not None:
        raise NotFound("There is no such token, or it is revoked already.")
    token.revoked_at = now
    return token


def revoke_text(session: Session, *, text: str, now: datetime) -> PersonalToken:
    """Raises NotFound when no valid token reads so."""
    works = (PersonalToken.key_hash == hash_of(text.strip()), PersonalToken.revoked_at.is_(None))
    token = session.scalar(select(PersonalToken).where(*works))
    if token is None:
        raise NotFound("There is no such token, or it is revoked already.")
    token.revoked_at = now
    return token


def revoke_labelled(session: Session, user: User, *, label: str, now: datetime) -> list[PersonalToken]:
    """Revokes the user's tokens of this label and returns them. Raises NotFound when there is none."""
    of_user = (PersonalToken.user_id == user.id, PersonalToken.label == label, PersonalToken.revoked_at.is_(None))
    found = list(session.scalars(select(PersonalToken).where(*of_user)))
    if not found:
        raise NotFound(f"{user.name} has no token labelled {label}.")
    for token in found:
        token.revoked_at = now
    return found


def revoke_all(session: Session, user_id: int, *, now: datetime) -> int:
    of_user = (PersonalToken.user_id == user_id, PersonalToken.revoked_at.is_(None))
    return affected(session.execute(update(PersonalToken).where(*of_user).values(revoked_at=now)))


# Every call with a token asks this: as text, with its columns in order, it runs several times as fast as built from objects.
_OWNER = text_statement("""
    SELECT users.id, users.name, users.role, personal_tokens.id AS token_id, expires_at, last_used_at
    FROM personal_tokens JOIN users ON users.id = personal_tokens.user_id
    WHERE key_hash = :key_hash AND revoked_at IS NULL AND users.active""").columns(
    column("id", Integer),
    column("name", String),
    column("role", String),
    column("token_id", Integer),
    column("expires_at", Instant),
    column("last_used_at", Instant),
)
