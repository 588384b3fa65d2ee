"""Accounts: creating and changing them, and signing in with a password or a one-time link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import contact, links, login_events, passwords, sessions, student_links, throttling, tokens
from request_tracker_utils.accounts.login_events import NOWHERE, Origin
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, Role, User
from request_tracker_utils.accounts.permissions import AccountPermission
from request_tracker_utils.accounts.rt_tokens import RtIdentity
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from request_tracker_utils.core.translation import gettext as _

NAME_FORM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,58}[A-Za-z0-9])?")
PAGE = 50


class UserNotFound(NotFound):
    """The account does not exist, or is not shown to the caller."""

    code = "user_not_found"


class NameTaken(Conflict):
    """Another account has this name. Choose another one."""

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
    password_hash: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    actor: Actor,
    now: datetime,
    origin: Origin = NOWHERE,
) -> User:
    """Creates an account. Without a password it cannot sign in until a password link has been used. `password_hash` is that of a password
    that was checked, for callers who must not hash within a transaction.

    Raises Invalid with `field`; NameTaken, also when two people take a name at the same time.
    """
    checked_name(name)
    if password is not None:
        password_hash = passwords.hashed(passwords.checked(password, name=name))
    user = User(name=name, name_key=name.lower(), role=_role(role), password_hash=password_hash, active=True, created_at=now)
    user.email = contact.checked_email(email)
    contact.set_phone(user, phone)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:
        raise NameTaken(_("The name %(name)s is taken. Choose another one.", name=name), field="name") from None
    _record_change(session, user, f"created as {role} by {actor.name}", now, origin)
    return user


def checked_name(name: str) -> str:
    """The name itself, if an account may have it. Raises Invalid."""
    if not NAME_FORM.fullmatch(name):
        message = _(
            "A name has 1 to 60 letters (A to Z), digits, dots, hyphens, underscores or @, and starts and ends with a letter or digit."
        )
        raise Invalid(message, field="name")
    return name


def change_user(session: Session, user: User, changes: Mapping[str, Any], *, actor: Actor, now: datetime, origin: Origin = NOWHERE) -> None:
    """Sets `role`, `email` and `phone`, if given; a new role removes the student or the school that only the former one has.

    Raises Invalid; Forbidden for one's own role; Conflict for the last administrator."""
    changed = []
    role = _role(changes.get("role", user.role))
    if role != user.role:
        _refuse_self(user, actor, _("Ask another administrator to change your role."))
        _keep_an_administrator(session, user)
        changed.append(f"role {user.role} → {role}")
        user.role = role
        changed += student_links.clear_for_role(user)
    if "email" in changes and (changes["email"] or None) != user.email:
        user.email = contact.checked_email(changes["email"])
        changed.append("email address")
    if "phone" in changes and contact.set_phone(user, changes["phone"]):
        changed.append("phone number")
    if changed:
        _record_change(session, user, f"{', '.join(changed)}, by {actor.name}", now, origin)


def deactivate(session: Session, user: User, *, actor: Actor, now: datetime, origin: Origin = NOWHERE) -> None:
    """Blocks the account: its sessions, tokens and links stop working immediately. Raises Forbidden, Conflict."""
    _refuse_self(user, actor, _("Ask another administrator to deactivate your account."))
    _keep_an_administrator(session, user)
    user.active = False
    _end_access(session, user, now)
    _record_change(session, user, f"deactivated by {actor.name}", now, origin)


def activate(session: Session, user: User, *, actor: Actor, now: datetime, origin: Origin = NOWHERE) -> None:
    """Unblocks the account, with its password. Sessions and tokens stay revoked."""
    _end_access(session, user, now)  # a session may have started while the account was being deactivated
    user.active = True
    _record_change(session, user, f"activated by {actor.name}", now, origin)


