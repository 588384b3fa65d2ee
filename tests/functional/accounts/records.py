"""What the database has about accounts."""

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.accounts import links, service
from request_tracker_utils.accounts.current.messages import keys
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, User
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from tests.services.apps import user


def account(app: Flask, name: str) -> User:
    with app.app_context(), reading() as session:
        return service.user_named(session, name)


def made(app: Flask, role: str, name: str) -> int:
    """A new account's number; its password is PASSWORD."""
    return account(app, user(app, role, name)).id


def recorded(app: Flask, kind: LoginKind | None = None) -> list[LoginEvent]:
    """What is on record, the oldest first."""
    query = select(LoginEvent).order_by(LoginEvent.id)
    with app.app_context(), reading() as session:
        return list(session.scalars(query.where(LoginEvent.kind == str(kind)) if kind else query))


def invited(app: Flask, role: str = "staff", email: str | None = None) -> str:
    """The key of a new invitation by ada."""
    with app.app_context(), transaction() as session:
        return links.invite(session, role=role, email=email, created_by="ada", keys=keys, now=utc_now())[1]
