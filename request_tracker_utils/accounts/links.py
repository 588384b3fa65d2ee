"""Links that work once: setting up the first administrator, choosing a password, and registering with an invitation.

The key of a link that is sent by email is computed from its row with the installation's own key (`Keys`), so that no message stores it.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.contact import checked_email
from request_tracker_utils.accounts.models import OneTimeLink, Role, User, key_hash
from request_tracker_utils.core.clock import SKEW
from request_tracker_utils.core.db import affected
from request_tracker_utils.core.errors import Conflict, Invalid, NotFound
from request_tracker_utils.core.translation import gettext as _

SETUP, PASSWORD, RESET, INVITATION = "setup", "password", "reset", "invitation"
"""`RESET` links are for choosing a password too, but were requested by the owner, or by somebody who knows the owner's name."""
LIFETIME = {SETUP: timedelta(hours=24), PASSWORD: timedelta(days=3), RESET: timedelta(days=1), INVITATION: timedelta(days=14)}
RETENTION = timedelta(days=30)
MAX_RESETS = 5
"""Links that an account is sent at its own request within the lifetime of such a link."""
INVITED_ROLES = [str(role) for role in (Role.USER, Role.STAFF, Role.TEACHER, Role.STUDENT)]
"""Not administrators: a forwarded mail must not create one."""
CLOCK_TOLERANCE = timedelta(days=1)
"""A link that expires later than its lifetime was created while the clock was ahead. Up to this, it stays valid."""


Keys = Callable[[str], Sequence[str]]
"""Returns secrets for a purpose, the present one first, see `TokenService.derived_keys`."""


class LinkInvalid(NotFound):
    """The link has been used, has expired, or never existed."""

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
    _check_active(user)
    return _new(session, PASSWORD, user.id, now)


def check_setup_key(session: Session, key: str, *, now: datetime) -> None:
    """Raises LinkInvalid for a key that is unknown, used or expired."""
    if not session.scalar(select(exists().where(*_is_valid(SETUP, key, now)))) or not setup_is_open(session):
        raise LinkInvalid(
            _("This link has been used or has expired. Until the first administrator is created, `rtutils setup-link` prints a new one.")
        )


def user_of_password_key(session: Session, key: str, *, now: datetime) -> User:
    """The user who may choose a password with the key. Raises LinkInvalid."""
    user = session.scalar(select(User).join(OneTimeLink, OneTimeLink.user_id == User.id).where(_opens_password(key, now), User.active))
    if user is None:
        raise LinkInvalid(_("This link has been used or has expired. Request another one, or ask your IT office."))
    return user


def claim_password(session: Session, key: str, *, now: datetime) -> None:
    """Marks the link for choosing a password as used. Raises LinkInvalid if it has been used, also by a concurrent request."""
    if not affected(session.execute(update(OneTimeLink).where(_opens_password(key, now)).values(used_at=now))):
        raise LinkInvalid(_("This link has just been used. Request another one, or ask your IT office."))


def claim(session: Session, purpose: str, key: str, *, now: datetime) -> None:
    """Marks the link as used. Raises LinkInvalid if it has been used, also by a concurrent request."""
    if not affected(session.execute(update(OneTimeLink).where(*_is_valid(purpose, key, now)).values(used_at=now))):
        raise LinkInvalid(_("This link has just been used. Ask your IT office for a new one."))


def invalidate(session: Session, user_id: int, *, now: datetime) -> None:
    """Invalidates all open links of the user."""
    session.execute(update(OneTimeLink).where(OneTimeLink.user_id == user_id, OneTimeLink.used_at.is_(None)).values(used_at=now))


def invite(session: Session, *, role: str, email: str | None, created_by: str, keys: Keys, now: datetime) -> tuple[OneTimeLink, str]:
    """Creates an invitation; returns it and its key. Raises Invalid for a role that invitations cannot give."""
    if role not in INVITED_ROLES:
        roles = ", ".join(INVITED_ROLES)
        raise Invalid(_("An invitation cannot assign the role %(role)s. Choose one of: %(roles)s.", role=role, roles=roles), field="role")
    link = OneTimeLink(purpose=INVITATION, role=role, email=checked_email(email), created_by=created_by[:100])
    return link, _add(session, link, keys, now)


