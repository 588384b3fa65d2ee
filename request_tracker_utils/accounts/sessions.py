"""Sessions of browsers. Only the key's hash is stored, and ending a session in the database ends it everywhere at once."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Integer, String, column, delete, select, text, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import SignInSession, User
from request_tracker_utils.accounts.origin import Origin
from request_tracker_utils.accounts.secret import hash_of
from request_tracker_utils.core.db import Instant, affected
from request_tracker_utils.core.errors import NotFound

SEEN_EVERY = timedelta(minutes=10)
KEPT_AFTER_END = timedelta(days=30)


class OpenSession(NamedTuple):
    """A session that is good, and whose it is."""

    session_id: int
    user_id: int
    name: str
    role: str
    expires_at: datetime
    seen_at: datetime | None
    address: str

    def sighting_is_due(self, origin: Origin, now: datetime) -> bool:
        """Whether to record that it was seen: now and then, so that reading stays reading, and at each new address."""
        return self.seen_at is None or now - self.seen_at >= SEEN_EVERY or self.address != origin.address[:60]


def open_session(session: Session, user: User, *, lifetime: timedelta, origin: Origin, now: datetime) -> str:
    """Starts a session of the user and returns its key, which is stored nowhere else than in the cookie."""
    key = secrets.token_urlsafe(32)
    entry = SignInSession(
        user_id=user.id,
        key_hash=hash_of(key),
        created_at=now,
        expires_at=now + lifetime,
        address=origin.address[:60],
        agent=origin.agent[:200],
        seen_at=now,
    )
    session.add(entry)
    return key


def of_key(connection: Connection, key: str, *, now: datetime) -> OpenSession | None:
    """The open session of this key, by one indexed query; None when it ended, expired, or its user was deactivated."""
    found = connection.execute(_OPEN, {"key_hash": hash_of(key)}).first()
    if found is None:
        return None
    entry = OpenSession(*found)
    return entry if entry.expires_at > now else None


def record_sighting(session: Session, session_id: int, origin: Origin, *, now: datetime) -> None:
    values = {"seen_at": now, "address": origin.address[:60], "agent": origin.agent[:200]}
    session.execute(update(SignInSession).where(SignInSession.id == session_id).values(**values))


def open_of(session: Session, user_id: int, *, now: datetime) -> list[SignInSession]:
    """The user's open sessions, last seen first."""
    still = (SignInSession.user_id == user_id, SignInSession.ended_at.is_(None), SignInSession.expires_at > now)
    return list(session.scalars(select(SignInSession).where(*still).order_by(SignInSession.seen_at.desc(), SignInSession.id.desc())))


def is_of_key(entry: SignInSession, key: str) -> bool:
    return entry.key_hash == hash_of(key)


def end(session: Session, key: str, *, now: datetime) -> None:
    session.execute(update(SignInSession).where(SignInSession.key_hash == hash_of(key)).values(ended_at=now))


def end_one(session: Session, user_id: int, session_id: int, *, now: datetime) -> None:
    """Raises NotFound when the user has no such open session."""
    open_one = (SignInSession.id == session_id, SignInSession.user_id == user_id, SignInSession.ended_at.is_(None))
    if not affected(session.execute(update(SignInSession).where(*open_one).values(ended_at=now))):
        raise NotFound("This session has ended already.")


def end_all(session: Session, user_id: int, *, now: datetime, but: str | None = None) -> int:
    """Ends the user's open sessions, except the one of the key `but`, and returns how many."""
    which = [SignInSession.user_id == user_id, SignInSession.ended_at.is_(None), SignInSession.expires_at > now]
    if but is not None:
        which.append(SignInSession.key_hash != hash_of(but))
    return affected(session.execute(update(SignInSession).where(*which).values(ended_at=now)))


def forget_ended(session: Session, *, now: datetime) -> int:
    """Deletes sessions that were over KEPT_AFTER_END ago, and returns how many."""
    before = now - KEPT_AFTER_END
    over = delete(SignInSession).where((SignInSession.expires_at < before) | (SignInSession.ended_at < before))
    return affected(session.execute(over))


# Every request of a browser asks this: as text, with its columns in order, it runs several times as fast as built from objects.
_OPEN = text("""
    SELECT sign_in_sessions.id AS session_id, users.id, users.name, users.role, expires_at, seen_at, address
    FROM sign_in_sessions JOIN users ON users.id = sign_in_sessions.user_id
    WHERE key_hash = :key_hash AND ended_at IS NULL AND users.active""").columns(
    column("session_id", Integer),
    column("id", Integer),
    column("name", String),
    column("role", String),
    column("expires_at", Instant),
    column("seen_at", Instant),
    column("address", String),
)
