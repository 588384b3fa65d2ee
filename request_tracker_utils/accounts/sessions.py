"""Browser sessions. Only the hash of a session's key is stored, and ending the row ends the session immediately, in every process."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Integer, String, column, delete, select, text, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import access_tokens
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import SignInSession, User, key_hash
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import Instant, affected
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.translation import gettext as _

LAST_SEEN_INTERVAL = timedelta(minutes=10)
RETENTION = timedelta(days=30)


class OpenSession(NamedTuple):
    """A valid session and its owner."""

    session_id: int
    user_id: int
    name: str
    role: str
    expires_at: datetime
    seen_at: datetime | None
    address: str
    student_id: int | None
    school: str
    homeroom: str

    def last_seen_is_due(self, origin: Origin, now: datetime) -> bool:
        """Whether to update `seen_at`: from time to time, so that most requests only read, and for each new address."""
        return self.seen_at is None or is_over(self.seen_at, LAST_SEEN_INTERVAL, now) or self.address != origin.address[:60]


def open_session(session: Session, user: User, *, lifetime: timedelta, origin: Origin, now: datetime) -> str:
    """Starts a session and returns its key, which is stored only in the cookie."""
    key = secrets.token_urlsafe(32)
    entry = SignInSession(
        user_id=user.id,
        key_hash=key_hash(key),
        created_at=now,
        expires_at=now + lifetime,
        address=origin.address[:60],
        agent=origin.agent[:200],
        seen_at=now,
    )
    session.add(entry)
    return key


def by_key(connection: Connection, key: str, *, now: datetime) -> OpenSession | None:
    """The session with this key, in one indexed query; None if it has ended or expired, or its user is deactivated."""
    found = connection.execute(_OPEN, {"key_hash": key_hash(key)}).first()
    if found is None:
        return None
    entry = OpenSession(*found)
    return entry if entry.expires_at > now else None


def record_last_seen(session: Session, session_id: int, origin: Origin, *, now: datetime) -> None:
    values = {"seen_at": now, "address": origin.address[:60], "agent": origin.agent[:200]}
    session.execute(update(SignInSession).where(SignInSession.id == session_id).values(**values))


def open_sessions(session: Session, user_id: int, *, now: datetime) -> list[SignInSession]:
    """The user's open sessions, the most recently used first."""
    still = (SignInSession.user_id == user_id, SignInSession.ended_at.is_(None), SignInSession.expires_at > now)
    return list(session.scalars(select(SignInSession).where(*still).order_by(SignInSession.seen_at.desc(), SignInSession.id.desc())))


def has_key(entry: SignInSession, key: str) -> bool:
    return entry.key_hash == key_hash(key)


def end(session: Session, key: str, *, now: datetime) -> None:
    session.execute(update(SignInSession).where(SignInSession.key_hash == key_hash(key)).values(ended_at=now))


def end_one(session: Session, user_id: int, session_id: int, *, now: datetime) -> None:
    """Raises NotFound if this is not an open session of the user."""
    open_one = (SignInSession.id == session_id, SignInSession.user_id == user_id, SignInSession.ended_at.is_(None))
    if not affected(session.execute(update(SignInSession).where(*open_one).values(ended_at=now))):
        raise NotFound(_("This session has already ended."))


def end_all(session: Session, user_id: int, *, now: datetime, but: str | None = None) -> int:
    """Signs the user out everywhere: ends all access tokens, and the open sessions except the one with the key `but`. Returns how many."""
    access_tokens.end_all(session, user_id)
    which = [SignInSession.user_id == user_id, SignInSession.ended_at.is_(None), SignInSession.expires_at > now]
    if but is not None:
        which.append(SignInSession.key_hash != key_hash(but))
    return affected(session.execute(update(SignInSession).where(*which).values(ended_at=now)))


def delete_ended(session: Session, *, now: datetime) -> int:
    """Deletes sessions that ended more than RETENTION ago and returns how many."""
    before = now - RETENTION
    over = delete(SignInSession).where((SignInSession.expires_at < before) | (SignInSession.ended_at < before))
    return affected(session.execute(over))


# Runs on every browser request. Text with its columns in order is several times as fast as a statement built from objects.
_OPEN = text("""
    SELECT sign_in_sessions.id AS session_id, users.id, users.name, users.role, expires_at, seen_at, address,
        users.student_id, school, homeroom
    FROM sign_in_sessions JOIN users ON users.id = sign_in_sessions.user_id
    WHERE key_hash = :key_hash AND ended_at IS NULL AND users.active""").columns(
    column("session_id", Integer),
    column("id", Integer),
    column("name", String),
    column("role", String),
    column("expires_at", Instant),
    column("seen_at", Instant),
    column("address", String),
    column("student_id", Integer),
    column("school", String),
    column("homeroom", String),
)
