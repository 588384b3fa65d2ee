"""Accounts: making and changing them, and the two ways to prove who one is with a password or a link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import events, guessing, links, passwords, sessions, tokens
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, Role, User
from request_tracker_utils.accounts.origin import NOWHERE, Origin
from request_tracker_utils.accounts.rt_callers import RtIdentity
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable

NAME_FORM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,58}[A-Za-z0-9])?")
EMAIL_FORM = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
PAGE = 50


class UserNotFound(NotFound):
    code = "user_not_found"


class NameTaken(Conflict):
    code = "name_taken"


class WrongCredentials(Invalid):
    code = "wrong_credentials"


@dataclass(frozen=True)
class People:
    """One page of accounts. `more` says that a next page exists."""

    users: list[User]
    page: int
    more: bool


def create_user(
    session: Session,
    *,
    name: str,
    role: str,
    password: str | None = None,
    email: str | None = None,
    actor: Actor,
    now: datetime,
    origin: Origin = NOWHERE,
) -> User:
    """Makes an account; without a password nobody signs in with it until a password link was used.

    Raises Invalid (`field` says what), NameTaken also when two people take a name at once.
    """
    if not NAME_FORM.fullmatch(name):
        message = "A name has 1 to 60 letters (A to Z), digits, dots, dashes or underscores, and begins and ends with a letter or digit."
        raise Invalid(message, field="name")
    password_hash = None if password is None else passwords.hashed(passwords.checked(password, name=name))
    user = User(name=name, name_key=name.lower(), role=_role(role), password_hash=password_hash, active=True, created_at=now)
    user.email = _email(email)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:
        raise NameTaken(f"The name {name} is taken.", field="name") from None
    _changed(session, user, f"made as {role} by {actor.name}", now, origin)
    return user


def change_user(session: Session, user: User, changes: Mapping[str, Any], *, actor: Actor, now: datetime, origin: Origin = NOWHERE) -> None:
    """Sets `role` and `email`, if given. Raises Invalid; Forbidden for one's own role; Conflict for the last administrator."""
    said = []
    role = _role(changes.get("role", user.role))
    if role != user.role:
        _not_oneself(user, actor, "Your own role is changed by another administrator.")
        _keep_an_administrator(session, user)
        said.append(f"role {user.role} → {role}")
        user.role = role
    email = _email(changes["email"]) if "email" in changes else user.email
    if email != user.email:
        said.append("e-mail address")
        user.email = email
    if said:
        _changed(session, user, f"{', '.join(said)}, by {actor.name}", now, origin)


def deactivate(session: Session, user: User, *, actor: Actor, now: datetime, origin: Origin = NOWHERE) -> None:
    """Nobody signs in with the account any more: its sessions, tokens and links are dead at once. Raises Forbidden, Conflict."""
    _not_oneself(user, actor, "Your own account is deactivated by another administrator.")
    _keep_an_administrator(session, user)
    user.active = False
    _shut(session, user, now)
    _changed(session, user, f"deactivated by {actor.name}", now, origin)


def activate(session: Session, user: User, *, actor: Actor, now: datetime, origin: Origin = NOWHERE) -> None:
    """The account is good again, with its password; sessions and tokens stay dead."""
    _shut(session, user, now)  # what began in the moment of the deactivation
    user.active = True
    _changed(session, user, f"activated by {actor.name}", now, origin)


def link_rt_user(
    session: Session, user: User, rt_user: RtIdentity | None, *, actor: Actor, now: datetime, origin: Origin = NOWHERE
) -> None:
    """Makes Request Tracker's user this account, or nobody. Raises Conflict when another account is."""
    user.rt_user_id, user.rt_user_name = (rt_user.id, rt_user.name) if rt_user else (None, None)
    try:
        with session.begin_nested():
            session.flush()  # the unique number decides whether another account has it
    except IntegrityError:
        raise Conflict("This user of Request Tracker belongs to another account already.", field="rt_user") from None
    said = f"is {rt_user.name} (#{rt_user.id}) in Request Tracker" if rt_user else "is nobody in Request Tracker"
    _changed(session, user, f"{said}, by {actor.name}", now, origin)


def set_password(
    session: Session,
    user: User,
    password: str,
    *,
    origin: Origin,
    now: datetime,
    keep_session: str | None = None,
    revoke_tokens: bool = False,
) -> None:
    """Ends every session but the one of the key `keep_session`, and voids password links. Raises Invalid."""
    user.password_hash = passwords.hashed(passwords.checked(password, name=user.name))
    sessions.end_all(session, user.id, now=now, but=keep_session)
    links.void(session, user.id, now=now)
    revoked = tokens.revoke_all(session, user.id, now=now) if revoke_tokens else 0
    _changed(session, user, f"new password, tokens revoked: {revoked}" if revoked else "new password", now, origin)


def everybody(session: Session, text: str = "") -> list[User]:
    """All accounts in which the text stands, by name."""
    return list(session.scalars(_mentioning(text)))


def search(session: Session, text: str = "", *, role: str = "", active: bool | None = None, page: int = 1) -> People:
    """Accounts whose name, e-mail address or name in Request Tracker holds the text, by name."""
    query = _mentioning(text)
    if role:
        query = query.where(User.role == role)
    if active is not None:
        query = query.where(User.active.is_(active))
    rows = list(session.scalars(query.offset((page - 1) * PAGE).limit(PAGE + 1)))
    return People(rows[:PAGE], page, len(rows) > PAGE)


