"""Gives `web/auth` the ways of recognising a caller: Flask-Login's session, the personal token, the token of Request Tracker."""

import hmac
from collections import OrderedDict
from datetime import datetime, timedelta

from flask import Flask, after_this_request, current_app, request, session as cookie
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import events, passwords, service, sessions, tokens
from request_tracker_utils.accounts.models import LoginKind, SignInSession, User
from request_tracker_utils.accounts.origin import Origin
from request_tracker_utils.accounts.rt_callers import RtCallers, account_of
from request_tracker_utils.accounts.secret import hash_of
from request_tracker_utils.accounts.views import browsers
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import looking, reading, transaction
from request_tracker_utils.web.auth import Caller, Recognisers, install_recognisers
from request_tracker_utils.web.registry import registry, registry_of, settings

login_manager = LoginManager()
MOST_SIGHTINGS = 10_000


class _Sightings(OrderedDict[tuple[str, str | None], None]):
    """Tokens and the addresses that they were used from, as far as this process knows."""


class SignedIn(UserMixin):  # type: ignore[misc]
    """The user of this session, as Flask-Login wants it: its id is the session's key, not the user's number."""

    def __init__(self, key: str, caller: Caller) -> None:
        self.key, self.caller = key, caller

    def get_id(self) -> str:
        return self.key


def install(app: Flask) -> None:
    login_manager.session_protection = None  # people on phones change addresses; sessions are listed and can be ended
    login_manager.init_app(app, add_context_processor=False)  # pages ask web/auth, and error pages nobody
    login_manager.user_loader(_load)
    registry_of(app).provide(_Sightings, _Sightings())
    install_recognisers(app, Recognisers(session=_of_session, token=_of_token, refused=_forbidden))


def origin(account: str | None = None) -> Origin:
    """Where this request comes from; with the name of an account, also whether that account has signed in in this browser before."""
    return Origin(request.remote_addr or "", request.user_agent.string, *(browsers.mark_for(account) if account else ()))


def prove(name: str, password: str, *, detail: str | None = None) -> User:
    """Whose name and password were typed in this browser. Raises what `service.prove` raises."""
    here, now = origin(name), utc_now()
    return service.prove(reading, transaction, name=name, password=password, stranger=_stranger(name), origin=here, now=now, detail=detail)


def begin(user: User) -> None:
    """Signs the user in on this browser, in a fresh session."""
    cookie.clear()  # what stood in the cookie before belongs to whoever had the browser before
    lifetime = timedelta(days=settings().session_days)
    with transaction() as session:
        key = service.begin_session(session, user, lifetime=lifetime, origin=origin(), now=utc_now())
    login_user(SignedIn(key, Caller(user.id, user.name, user.role)))
    cookie.pop("_id", None)  # what Flask-Login would compare if people did not change addresses
    cookie.permanent = True
    after_this_request(lambda response: browsers.remember(response, user.name, passwords.fingerprint(user.password_hash)))


def end() -> None:
    """Signs this browser out, here and in the database."""
    signed_in = _signed_in()
    if signed_in is not None:
        with transaction() as session:
            events.record(session, LoginKind.SIGNED_OUT, origin(), user=_user(session, signed_in.caller.user_id), now=utc_now())
            sessions.end(session, signed_in.key, now=utc_now())
    logout_user()
    cookie.clear()


def session_key() -> str | None:
    """The key of this browser's session; None for callers with a token."""
    signed_in = _signed_in()
    return signed_in.key if signed_in else None


def open_sessions(session: Session, user_id: int, *, now: datetime) -> list[tuple[SignInSession, bool]]:
    """The user's open sessions, last seen first, each with whether it is this browser's."""
    key = session_key()
    return [(entry, key is not None and sessions.is_of_key(entry, key)) for entry in sessions.open_of(session, user_id, now=now)]


def _signed_in() -> SignedIn | None:
    user = current_user._get_current_object()
    return user if isinstance(user, SignedIn) else None


