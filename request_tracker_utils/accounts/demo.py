"""Accounts to explore the program with. Nobody knows a password of theirs: each is chosen with a one-time link."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import links, service
from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.core.actor import of_command

ADMIN = "demo-admin"
PEOPLE = {"demo-staff": Role.STAFF, "demo-teacher": Role.TEACHER, "demo-user": Role.USER}


def has_accounts(session: Session) -> bool:
    return bool(session.scalar(select(exists().select_from(User))))


def seed(session: Session, *, now: datetime) -> list[tuple[User, str]]:
    """Creates an account of each role but student, and returns it with the key of its password link. Creates none if there is any account,
    so a repetition changes nothing."""
    if has_accounts(session):
        return []
    administrator = service.create_user(session, name=ADMIN, role=Role.ADMIN, actor=of_command(), now=now)
    people = [administrator, *add_people(session, now=now).values()]
    session.flush()
    return [(user, links.new_password_key(session, user, now=now)) for user in people]


def add_people(session: Session, *, now: datetime) -> dict[str, User]:
    """The accounts other than the administrator's, by name. Those that exist already stay as they are."""
    found = {user.name: user for user in session.scalars(select(User).where(User.name_key.in_(PEOPLE)))}
    return {
        name: found.get(name) or service.create_user(session, name=name, role=role, actor=of_command(), now=now)
        for name, role in PEOPLE.items()
    }
