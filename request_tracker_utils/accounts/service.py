"""Users, and the ways in: password, session, personal token, set-up link."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Integer, String, delete, exists, func, select, update
from sqlalchemy import text as text_statement
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import passwords
from request_tracker_utils.accounts.models import OneTimeLink, PersonalToken, Role, SignInSession, User
from request_tracker_utils.core.db import Instant
from request_tracker_utils.core.errors import Conflict, Invalid, NotFound

NAME_FORM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,58}[A-Za-z0-9])?")
EMAIL_FORM = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
TOKEN_MARK = "rtu_"  # noqa: S105 — what every token begins with, so that a leaked one is recognised
SETUP_LIFETIME = timedelta(hours=24)
USE_RECORDED_EVERY = timedelta(minutes=1)
LONGEST_TOKEN = 100
KEPT_AFTER_END = timedelta(days=30)


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


class UserNotFound(NotFound):
    code = "user_not_found"


class NameTaken(Conflict):
    code = "name_taken"


class WrongCredentials(Invalid):
    code = "wrong_credentials"


class SetupLinkInvalid(NotFound):
    code = "setup_link_invalid"


def create_user(session: Session, *, name: str, role: str, password: str, email: str | None = None, now: datetime) -> User:
    """Makes an account. Raises Invalid (`field` says what), NameTaken also when two people take a name at once."""
    if not NAME_FORM.fullmatch(name):
        message = "A name has 1 to 60 letters, digits, dots, dashes or underscores, and begins and ends with a letter or digit."
        raise Invalid(message, field="name")
    if email and not EMAIL_FORM.fullmatch(email):
        raise Invalid(f"{email} is no e-mail address.", field="email")
    if role not in set(Role):
        raise Invalid(f"There is no role {role}. Roles: {', '.join(Role)}.", field="role")
    password_hash = passwords.hashed(passwords.checked(password))
    user = User(name=name, name_key=name.lower(), email=email or None, role=role, password_hash=password_hash, active=True, created_at=now)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:
        raise NameTaken(f"The name {name} is taken.", field="name") from None
    return user


def users(session: Session) -> list[User]:
    return list(session.scalars(select(User).order_by(User.name_key)))


def user_named(session: Session, name: str) -> User:
    """Raises UserNotFound."""
    user = session.scalar(select(User).where(User.name_key == name.lower()))
    if user is None:
        raise UserNotFound(f"There is no user {name}.")
    return user


def check_password(session: Session, *, name: str, password: str) -> User:
    """The user whose name and password these are. Raises WrongCredentials, the same and as slowly whether the name exists."""
    user = session.scalar(select(User).where(User.name_key == name.strip().lower()))
    if not passwords.matches(user.password_hash if user and user.active else None, password) or user is None:
        raise WrongCredentials("The name or the password is wrong.")
    return user


def open_session(session: Session, user: User, *, lifetime: timedelta, address: str, agent: str, now: datetime) -> str:
    """Starts a session of the user and returns its key, which is stored nowhere else than in the cookie."""
    key = secrets.token_urlsafe(32)
    entry = SignInSession(
        user_id=user.id, key_hash=_hash(key), created_at=now, expires_at=now + lifetime, address=address[:60], agent=agent[:200]
    )
    session.add(entry)
    return key


def user_of_session(session: Session, key: str, *, now: datetime) -> User | None:
    return session.scalar(
        select(User)
        .join(SignInSession)
        .where(SignInSession.key_hash == _hash(key), SignInSession.ended_at.is_(None), SignInSession.expires_at > now, User.active)
    )


def end_session(session: Session, key: str, *, now: datetime) -> None:
    session.execute(update(SignInSession).where(SignInSession.key_hash == _hash(key)).values(ended_at=now))


def forget_ended(session: Session, *, now: datetime) -> int:
    """Deletes sessions and one-time links that were over KEPT_AFTER_END ago, and returns how many."""
    before = now - KEPT_AFTER_END
    over = delete(SignInSession).where((SignInSession.expires_at < before) | (SignInSession.ended_at < before))
    links = delete(OneTimeLink).where(OneTimeLink.expires_at < before)
    return sum(session.execute(each).rowcount for each in (over, links))  # type: ignore[attr-defined]


def create_token(session: Session, user: User, *, label: str, now: datetime) -> str:
    """A new personal token; the text is shown once and stored nowhere."""
    text = TOKEN_MARK + secrets.token_urlsafe(32)
    session.add(PersonalToken(user_id=user.id, label=label.strip()[:100] or "token", key_hash=_hash(text), created_at=now))
    return text


def owner_of_token(connection: Connection, text: str, *, now: datetime) -> TokenOwner | None:
    """Whose token it is, by one indexed query; None for one that is wrong, expired, revoked or of a deactivated user."""
    if len(text) > LONGEST_TOKEN:
        return None
    found = connection.execute(_OWNER, {"key_hash": _hash(text)}).first()
    if found is None:
        return None
    owner = TokenOwner(*found)
    return None if owner.expires_at is not None and owner.expires_at <= now else owner


def record_use(session: Session, token_id: int, *, now: datetime) -> None:
    session.execute(update(PersonalToken).where(PersonalToken.id == token_id).values(last_used_at=now))


def revoke_token(session: Session, *, text: str, now: datetime) -> None:
    """Raises NotFound when no valid token reads so."""
    revoked = session.execute(
        update(PersonalToken)
        .where(PersonalToken.key_hash == _hash(text.strip()), PersonalToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    if not revoked.rowcount:  # type: ignore[attr-defined]
        raise NotFound("There is no such token, or it is revoked already.")


def revoke_tokens_labelled(session: Session, user: User, *, label: str, now: datetime) -> int:
    """Revokes the user's tokens of this label and returns how many. Raises NotFound when there is none."""
    of_user = (PersonalToken.user_id == user.id, PersonalToken.label == label, PersonalToken.revoked_at.is_(None))
    count = session.scalar(select(func.count()).select_from(PersonalToken).where(*of_user)) or 0
    if not count:
        raise NotFound(f"{user.name} has no token labelled {label}.")
    session.execute(update(PersonalToken).where(*of_user).values(revoked_at=now))
    return count