def open_invitations(session: Session, *, now: datetime) -> list[OneTimeLink]:
    """Invitations that can still be used, the newest first."""
    still = (OneTimeLink.purpose == INVITATION, OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    return list(session.scalars(select(OneTimeLink).where(*still).order_by(OneTimeLink.id.desc())))


def revoke_invitation(session: Session, link_id: int, *, now: datetime) -> None:
    """Raises LinkInvalid if it has been used, revoked, or has expired."""
    still = (OneTimeLink.id == link_id, OneTimeLink.purpose == INVITATION, OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    if not affected(session.execute(update(OneTimeLink).where(*still).values(used_at=now))):
        raise LinkInvalid(_("This invitation has been used or has expired."))


def invitation(session: Session, key: str, *, now: datetime) -> OneTimeLink:
    """Raises LinkInvalid."""
    found = session.scalar(select(OneTimeLink).where(*_is_valid(INVITATION, key, now)))
    if found is None:
        raise LinkInvalid(_("This invitation has been used or has expired. Ask your IT office for a new one."))
    return found


def send_password_key(session: Session, user: User, *, keys: Keys, now: datetime) -> tuple[OneTimeLink, str]:
    """A link like `new_password_key`, whose key can be computed when it is sent. Raises Conflict for a deactivated account."""
    _check_active(user)
    _end_former(session, PASSWORD, user.id, now)
    link = OneTimeLink(purpose=PASSWORD, user_id=user.id)
    return link, _add(session, link, keys, now)


def request(session: Session, *, user: User | None, by: str, now: datetime) -> None:
    """Stores a request for a password link, also one that named no account, which takes as long; `send_requested` sends it."""
    stranger = key_hash(secrets.token_hex(16))
    session.add(
        OneTimeLink(
            purpose=RESET,
            user_id=user.id if user else None,
            key_hash=stranger,
            created_at=now,
            expires_at=now + LIFETIME[RESET],
            requested_by=by,
        )
    )


def requested(session: Session, *, limit: int) -> list[OneTimeLink]:
    """Requests that are not answered, the oldest first, locked until the transaction ends."""
    pending = select(OneTimeLink).where(OneTimeLink.requested_by.is_not(None)).order_by(OneTimeLink.id).limit(limit)
    return list(session.scalars(pending.with_for_update(skip_locked=True, of=OneTimeLink)))


def reset_link(session: Session, user: User, *, keys: Keys, now: datetime) -> OneTimeLink | None:
    """A link that the owner has requested; earlier ones go on working, so that strangers cannot end them by requesting more. None if
    the account has had MAX_RESETS within their lifetime: then the last of them still works, unless it was used."""
    sent = (OneTimeLink.purpose == RESET, OneTimeLink.user_id == user.id, OneTimeLink.requested_by.is_(None))
    recent = OneTimeLink.created_at.between(now - LIFETIME[RESET], now + SKEW)
    if session.execute(select(func.count()).select_from(OneTimeLink).where(*sent, recent)).scalar_one() >= MAX_RESETS:
        return None
    link = OneTimeLink(purpose=RESET, user_id=user.id)
    _add(session, link, keys, now)
    return link


def key_of(session: Session, link_id: int, *, keys: Keys, now: datetime) -> tuple[OneTimeLink, str] | None:
    """The link with its key, computed again; None if it does not work any more, or the installation's key is another one by now."""
    link = session.get(OneTimeLink, link_id)
    if link is None or link.used_at is not None or link.expires_at <= now:
        return None
    return next(((link, key) for key in keys(_purpose(link)) if hmac.compare_digest(key_hash(key), link.key_hash)), None)


def delete_ended(session: Session, *, now: datetime) -> int:
    ended = delete(OneTimeLink).where(OneTimeLink.expires_at < now - RETENTION)
    return affected(session.execute(ended))


def _check_active(user: User) -> None:
    if not user.active:
        raise Conflict(_("%(name)s is deactivated. Activate the account first.", name=user.name))


def _new(session: Session, purpose: str, user_id: int | None, now: datetime) -> str:
    _end_former(session, purpose, user_id, now)
    key = secrets.token_urlsafe(24)
    session.add(OneTimeLink(purpose=purpose, user_id=user_id, key_hash=key_hash(key), created_at=now, expires_at=now + LIFETIME[purpose]))
    return key


def _end_former(session: Session, purpose: str, user_id: int | None, now: datetime) -> None:
    same = (OneTimeLink.purpose == purpose, OneTimeLink.user_id.is_(None) if user_id is None else OneTimeLink.user_id == user_id)
    session.execute(update(OneTimeLink).where(*same, OneTimeLink.used_at.is_(None)).values(used_at=now))


def _add(session: Session, link: OneTimeLink, keys: Keys, now: datetime) -> str:
    """Adds the row, and returns its key, which is computed from the row."""
    link.created_at, link.expires_at, link.key_hash = now, now + LIFETIME[link.purpose], key_hash(secrets.token_hex(16))
    session.add(link)
    session.flush()  # assigns the id
    key = keys(_purpose(link))[0]
    link.key_hash = key_hash(key)
    return key


def _purpose(link: OneTimeLink) -> str:
    """SQLite assigns ids of deleted rows again, so the time belongs to it."""
    return f"one-time link {link.id} {link.purpose} {link.user_id} {link.created_at.astimezone(UTC).isoformat()}"


def _opens_password(key: str, now: datetime) -> ColumnElement[bool]:
    return or_(*(and_(*_is_valid(purpose, key, now)) for purpose in (PASSWORD, RESET)))


def _is_valid(purpose: str, key: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeLink.purpose == purpose,
        OneTimeLink.key_hash == key_hash(key),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at.between(now, now + LIFETIME[purpose] + CLOCK_TOLERANCE),
    )
