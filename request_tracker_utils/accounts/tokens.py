"""Personal tokens: keys for scripts with all permissions of their owner, shown once."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Integer, String, column, select, text as text_statement, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import PersonalToken, User, key_hash
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import Instant, affected
from request_tracker_utils.core.errors import Conflict, NotFound
from request_tracker_utils.core.translation import gettext as _

TOKEN_PREFIX = "rtu_"  # noqa: S105 — a leaked token is recognizable by it
LAST_USED_INTERVAL = timedelta(minutes=1)
MAX_TOKEN_LENGTH = 100
MAX_TOKENS = 50
"""Valid tokens per user."""


class TokenOwner(NamedTuple):
    """The owner of a token."""

    user_id: int
    name: str
    role: str
    token_id: int
    expires_at: datetime | None
    last_used_at: datetime | None
    student_id: int | None
    school: str
    homeroom: str

    def last_used_is_due(self, now: datetime) -> bool:
        """Whether to update `last_used_at`: from time to time, so that most requests only read."""
        return self.last_used_at is None or is_over(self.last_used_at, LAST_USED_INTERVAL, now)


def create(session: Session, user: User, *, label: str, now: datetime, expires_at: datetime | None = None) -> str:
    """Creates a token and returns its text, which is not stored. Raises Conflict if the user has MAX_TOKENS or is deactivated."""
    if not user.active:
        raise Conflict(_("%(name)s is deactivated. Activate the account first.", name=user.name))
    if len(valid_tokens(session, user.id, now=now)) >= MAX_TOKENS:
        raise Conflict(_("%(name)s has %(count)s tokens. Revoke tokens that are not needed.", name=user.name, count=MAX_TOKENS))
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    label = label.strip()[:100] or "token"
    session.add(PersonalToken(user_id=user.id, label=label, key_hash=key_hash(text), created_at=now, expires_at=expires_at))
    return text


def valid_tokens(session: Session, user_id: int, *, now: datetime) -> list[PersonalToken]:
    """The user's valid tokens, the newest first."""
    works = (PersonalToken.revoked_at.is_(None), PersonalToken.expires_at.is_(None) | (PersonalToken.expires_at > now))
    return list(session.scalars(select(PersonalToken).where(PersonalToken.user_id == user_id, *works).order_by(PersonalToken.id.desc())))


def owner_of(connection: Connection, text: str, *, now: datetime) -> TokenOwner | None:
    """The owner of the token, in one indexed query; None if it is unknown, expired or revoked, or its user is deactivated."""
    if len(text) > MAX_TOKEN_LENGTH or not text.isascii():
        return None
    found = connection.execute(_OWNER, {"key_hash": key_hash(text)}).first()
    if found is None:
        return None
    owner = TokenOwner(*found)
    return None if owner.expires_at is not None and owner.expires_at <= now else owner


def record_use(session: Session, token_id: int, *, now: datetime) -> None:
    session.execute(update(PersonalToken).where(PersonalToken.id == token_id).values(last_used_at=now))


def revoke(session: Session, user_id: int, token_id: int, *, now: datetime) -> PersonalToken:
    """Raises NotFound if this is not a valid token of the user."""
    token = session.get(PersonalToken, token_id)
    if token is None or token.user_id != user_id or token.revoked_at is not None:
        raise NotFound(_("This token does not exist or is already revoked."))
    token.revoked_at = now
    return token


def revoke_text(session: Session, *, text: str, now: datetime) -> PersonalToken:
    """Raises NotFound if this is not a valid token."""
    works = (PersonalToken.key_hash == key_hash(text.strip()), PersonalToken.revoked_at.is_(None))
    token = session.scalar(select(PersonalToken).where(*works))
    if token is None:
        raise NotFound(_("This token does not exist or is already revoked."))
    token.revoked_at = now
    return token


def revoke_labelled(session: Session, user: User, *, label: str, now: datetime) -> list[PersonalToken]:
    """Revokes the user's tokens with this label and returns them. Raises NotFound if the user has none."""
    of_user = (PersonalToken.user_id == user.id, PersonalToken.label == label, PersonalToken.revoked_at.is_(None))
    found = list(session.scalars(select(PersonalToken).where(*of_user)))
    if not found:
        raise NotFound(_("%(name)s has no token with the label %(label)s.", name=user.name, label=label))
    for token in found:
        token.revoked_at = now
    return found


def revoke_all(session: Session, user_id: int, *, now: datetime) -> int:
    of_user = (PersonalToken.user_id == user_id, PersonalToken.revoked_at.is_(None))
    return affected(session.execute(update(PersonalToken).where(*of_user).values(revoked_at=now)))


# Runs on every request with a token. Text with its columns in order is several times as fast as a statement built from objects.
_OWNER = text_statement("""
    SELECT users.id, users.name, users.role, personal_tokens.id AS token_id, expires_at, last_used_at, users.student_id, school,
        homeroom
    FROM personal_tokens JOIN users ON users.id = personal_tokens.user_id
    WHERE key_hash = :key_hash AND revoked_at IS NULL AND users.active""").columns(
    column("id", Integer),
    column("name", String),
    column("role", String),
    column("token_id", Integer),
    column("expires_at", Instant),
    column("last_used_at", Instant),
    column("student_id", Integer),
    column("school", String),
    column("homeroom", String),
)
