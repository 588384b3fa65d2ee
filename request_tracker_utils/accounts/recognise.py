"""Gives `web/auth` the ways of recognising a caller: Flask-Login's session and the personal token."""

from datetime import timedelta

from flask import Flask, request
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from request_tracker_utils.accounts import service
from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import looking, reading, transaction
from request_tracker_utils.web.auth import Caller, Recognisers, install_recognisers
from request_tracker_utils.web.house import settings

login_manager = LoginManager()


class SignedIn(UserMixin):  # type: ignore[misc]
    """The user of this session, as Flask-Login wants it: its id is the session's key, not the user's number."""

    def __init__(self, key: str, user: User) -> None:
        self.key, self.caller = key, Caller(user.id, user.name, user.role)

    def get_id(self) -> str:
        return self.key


def install(app: Flask) -> None:
    login_manager.session_protection = None  # people on phones change addresses; sessions are listed and can be ended
    login_manager.init_app(app, add_context_processor=False)  # pages ask web/auth, and error pages nobody
    login_manager.user_loader(_load)
    install_recognisers(app, Recognisers(session=_of_session, token=_of_token))


def begin(user: User) -> None:
    """Signs the user in on this browser, in a fresh session."""
    lifetime = timedelta(days=settings().session_days)
    with transaction() as session:
        agent = request.user_agent.string
        key = service.open_session(session, user, lifetime=lifetime, address=request.remote_addr or "", agent=agent, now=utc_now())
    login_user(SignedIn(key, user))


def end() -> None:
    """Signs this browser out, here and in the database."""
    if isinstance(current_user._get_current_object(), SignedIn):
        with transaction() as session:
            service.end_session(session, current_user.key, now=utc_now())
    logout_user()


def _load(key: str) -> SignedIn | None:
    with reading() as session:
        user = service.user_of_session(session, key, now=utc_now())
        return SignedIn(key, user) if user else None


def _of_session() -> Caller | None:
    return current_user.caller if current_user.is_authenticated else None


def _of_token(scheme: str, credentials: str) -> Caller | None:
    if scheme not in ("bearer", "token"):
        return None
    now = utc_now()
    with looking() as connection:
        owner = service.owner_of_token(connection, credentials, now=now)
    if owner is None:
        return None
    if owner.use_is_due(now):
        with transaction() as session:
            service.record_use(session, owner.token_id, now=now)
    return Caller(owner.user_id, owner.name, owner.role)
