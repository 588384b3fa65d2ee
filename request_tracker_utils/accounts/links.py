"""Links that work once: the set-up of the first administrator, and a new password."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import OneTimeLink, Role, User
from request_tracker_utils.accounts.secret import hash_of
from request_tracker_utils.core.db import affected
from request_tracker_utils.core.errors import Conflict, NotFound

SETUP, PASSWORD = "setup", "password"
LIFETIME = {SETUP: timedelta(hours=24), PASSWORD: timedelta(days=3)}
KEPT_AFTER_END = timedelta(days=30)


class LinkInvalid(NotFound):
    code = "link_invalid"


def setup_is_open(session: Session) -> bool:
    """Whether nobody can administer this installation yet."""
    return not session.scalar(select(exists().where(User.role == Role.ADMIN)))


def new_setup_key(session: Session, *, now: datetime) -> str:
    """A key that makes the first administrator; earlier ones are void. Raises Conflict when there is one."""
    if not setup_is_open(session):
        raise Conflict("There is an administrator already. `rtutils users create NAME --role admin --password-stdin` makes another.")
    return _new(session, SETUP, None, now)


def new_password_key(session: Session, user: User, *, now: datetime) -> str:
    """A key with which the user chooses a password; earlier ones are void. Raises Conflict for a deactivated account."""
    if not user.active:
        raise Conflict(f"{user.name} is deactivated. Activate the account first.")
    return _new(session, PASSWORD, user.id, now)


def check_setup_key(session: Session, key: str, *, now: datetime) -> None:
    """Raises LinkInvalid for a key that is wrong, used or expired."""
    if not session.scalar(select(exists().where(*_good(SETUP, key, now)))) or not setup_is_open(session):
        raise LinkInvalid("This link has been used or has expired. `rtutils setup-link` prints a new one while there is no administrator.")


def user_of_password_key(session: Session, key: str, *, now: datetime) -> User:
    """Who may choose a password with it. Raises LinkInvalid."""
    user = session.scalar(select(User).join(OneTimeLink, OneTimeLink.user_id == User.id).where(*_good(PASSWORD, key, now), User.active))
    if user is None:
        raise LinkInvalid("This link has been used or has expired. Ask your IT office for a new one.")
    return user


def claim(session: Session, purpose: str, key: str, *, now: datetime) -> None:
    """Uses the link up. Raises LinkInvalid, also for the slower of two at once."""
    if not affected(session.execute(update(OneTimeLink).where(*_good(purpose, key, now)).values(used_at=now))):
        raise LinkInvalid("This link has been used meanwhile.")


def void(session: Session, user_id: int, *, now: datetime) -> None:
    """No open link of the user works any more."""
    session.execute(update(OneTimeLink).where(OneTimeLink.user_id == user_id, OneTimeLink.used_at.is_(None)).values(used_at=now))


def forget_ended(session: Session, *, now: datetime) -> int:
    ended = delete(OneTimeLink).where(OneTimeLink.expires_at < now - KEPT_AFTER_END)
    return affected(session.execute(ended))


def _new(session: Session, purpose: str, user_id: int | None, now: datetime) -> str:
    same = (OneTimeLink.purpose == purpose, OneTimeLink.user_id.is_(None) if user_id is None else OneTimeLink.user_id == user_id)
    session.execute(update(OneTimeLink).where(*same, OneTimeLink.used_at.is_(None)).values(used_at=now))
    key = secrets.token_urlsafe(24)
    session.add(OneTimeLink(purpose=purpose, user_id=user_id, key_hash=hash_of(key), created_at=now, expires_at=now + LIFETIME[purpose]))
    return key


def _good(purpose: str, key: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeLink.purpose == purpose,
        OneTimeLink.key_hash == hash_of(key),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > now,
    )
