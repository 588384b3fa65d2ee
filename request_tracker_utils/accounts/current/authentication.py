"""Authenticates requests for `web/auth`: by Flask-Login's session, an access token, a personal token, or a Request Tracker token."""

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from flask import Flask, Response, after_this_request, current_app, request, session as cookie
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import access_tokens, login_events, passwords, service, sessions, tokens
from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginKind, SignInSession, User, key_hash
from request_tracker_utils.accounts.rt_tokens import RtTokens, account_of
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import read_connection, reading, transaction
from request_tracker_utils.web.auth import Authenticators, Caller, install_authenticators
from request_tracker_utils.web.registry import registry, registry_of, settings

log = structlog.get_logger(__name__)
login_manager = LoginManager()
MAX_KNOWN_ADDRESSES = 10_000

# Wrong passwords from a browser in which the account has signed in before are counted separately: a school has one address for everybody,
# and a student who types wrong passwords for a teacher's name must not lock the teacher out. The cookie grants no access. It only shows
# that the browser's user once knew the password, and stops working when the password changes.
BROWSER_COOKIE = "rtutils_browser"
YEAR = 365 * 24 * 3600
MAX_ACCOUNTS = 5
"""Accounts remembered in one browser, the most recent ones."""
_KEY_LENGTH = 16


class _KnownAddresses(OrderedDict[tuple[str, str | None], None]):
    """Tokens with the addresses they were used from, as far as this process knows."""


class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's user: its id is the session's key, not the user's id."""

    def __init__(self, key: str, caller: Caller) -> None:
        self.key, self.caller = key, caller

    def get_id(self) -> str:
        return self.key


def install(app: Flask) -> None:
    login_manager.session_protection = None  # phones change addresses; sessions are listed and can be ended instead
    login_manager.init_app(app, add_context_processor=False)  # pages ask web/auth instead
    login_manager.user_loader(_load)
    registry_of(app).provide(_KnownAddresses, _KnownAddresses())
    install_authenticators(app, Authenticators(session=_by_session, token=_by_token, denied=_record_denied))


def origin(account: str | None = None) -> Origin:
    """The origin of this request. With an account's name, it includes whether that account has signed in from this browser before."""
    return Origin(request.remote_addr or "", request.user_agent.string, *(_known_browser(account) if account else ()))


def verify_password(name: str, password: str, *, detail: str | None = None) -> User:
    """The user with this name and password. Raises what `service.verify_password` raises."""
    here, now = origin(name), utc_now()
    return service.verify_password(
        reading, transaction, name=name, password=password, unknown_key=unknown_key(name), origin=here, now=now, detail=detail
    )


def begin(user: User) -> None:
    """Signs the user in on this browser, in a new session."""
    cookie.clear()  # it may belong to whoever used the browser before
    lifetime = timedelta(days=settings().session_days)
    with transaction() as session:
        key = service.begin_session(session, user, lifetime=lifetime, origin=origin(), now=utc_now())
    login_user(SignedIn(key, Caller(user.id, user.name, user.role, user.student_id, user.school, user.homeroom)))
    cookie.pop("_id", None)  # unused without session protection
    cookie.permanent = True
    after_this_request(lambda response: _remember_browser(response, user.name, passwords.fingerprint(user.password_hash)))


def end() -> None:
    """Signs this browser out and ends its session in the database."""
    signed_in = _signed_in()
    if signed_in is not None:
        with transaction() as session:
            login_events.record(session, LoginKind.SIGNED_OUT, origin(), user=_user(session, signed_in.caller.user_id), now=utc_now())
            sessions.end(session, signed_in.key, now=utc_now())
    logout_user()
    cookie.clear()


def unknown_key(name: str) -> str:
    """A keyed hash of an unknown name, because people type passwords there: no dictionary recovers it."""
    return hmac.digest(str(current_app.secret_key).encode(), name.strip().lower().encode(), "sha256").hex()


def session_key() -> str | None:
    """The key of this browser's session; None for callers with a token."""
    signed_in = _signed_in()
    return signed_in.key if signed_in else None


def open_sessions(session: Session, user_id: int, *, now: datetime) -> list[tuple[SignInSession, bool]]:
    """The user's open sessions, each with whether it is this browser's."""
    key = session_key()
    return [(entry, key is not None and sessions.has_key(entry, key)) for entry in sessions.open_sessions(session, user_id, now=now)]


def _signed_in() -> SignedIn | None:
    user = current_user._get_current_object()
    return user if isinstance(user, SignedIn) else None


def _load(key: str) -> SignedIn | None:
    now, here = utc_now(), origin()
    with read_connection() as connection:
        entry = sessions.by_key(connection, key, now=now)
    if entry is None:
        return None
    if entry.last_seen_is_due(here, now):
        with _bookkeeping("last use of a session"), transaction(durable=False, brief=True) as session:
            sessions.record_last_seen(session, entry.session_id, here, now=now)
    return SignedIn(key, Caller(entry.user_id, entry.name, entry.role, entry.student_id, entry.school, entry.homeroom))


def _by_session() -> Caller | None:
    signed_in = _signed_in()
    return signed_in.caller if signed_in else None