def user_named(session: Session, name: str) -> User:
    """Raises UserNotFound."""
    user = session.scalar(select(User).where(User.name_key == name.lower()))
    if user is None:
        raise UserNotFound(f"There is no user {name}.")
    return user


def user_by_id(session: Session, user_id: int) -> User:
    """Raises UserNotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise UserNotFound("There is no such user.")
    return user


def prove(
    reading: Transaction,
    transaction: Transaction,
    *,
    name: str,
    password: str,
    stranger: str,
    origin: Origin,
    now: datetime,
    detail: str | None = None,
) -> User:
    """The user whose name and password these are; recorded as a sign-in with this detail, or as a failure.

    `stranger` is what failures are counted by if nobody has the name.

    Raises WrongCredentials, the same and as slowly whether the name exists; TooManyAttempts during a pause. The attempt counts as
    failed before the password is looked at, so that a burst of attempts is counted in full. What is tried during a pause is answered
    by `reading` mostly: thousands of guesses a minute do not keep writers waiting.
    """
    with reading() as session:
        user = session.scalar(select(User).where(User.name_key == name.strip().lower()))
        key = events.account_key(user) if user else stranger
        origin = origin.known_for(passwords.fingerprint(user.password_hash) if user else "")
        paused = guessing.pause(session, key, origin, now=now)
        if paused is not None and events.is_quiet(session, LoginKind.PAUSED, origin, key=key if user else None, now=now):
            raise paused
    with transaction() as session:
        guessing.take_turn(session, key, origin)
        paused = guessing.pause(session, key, origin, now=now)
        if paused is not None:
            events.record(session, LoginKind.PAUSED, origin, now=now, user=user, key=key)
        else:
            attempt = events.record(session, LoginKind.FAILED, origin, now=now, user=user, key=key)
            session.flush()  # its id, to find it again when the password was checked
            attempt_id = attempt.id
    if paused is not None:
        raise paused
    try:
        good = passwords.matches(user.password_hash if user and user.active else None, password)
    except Unavailable:
        with transaction() as session:
            session.execute(delete(LoginEvent).where(LoginEvent.id == attempt_id))
        raise
    if not good or user is None:
        raise WrongCredentials("The name or the password is wrong.")
    with transaction() as session:
        session.execute(update(LoginEvent).where(LoginEvent.id == attempt_id).values(kind=str(LoginKind.SIGNED_IN), detail=detail))
    return user


def begin_session(session: Session, user: User, *, lifetime: timedelta, origin: Origin, now: datetime) -> str:
    """Opens a session of the user as they were proved, and returns its key. Raises WrongCredentials when their password or state is
    another by now: whoever changed it ended all sessions, and this one would outlive that."""
    same = (User.id == user.id, User.active, User.password_hash == user.password_hash)
    if session.scalar(select(User.id).where(*same).with_for_update()) is None:
        raise WrongCredentials("The account changed at this very moment. Sign in again.")
    return sessions.open_session(session, user, lifetime=lifetime, origin=origin, now=now)


def set_up(session: Session, *, key: str, name: str, password: str, origin: Origin, now: datetime) -> User:
    """Makes the first administrator, who is signed in with it. Raises LinkInvalid, and what create_user raises."""
    links.check_setup_key(session, key, now=now)
    links.claim(session, links.SETUP, key, now=now)
    user = create_user(session, name=name, role=Role.ADMIN, password=password, actor=Actor("the set-up link"), now=now)
    events.record(session, LoginKind.SIGNED_IN, origin, now=now, user=user, detail="by the set-up link")
    return user


def use_password_link(session: Session, *, key: str, password: str, origin: Origin, now: datetime, revoke_tokens: bool = False) -> User:
    """Sets the password that its owner chose, who is signed in with it. Raises LinkInvalid, Invalid."""
    user = links.user_of_password_key(session, key, now=now)
    links.claim(session, links.PASSWORD, key, now=now)
    set_password(session, user, password, origin=origin, now=now, revoke_tokens=revoke_tokens)
    events.record(session, LoginKind.SIGNED_IN, origin, now=now, user=user, detail="by a password link")
    return user


def _mentioning(text: str) -> Select[User]:
    columns = (User.name_key, User.email, User.rt_user_name)
    found = select(User).order_by(User.name_key)
    return found.where(or_(*(func.lower(column).contains(text.lower(), autoescape=True) for column in columns))) if text else found


def _role(role: str) -> str:
    if role not in set(Role):
        raise Invalid(f"There is no role {role}. Roles: {', '.join(Role)}.", field="role")
    return role


def _email(email: str | None) -> str | None:
    if email and not EMAIL_FORM.fullmatch(email):
        raise Invalid(f"{email} is no e-mail address.", field="email")
    return email or None


def _not_oneself(user: User, actor: Actor, message: str) -> None:
    if actor.user_id == user.id:
        raise Forbidden(message)


def _shut(session: Session, user: User, now: datetime) -> None:
    sessions.end_all(session, user.id, now=now)
    tokens.revoke_all(session, user.id, now=now)
    links.void(session, user.id, now=now)


def _keep_an_administrator(session: Session, user: User) -> None:
    """Of administrators one at least stays. They are locked in the order of their numbers, so that two cannot go at once."""
    active = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id).with_for_update()
    if list(session.scalars(active)) == [user.id]:
        raise Conflict(f"{user.name} is the only administrator. Make another one first.")


def _changed(session: Session, user: User, detail: str, now: datetime, origin: Origin) -> None:
    session.flush()  # a new account has no number before
    events.record(session, LoginKind.CHANGED, origin, now=now, user=user, detail=detail)
