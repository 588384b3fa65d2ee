"""Users, what they prove themselves with, and the record of who came in or tried to. Secrets are stored as hashes only."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from request_tracker_utils.core.db import Base, Instant


class Role(StrEnum):
    ADMIN = "admin"
    STAFF = "staff"
    TEACHER = "teacher"
    STUDENT = "student"
    USER = "user"


_ROLES = ", ".join(f"'{role}'" for role in Role)


class User(Base):
    """Somebody with an account. `name_key` is the name in small letters: two names that differ in case only are one."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint(f"role IN ({_ROLES})", name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(String(60), unique=True)
    email: Mapped[str | None] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    """Empty until a password link was used: such an account cannot sign in."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    rt_user_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    """The user of Request Tracker whose tokens are this account's too."""
    rt_user_name: Mapped[str | None] = mapped_column(String(200))


class SignInSession(Base):
    """A browser that has signed in. The cookie holds the key whose hash is stored."""

    __tablename__ = "sign_in_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    address: Mapped[str] = mapped_column(String(60))
    """Where it was last seen from, and `agent` with what."""
    agent: Mapped[str] = mapped_column(String(200))
    seen_at: Mapped[datetime | None] = mapped_column(Instant)
    """Recorded now and then, not at each request."""

    user: Mapped[User] = relationship()


class PersonalToken(Base):
    """A key for scripts, as good as its owner."""

    __tablename__ = "personal_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(String(100))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)

    user: Mapped[User] = relationship()


class OneTimeLink(Base):
    """A link that works once. `purpose` says for what, `user_id` for whom where there is somebody already."""

    __tablename__ = "one_time_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)

    user: Mapped[User | None] = relationship()


class LoginKind(StrEnum):
    """What a login event says; the text is what people read."""

    SIGNED_IN = "signed in"
    FAILED = "wrong password"
    PAUSED = "told to wait"
    SIGNED_OUT = "signed out"
    TOKEN_USED = "token from a new address"  # noqa: S105 — a kind of event
    TOKEN_REFUSED = "token refused"  # noqa: S105 — the same
    FORBIDDEN = "not allowed"
    CHANGED = "account changed"


class LoginEvent(Base):
    """Somebody came in, tried to, went, or had an account changed. Kept for LOGIN_EVENT_DAYS.

    Of a name that is nobody's only a keyed hash is kept (`account_key`): people type their password into that field.
    """

    __tablename__ = "login_events"
    __table_args__ = (
        Index("ix_login_events_account", "account_key", "network", "kind", "at"),
        Index("ix_login_events_account_kind", "account_key", "kind", "at"),
        Index("ix_login_events_network", "network", "kind", "at"),
        Index("ix_login_events_user_id", "user_id", "id"),
        Index("ix_login_events_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(String(30))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    name: Mapped[str | None] = mapped_column(String(100))
    account_key: Mapped[str | None] = mapped_column(String(64))
    """What failures are counted by: the account, or hashes of a name that nobody has and of a token that was shown."""
    address: Mapped[str] = mapped_column(String(60))
    network: Mapped[str] = mapped_column(String(60))
    """The address, or the first half of an IPv6 address: one household has all of the other half."""
    agent: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str | None] = mapped_column(String(200))
