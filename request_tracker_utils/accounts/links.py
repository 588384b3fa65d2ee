"""Links that work once: setting up the first administrator, and choosing a password."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import OneTimeLink, Role, User, key_hash
from request_tracker_utils.core.db import affected
from request_tracker_utils.core.errors import Conflict, NotFound
from request_tracker_utils.core.translation import gettext as _

SETUP, PASSWORD = "setup", "password"
LIFETIME = {SETUP: timedelta(hours=24), PASSWORD: timedelta(days=3)}
RETENTION = timedelta(days=30)
CLOCK_TOLERANCE = timedelta(days=1)
"""A link that expires later than its lifetime was created while the clock was ahead. Up to this, it stays valid."""


class LinkInvalid(NotFound):
    code = "link_invalid"


def setup_is_open(session: Session) -> bool:
    """Whether this installation has no administrator yet."""
    return not session.scalar(select(exists().where(User.role == Role.ADMIN)))


def new_setup_key(session: Session, *, now: datetime) -> str:
    """A key for creating the first administrator; earlier keys stop working. Raises Conflict if there is an administrator."""
    if not setup_is_open(session):
        raise Conflict(
            _("There is already an administrator. Create another one with `rtutils users create NAME --role admin --password-stdin`.")
        )
    return _new(session, SETUP, None, now)


def new_password_key(session: Session, user: User, *, now: datetime) -> str:
    """A key for choosing a password; earlier keys stop working. Raises Conflict for a deactivated account."""
    if not user.active:
        raise Conflict(_("%(name)s is deactivated. Activate the account first.", name=user.name))
    return _new(session, PASSWORD, user.id, now)


def check_setup_key(session: Session, key: str, *, now: datetime) -> None:
    """Raises LinkInvalid for a key that is unknown, used or expired."""
    if not session.scalar(select(exists().where(*_is_valid(SETUP, key, now)))) or not setup_is_open(session):
        raise LinkInvalid(
            _("This link has been used or has expired. Until the first administrator is created, `rtutils setup-link` prints a new one.")
        )


def user_of_password_key(session: Session, key: str, *, now: datetime) -> User:
    """The user who may choose a password with the key. Raises LinkInvalid."""
    user = session.scalar(select(User).join(OneTimeLink, OneTimeLink.user_id == User.id).where(*_is_valid(PASSWORD, key, now), User.active))
    if user is None:
        raise LinkInvalid(_("This link has been used or has expired. Ask your IT office for a new one."))
    return user


def claim(session: Session, purpose: str, key: str, *, now: datetime) -> None:
    """Marks the link as used. Raises LinkInvalid if it has been used, also by a concurrent request."""
    if not affected(session.execute(update(OneTimeLink).where(*_is_valid(purpose, key, now)).values(used_at=now))):
        raise LinkInvalid(_("This link has just been used. Ask your IT office for a new one."))


def invalidate(session: Session, user_id: int, *, now: datetime) -> None:
    """Invalidates all open links of the user."""
    session.execute(update(OneTimeLink).where(OneTimeLink.user_id == user_id, OneTimeLink.used_at.is_(None)).values(used_at=now))


def delete_ended(session: Session, *, now: datetime) -> int:
    ended = delete(OneTimeLink).where(OneTimeLink.expires_at < now - RETENTION)
    return affected(session.execute(ended))


def _new(session: Session, purpose: str, user_id: int | None, now: datetime) -> str:
    same = (OneTimeLink.purpose == purpose, OneTimeLink.user_id.is_(None) if user_id is None else OneTimeLink.user_id == user_id)
    session.execute(update(OneTimeLink).where(*same, OneTimeLink.used_at.is_(None)).values(used_at=now))
    key = secrets.token_urlsafe(24)
    session.add(OneTimeLink(purpose=purpose, user_id=user_id, key_hash=key_hash(key), created_at=now, expires_at=now + LIFETIME[purpose]))
    return key


def _is_valid(purpose: str, key: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeLink.purpose == purpose,
        OneTimeLink.key_hash == key_hash(key),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at.between(now, now + LIFETIME[purpose] + CLOCK_TOLERANCE),
    )
