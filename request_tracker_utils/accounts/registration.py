"""Registering: people create their own account, where REGISTRATION allows it."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import contact, links, passwords, service, throttling
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, OneTimeLink, Role, User
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.errors import Forbidden
from request_tracker_utils.core.translation import gettext as _

OPEN, INVITED = "open", "invited"
"""Values of REGISTRATION under which people can register."""


class RegistrationClosed(Forbidden):
    """Nobody can register here. Ask an administrator for an account."""

    code = "registration_closed"


class InvitationRequired(Forbidden):
    """Registering needs an invitation."""

    code = "invitation_required"


def check_open(mode: str, *, invited: bool) -> None:
    """Raises RegistrationClosed, InvitationRequired."""
    if mode not in (OPEN, INVITED):
        raise RegistrationClosed(_("You cannot create an account here. Ask your IT office for one."))
    if mode == INVITED and not invited:
        raise InvitationRequired(_("You need an invitation to create an account. Ask your IT office for one."))


def register(
    reading: Reading,
    transaction: Transaction,
    *,
    mode: str,
    name: str,
    password: str,
    email: str | None = None,
    phone: str | None = None,
    invitation: str = "",
    origin: Origin,
    now: datetime,
) -> User:
    """Creates an account with the role of the invitation, or user. Without an email address it gets the one that was invited.

    Each attempt that is not refused for its input counts for the network, whether or not the name is taken: the answer tells which names
    exist. The password is hashed between two transactions.

    Raises RegistrationClosed, InvitationRequired; LinkInvalid; Invalid with `field`; TooManyAttempts; NameTaken; Unavailable.
    """
    check_open(mode, invited=bool(invitation))
    service.checked_name(name)
    passwords.checked(password, name=name)
    contact.checked_email(email)
    contact.checked_phone(phone)
    with reading() as session:
        paused = throttling.pause_of_network(session, LoginKind.REGISTERED, origin, now=now)
        if paused is not None:
            raise paused
        if invitation:
            links.invitation(session, invitation, now=now)
    with transaction() as session:
        attempt = throttling.admit_stranger(session, LoginKind.REGISTERED, origin, now=now)
    password_hash = passwords.hashed_for_stranger(password)
    with transaction() as session:
        invited = _claim(session, invitation, now) if invitation else None
        user = service.create_user(
            session,
            name=name,
            role=invited.role if invited and invited.role else Role.USER,
            password_hash=password_hash,
            email=email or (invited.email if invited else None),
            phone=phone,
            actor=Actor(f"an invitation of {invited.created_by}" if invited else "registration"),
            now=now,
            origin=origin,
        )
        done = {"user_id": user.id, "name": user.name, "detail": "with an invitation" if invited else None}
        session.execute(update(LoginEvent).where(LoginEvent.id == attempt).values(**done))
    return user


def _claim(session: Session, key: str, now: datetime) -> OneTimeLink:
    found = links.invitation(session, key, now=now)
    links.claim(session, links.INVITATION, key, now=now)
    return found