def link_rt_user(
    session: Session, user: User, rt_user: RtIdentity | None, *, actor: Actor, now: datetime, origin: Origin = NOWHERE
) -> None:
    """Links the account to a Request Tracker user, or to none. Raises Conflict if another account is linked to that user."""
    user.rt_user_id, user.rt_user_name = (rt_user.id, rt_user.name) if rt_user else (None, None)
    try:
        with session.begin_nested():
            session.flush()  # the unique index decides whether another account has it
    except IntegrityError:
        raise Conflict(_("This Request Tracker user is already linked to another account."), field="rt_user") from None
    change = f"linked to {rt_user.name} (#{rt_user.id}) in Request Tracker" if rt_user else "unlinked from Request Tracker"
    _record_change(session, user, f"{change} by {actor.name}", now, origin)


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
    """Ends every session except the one with the key `keep_session`, and all access tokens, and invalidates password links. Raises
    Invalid."""
    user.password_hash = passwords.hashed(passwords.checked(password, name=user.name))
    sessions.end_all(session, user.id, now=now, but=keep_session)
    links.invalidate(session, user.id, now=now)
    revoked = tokens.revoke_all(session, user.id, now=now) if revoke_tokens else 0
    _record_change(session, user, f"new password, tokens revoked: {revoked}" if revoked else "new password", now, origin)


def all_users(session: Session, text: str = "") -> list[User]:
    """All accounts that match the text, by name."""
    return list(session.scalars(_matching(text)))


def search(session: Session, text: str = "", *, role: str = "", active: bool | None = None, page: int = 1) -> People:
    """Accounts with the text in their name, email address or Request Tracker name, by name."""
    query = _matching(text)
    if role:
        query = query.where(User.role == role)
    if active is not None:
        query = query.where(User.active.is_(active))
    rows = list(session.scalars(query.offset((page - 1) * PAGE).limit(PAGE + 1)))
    return People(rows[:PAGE], page, len(rows) > PAGE)


def visible_users(session: Session, actor: Actor, *, role: str = "", after: int = 0, limit: int = 1_000) -> list[User]:
    """Active accounts that the actor may choose from, by id. Students have their own rules (`students/visibility.py`), so only those who
    manage accounts get accounts of students."""
    query = select(User).where(User.id > after, *_visible_to(actor)).order_by(User.id).limit(limit)
    return list(session.scalars(query.where(User.role == role) if role else query))


def visible_user(session: Session, actor: Actor, user_id: int) -> User:
    """One of them, or the actor's own account. Raises UserNotFound."""
    query = select(User).where(User.id == user_id)
    if user_id != actor.user_id and not actor.may(AccountPermission.READ):
        query = query.where(*_visible_to(actor))
    user = session.scalar(query)
    if user is None:
        raise UserNotFound(_("This account does not exist."))
    return user


def user_named(session: Session, name: str) -> User:
    """Raises UserNotFound."""
    user = session.scalar(select(User).where(User.name_key == name.lower()))
    if user is None:
        raise UserNotFound(_("No account has the name %(name)s.", name=name))
    return user