def _by_token(scheme: str, credentials: str) -> Caller | None:
    if scheme not in ("bearer", "token"):
        return None
    now = utc_now()
    if access_tokens.has_form(credentials):
        return _by_access_token(credentials, now)
    rt_callers = registry().find(RtTokens)
    if rt_callers is not None and credentials.startswith("1-"):
        return _by_rt_token(rt_callers, credentials, now)
    with read_connection() as connection:
        owner = tokens.owner_of(connection, credentials, now=now)
    if owner is None:
        _record_rejected(credentials, now)
        return None
    if owner.last_used_is_due(now):
        with _bookkeeping("last use of a token"), transaction(durable=False, brief=True) as session:
            tokens.record_use(session, owner.token_id, now=now)
    _record_new_address(f"token {owner.token_id}", now, user_id=owner.user_id)
    return Caller(owner.user_id, owner.name, owner.role, owner.student_id, owner.school, owner.homeroom)


def _by_access_token(token: str, now: datetime) -> Caller | None:
    claims, owner = registry().get(TokenService).read(token, now=now), None
    if claims is not None:
        with read_connection() as connection:
            owner = access_tokens.owner_of(connection, claims)
    if owner is None:
        _record_rejected(token, now)
        return None
    _record_new_address(f"access {owner.user_id}", now, user_id=owner.user_id)
    return Caller(owner.user_id, owner.name, owner.role, owner.student_id, owner.school, owner.homeroom)


def _by_rt_token(rt_callers: RtTokens, token: str, now: datetime) -> Caller | None:
    identity = rt_callers.identity(token, origin().network)
    if identity is None:
        _record_rejected(token, now)
        return None
    with reading() as session:
        user = account_of(session, identity)
    known_as = f"{identity.name} (Request Tracker)"
    role = settings().rt_privileged_role
    if user is not None and user.active:
        caller = Caller(user.id, user.name, user.role, user.student_id, user.school, user.homeroom)
    elif user is None and identity.privileged and role:
        caller = Caller(None, known_as, role)
    else:
        _record_rejected(token, now)
        return None
    _record_new_address(f"rt {identity.id}", now, user_id=caller.user_id, name=known_as)
    return caller


def _record_rejected(token: str, now: datetime) -> None:
    """Records a rejected token, once a minute for each network."""
    with reading() as session:
        if login_events.recently_recorded(session, LoginKind.TOKEN_REFUSED, origin(), now=now):
            return
    with _bookkeeping("rejected token"), transaction(brief=True) as session:
        shown = f"begins with {token[:4]}" if token.startswith(tokens.TOKEN_PREFIX) else None
        login_events.record(
            session, LoginKind.TOKEN_REFUSED, origin(), key=key_hash(token[: tokens.MAX_TOKEN_LENGTH]), now=now, detail=shown
        )


def _record_denied(actor: Actor, permission: str) -> None:
    """Records a denied request, once a minute for each caller and network."""
    now, key = utc_now(), key_hash(actor.name)
    with reading() as session:
        if login_events.recently_recorded(session, LoginKind.FORBIDDEN, origin(), key=key, now=now):
            return
    with _bookkeeping("denied request"), transaction(brief=True) as session:
        user = _user(session, actor.user_id)
        detail = f"{request.method} {request.url_rule} needs {permission}"
        login_events.record(session, LoginKind.FORBIDDEN, origin(), user=user, name=actor.name, key=key, now=now, detail=detail)


def _record_new_address(token_key: str, now: datetime, *, user_id: int | None, name: str | None = None) -> None:
    """Records the first use of a token from an address. A cache avoids a query for most requests."""
    known = registry().get(_KnownAddresses)
    use = (token_key, request.remote_addr)
    if use in known:
        return
    here, key = origin(), key_hash(token_key)
    with _bookkeeping("new address of a token"):
        with transaction(brief=True) as session:
            if not login_events.is_recorded(session, LoginKind.TOKEN_USED, here, key=key):
                login_events.record(
                    session, LoginKind.TOKEN_USED, here, user=_user(session, user_id), name=name, key=key, now=now, detail=token_key
                )
        known[use] = None
    while len(known) > MAX_KNOWN_ADDRESSES:
        known.popitem(last=False)


@contextmanager
def _bookkeeping(what: str) -> Iterator[None]:
    """Around what is recorded about a request. If it cannot be recorded, because the disk is full or another transaction has the lock, the
    request is answered all the same; one that fails for the same reason says so itself."""
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        log.warning("not recorded", what=what, error=str(getattr(error, "orig", error)))


def _user(session: Session, user_id: int | None) -> User | None:
    return session.get(User, user_id) if user_id is not None else None


def _known_browser(name: str) -> tuple[str, str]:
    """This browser's id for the account with this name, and the fingerprint of the password used then; empty if it never signed in."""
    number, _, password = _known_accounts().get(_key(name), "").partition(" ")
    return number, password


def _remember_browser(response: Response, name: str, password: str) -> Response:
    """Sets the cookie that remembers that the account has signed in with the password with this fingerprint."""
    known = _known_accounts()
    number = known.pop(_key(name), "").partition(" ")[0] or secrets.token_urlsafe(12)
    remembered = dict([*known.items(), (_key(name), f"{number} {password}")][-MAX_ACCOUNTS:])
    secure = current_app.session_interface.get_cookie_secure(current_app)
    response.set_cookie(BROWSER_COOKIE, _signer().dumps(remembered), max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    return response


def _known_accounts() -> dict[str, str]:
    try:
        return dict(_signer().loads(request.cookies.get(BROWSER_COOKIE, "")))
    except BadSignature:
        return {}


def _key(name: str) -> str:
    return key_hash(name.strip().lower())[:_KEY_LENGTH]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="browsers of an account")