def setup_is_open(session: Session) -> bool:
    """Whether nobody can administer this installation yet."""
    return not session.scalar(select(exists().where(User.role == Role.ADMIN)))


def new_setup_key(session: Session, *, now: datetime) -> str:
    """A key that makes the first administrator; earlier ones are void. Raises Conflict when there is one."""
    if not setup_is_open(session):
        raise Conflict("There is an administrator already. `rtutils users create NAME --role admin --password-stdin` makes another.")
    key = secrets.token_urlsafe(24)
    session.execute(update(OneTimeLink).where(OneTimeLink.purpose == "setup", OneTimeLink.used_at.is_(None)).values(used_at=now))
    session.add(OneTimeLink(purpose="setup", key_hash=_hash(key), created_at=now, expires_at=now + SETUP_LIFETIME))
    return key


def check_setup_key(session: Session, key: str, *, now: datetime) -> None:
    """Raises SetupLinkInvalid for a key that is wrong, used or expired."""
    good = (OneTimeLink.purpose == "setup", OneTimeLink.key_hash == _hash(key), OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    if not session.scalar(select(exists().where(*good))) or not setup_is_open(session):
        raise SetupLinkInvalid(
            "This link has been used or has expired. `rtutils setup-link` prints a new one while there is no administrator."
        )


def set_up(session: Session, *, key: str, name: str, password: str, now: datetime) -> User:
    """Makes the first administrator. Raises SetupLinkInvalid (also for the slower of two at once), and what create_user raises."""
    check_setup_key(session, key, now=now)
    claimed = session.execute(
        update(OneTimeLink).where(OneTimeLink.key_hash == _hash(key), OneTimeLink.used_at.is_(None)).values(used_at=now)
    )
    if not claimed.rowcount:  # type: ignore[attr-defined]
        raise SetupLinkInvalid("This link has been used meanwhile.")
    return create_user(session, name=name, role=Role.ADMIN, password=password, now=now)


def _hash(secret: str) -> str:
    """Keys are long and random, so a fast hash keeps them; passwords take argon2."""
    return hashlib.sha256(secret.encode()).hexdigest()


# Every call with a token asks this: as text it runs several times as fast as built from objects.
_OWNER = text_statement("""
    SELECT users.id, users.name, users.role, personal_tokens.id AS token_id, expires_at, last_used_at
    FROM personal_tokens JOIN users ON users.id = personal_tokens.user_id
    WHERE key_hash = :key_hash AND revoked_at IS NULL AND users.active""").columns(
    id=Integer, name=String, role=String, token_id=Integer, expires_at=Instant, last_used_at=Instant
)