def user_by_id(session: Session, user_id: int) -> User:
    """Raises UserNotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise UserNotFound(_("This account does not exist."))
    return user


def verify_password(
    reading: Reading,
    transaction: Transaction,
    *,
    name: str,
    password: str,
    unknown_key: str,
    origin: Origin,
    now: datetime,
    detail: str | None = None,
) -> User:
    """The user with this name and password. Recorded as a sign-in with this detail, or as a failure.

    `unknown_key` is what failures are counted by if no account has the name.

    Raises WrongCredentials, identical and equally slow whether or not the name exists; TooManyAttempts during a pause. The attempt is
    recorded as failed before the password is checked, so that a burst of attempts is counted in full. Attempts during a pause mostly
    only read: thousands of guesses a minute do not block writers.
    """
    with reading() as session:
        user = session.scalar(select(User).where(User.name_key == name.strip().lower()))
        key = login_events.account_key(user) if user else unknown_key
        origin = origin.known_for(passwords.fingerprint(user.password_hash) if user else "")
        paused = throttling.current_pause(session, key, origin, now=now)
        if paused is not None and login_events.recently_recorded(session, LoginKind.PAUSED, origin, key=key if user else None, now=now):
            raise paused
    with transaction() as session:
        throttling.serialize_attempts(session, origin, key)
        paused = throttling.current_pause(session, key, origin, now=now)
        if paused is not None:
            login_events.record(session, LoginKind.PAUSED, origin, now=now, user=user, key=key)
        else:
            attempt = login_events.record(session, LoginKind.FAILED, origin, now=now, user=user, key=key)
            session.flush()  # assigns the id that marks it as successful below
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
        raise WrongCredentials(_("The name or the password is wrong."))
    with transaction() as session:
        session.execute(update(LoginEvent).where(LoginEvent.id == attempt_id).values(kind=str(LoginKind.SIGNED_IN), detail=detail))
    return user


def begin_session(session: Session, user: User, *, lifetime: timedelta, origin: Origin, now: datetime) -> str:
    """Starts a session and returns its key. Raises WrongCredentials if the password or state has changed since it was verified: that
    change ended all sessions, and this one would survive it."""
    same = (User.id == user.id, User.active, User.password_hash == user.password_hash)
    if session.scalar(select(User.id).where(*same).with_for_update()) is None:
        raise WrongCredentials(_("The account was changed while you were signing in. Sign in again."))
    return sessions.open_session(session, user, lifetime=lifetime, origin=origin, now=now)


def set_up(session: Session, *, key: str, name: str, password: str, origin: Origin, now: datetime) -> User:
    """Creates the first administrator. Raises LinkInvalid, and what create_user raises."""
    links.check_setup_key(session, key, now=now)
    links.claim(session, links.SETUP, key, now=now)
    user = create_user(session, name=name, role=Role.ADMIN, password=password, actor=Actor("setup link"), now=now)
    login_events.record(session, LoginKind.SIGNED_IN, origin, now=now, user=user, detail="with the setup link")
    return user


def use_password_link(session: Session, *, key: str, password: str, origin: Origin, now: datetime, revoke_tokens: bool = False) -> User:
    """Sets the password that the link's owner chose. Raises LinkInvalid, Invalid."""
    user = links.user_of_password_key(session, key, now=now)
    links.claim_password(session, key, now=now)
    set_password(session, user, password, origin=origin, now=now, revoke_tokens=revoke_tokens)
    login_events.record(session, LoginKind.SIGNED_IN, origin, now=now, user=user, detail="with a password link")
    return user


def _matching(text: str) -> Select[User]:
    columns = (User.name_key, User.email, User.rt_user_name)
    found = select(User).order_by(User.name_key)
    return found.where(or_(*(func.lower(column).contains(text.lower(), autoescape=True) for column in columns))) if text else found


def _visible_to(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    return (User.active, *(() if actor.may(AccountPermission.READ) else (User.role != Role.STUDENT,)))


def _role(role: str) -> str:
    if role not in set(Role):
        raise Invalid(_("Unknown role %(role)s. Choose one of: %(roles)s.", role=role, roles=", ".join(Role)), field="role")
    return role


def _refuse_self(user: User, actor: Actor, message: str) -> None:
    if actor.user_id == user.id:
        raise Forbidden(message)


def _end_access(session: Session, user: User, now: datetime) -> None:
    sessions.end_all(session, user.id, now=now)
    tokens.revoke_all(session, user.id, now=now)
    links.invalidate(session, user.id, now=now)


def _keep_an_administrator(session: Session, user: User) -> None:
    """At least one administrator remains. They are locked in the order of their ids, so that two concurrent requests cannot remove both."""
    active = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id).with_for_update()
    if list(session.scalars(active)) == [user.id]:
        raise Conflict(_("%(name)s is the only administrator. Create another one first.", name=user.name))


def _record_change(session: Session, user: User, detail: str, now: datetime, origin: Origin) -> None:
    session.flush()  # assigns the id of a new account
    login_events.record(session, LoginKind.CHANGED, origin, now=now, user=user, detail=detail)