def _load(key: str) -> SignedIn | None:
    now, here = utc_now(), origin()
    with looking() as connection:
        entry = sessions.of_key(connection, key, now=now)
    if entry is None:
        return None
    if entry.sighting_is_due(here, now):
        with transaction() as session:
            sessions.record_sighting(session, entry.session_id, here, now=now)
    return SignedIn(key, Caller(entry.user_id, entry.name, entry.role))


def _of_session() -> Caller | None:
    signed_in = _signed_in()
    return signed_in.caller if signed_in else None


def _of_token(scheme: str, credentials: str) -> Caller | None:
    if scheme not in ("bearer", "token"):
        return None
    now = utc_now()
    rt_callers = registry().find(RtCallers)
    if rt_callers is not None and credentials.startswith("1-"):
        return _of_rt_token(rt_callers, credentials, now)
    with looking() as connection:
        owner = tokens.owner_of(connection, credentials, now=now)
    if owner is None:
        _refuse(credentials, now)
        return None
    if owner.use_is_due(now):
        with transaction() as session:
            tokens.record_use(session, owner.token_id, now=now)
    _notice_address(f"token {owner.token_id}", now, user_id=owner.user_id)
    return Caller(owner.user_id, owner.name, owner.role)


def _of_rt_token(rt_callers: RtCallers, token: str, now: datetime) -> Caller | None:
    identity = rt_callers.identity(token, origin().network)
    if identity is None:
        _refuse(token, now)
        return None
    with reading() as session:
        user = account_of(session, identity)
    known_as = f"{identity.name} (Request Tracker)"
    role = settings().rt_privileged_role
    if user is not None and user.active:
        caller = Caller(user.id, user.name, user.role)
    elif user is None and identity.privileged and role:
        caller = Caller(None, known_as, role)
    else:
        _refuse(token, now)
        return None
    _notice_address(f"rt {identity.id}", now, user_id=caller.user_id, name=known_as)
    return caller


def _refuse(token: str, now: datetime) -> None:
    """Writes down that somebody showed a token that is none, once a minute and address."""
    with reading() as session:
        if events.is_quiet(session, LoginKind.TOKEN_REFUSED, origin(), now=now):
            return
    with transaction() as session:
        shown = f"begins with {token[:4]}" if token.startswith(tokens.TOKEN_MARK) else None
        events.record(session, LoginKind.TOKEN_REFUSED, origin(), key=hash_of(token[: tokens.LONGEST_TOKEN]), now=now, detail=shown)


def _forbidden(actor: Actor, permission: str) -> None:
    """Writes down that somebody was not let in, once a minute, caller and address: a school has one address for all its people."""
    now, key = utc_now(), hash_of(actor.name)
    with reading() as session:
        if events.is_quiet(session, LoginKind.FORBIDDEN, origin(), key=key, now=now):
            return
    with transaction() as session:
        user = _user(session, actor.user_id)
        detail = f"{request.method} {request.url_rule} needs {permission}"
        events.record(session, LoginKind.FORBIDDEN, origin(), user=user, name=actor.name, key=key, now=now, detail=detail)


def _notice_address(whose: str, now: datetime, *, user_id: int | None, name: str | None = None) -> None:
    """Writes down the first use of a token from an address. What is on record is remembered, so that most calls ask nothing."""
    seen = registry().get(_Sightings)
    sighting = (whose, request.remote_addr)
    if sighting in seen:
        return
    here, key = origin(), hash_of(whose)
    with transaction() as session:
        if not events.seen_there(session, LoginKind.TOKEN_USED, here, key=key):
            events.record(session, LoginKind.TOKEN_USED, here, user=_user(session, user_id), name=name, key=key, now=now, detail=whose)
    seen[sighting] = None
    while len(seen) > MOST_SIGHTINGS:
        seen.popitem(last=False)


def _stranger(name: str) -> str:
    """Of a name that nobody has nothing else is kept: people type their password there, and no list of passwords finds it by this."""
    return hmac.digest(str(current_app.secret_key).encode(), name.strip().lower().encode(), "sha256").hex()


def _user(session: Session, user_id: int | None) -> User | None:
    return session.get(User, user_id) if user_id is not None else None
