"""Users, their credentials, and login events. Secrets are stored as hashes only."""

import hashlib
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from request_tracker_utils.core.db import Base, Instant


def key_hash(key: str) -> str:
    """How keys of sessions, tokens and links are stored. They are long and random, so a fast hash is enough; passwords use Argon2."""
    return hashlib.sha256(key.encode()).hexdigest()


class Role(StrEnum):
    ADMIN = "admin"
    STAFF = "staff"
    TEACHER = "teacher"
    STUDENT = "student"
    USER = "user"


_ROLES = ", ".join(f"'{role}'" for role in Role)


class User(Base):
    """A person with an account. `name_key` is the lowercase name: names that differ only in case are the same."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"role IN ({_ROLES})", name="role"),
        CheckConstraint("student_id IS NULL OR role = 'student'", name="student_link"),
        CheckConstraint("role = 'teacher' OR (school = '' AND homeroom = '')", name="teacher_school"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(String(60), unique=True)
    email: Mapped[str | None] = mapped_column(String(254))
    """Not unique: offices and families share mailboxes, and registering must not reveal who has an account."""
    email_key: Mapped[str | None] = mapped_column(String(254), index=True)
    """The address in lowercase, by which accounts are found. Follows `email`."""
    phone: Mapped[str | None] = mapped_column(String(20))
    """In the form E.164, `+12025551234`. `accounts.contact.set_phone` changes it."""
    phone_confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    """None until a password link has been used: such an account cannot sign in."""
    active: Mapped[bool] = mapped_column(default=True)
    epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    """Part of each access token, which is valid as long as this number stays the same; see `access_tokens`."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    rt_user_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    """The Request Tracker user. Its tokens also authenticate this account."""
    rt_user_name: Mapped[str | None] = mapped_column(String(200))
    student_id: Mapped[int | None] = mapped_column(ForeignKey("students.id", ondelete="SET NULL"), unique=True)
    """The student to whom the account belongs: the account sees this student's record and devices. For the role student only."""
    school: Mapped[str] = mapped_column(String(100), default="")
    homeroom: Mapped[str] = mapped_column(String(50), default="")
    """For the role teacher only: TEACHERS_SEE limits teachers to the students of their school, or of their homeroom there."""

    @validates("email")
    def _set_email_key(self, _name: str, email: str | None) -> str | None:
        self.email_key = email.lower() if email else None
        return email


class SignInSession(Base):
    """A signed-in browser. The cookie contains the key; only its hash is stored."""

    __tablename__ = "sign_in_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    address: Mapped[str] = mapped_column(String(60))
    """Where the session was last used; `agent` is the browser."""
    agent: Mapped[str] = mapped_column(String(200))
    seen_at: Mapped[datetime | None] = mapped_column(Instant)
    """Updated from time to time, not on every request."""

    user: Mapped[User] = relationship()


class PersonalToken(Base):
    """A key for scripts, with all permissions of its owner."""

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
    """A link that works once. `user_id` is its owner; None for the setup link, for invitations, and for requests that named no account."""

    __tablename__ = "one_time_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    role: Mapped[str | None] = mapped_column(String(20))
    """For invitations, the role of the new account. `email` is the address that was invited, `created_by` who has invited."""
    email: Mapped[str | None] = mapped_column(String(254))
    created_by: Mapped[str | None] = mapped_column(String(100))
    requested_by: Mapped[str | None] = mapped_column(String(5))
    """Until the job has sent the link that was requested on the page: whether the account was found by `name` or by `email`."""

    user: Mapped[User | None] = relationship()


class LoginKind(StrEnum):
    """Kinds of login events. The values are stored; `accounts/parts.html` has the words for pages."""

    SIGNED_IN = "signed in"
    FAILED = "wrong password"
    PAUSED = "told to wait"
    SIGNED_OUT = "signed out"
    TOKEN_USED = "token from a new address"  # noqa: S105 — a kind of event
    TOKEN_REFUSED = "token refused"  # noqa: S105 — the same
    FORBIDDEN = "not allowed"
    CHANGED = "account changed"
    REGISTERED = "registration"
    """An attempt to register, successful or not; `user_id` is the new account."""
    LINK_REQUESTED = "password link requested"
    """On the page *Forgot your password?*, whether or not the account exists."""


class LoginEvent(Base):
    """A sign-in, a failed attempt, a sign-out, or a change of an account. Deleted after LOGIN_EVENT_DAYS.

    For an unknown name only a keyed hash is stored (`account_key`): people type their password into that field.
    """

    __tablename__ = "login_events"
    __table_args__ = (
        Index("ix_login_events_account", "account_key", "network", "kind", "at"),
        Index("ix_login_events_account_kind", "account_key", "kind", "at"),
        Index("ix_login_events_block", "account_key", "block", "kind", "at"),
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
    """What failures are counted by: the account, or the hash of an unknown name or of a rejected token."""
    address: Mapped[str] = mapped_column(String(60))
    network: Mapped[str] = mapped_column(String(60))
    """The address; for IPv6 its /64 network, since one household may use every address in it."""
    block: Mapped[str] = mapped_column(String(60), server_default="")
    """The network that one attacker may have as a whole: /24 of IPv4, /48 of IPv6."""
    agent: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str | None] = mapped_column(String(200))


class AccessEvent(Base):
    """Who read personal data: an export, a lookup of one person, or a list of people. Deleted after ACCESS_EVENT_DAYS."""

    __tablename__ = "access_events"
    __table_args__ = (
        Index("ix_access_events_subject", "subject", "id"),
        Index("ix_access_events_user_id", "user_id", "id"),
        Index("ix_access_events_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(String(10))
    """See `web.access_log.AccessKind`."""
    what: Mapped[str] = mapped_column(String(100))
    """What was read, in words."""
    subject: Mapped[str] = mapped_column(String(120))
    """The person that a lookup is about, such as `student 4711`; empty for exports and lists."""
    records: Mapped[int]
    """How many records were sent."""
    complete: Mapped[bool]
    """False if the client disconnected before the end, or an error ended the export."""
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(60))
    """Empty for commands."""
