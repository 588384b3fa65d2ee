"""Accounts of people, by the names with which they sign in."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.people_errors import InvalidPersonField
from request_tracker_utils.core.translation import gettext as _

_LOOKED_UP = 500
NO_ACCOUNT = 0
"""What PersonFields has for a person without an account."""


class Account(NamedTuple):
    id: int
    name: str


def account_names(session: Session, people: Iterable[AttendancePerson]) -> dict[int, str]:
    """The names of the accounts of these people, by ID of the person."""
    accounts = {each.account_id: each.id for each in people if each.account_id is not None}
    if not accounts:
        return {}
    found = session.execute(select(User.id, User.name).where(User.id.in_(accounts)))
    return {accounts[account_id]: name for account_id, name in found}


def account_id_of(session: Session, name: str) -> int:
    """The ID of the account with this name; NO_ACCOUNT for an empty name. Raises InvalidPersonField."""
    if not (key := name.replace("\0", "\ufffd").strip().casefold()):
        return NO_ACCOUNT
    found = session.scalar(select(User.id).where(User.name_key == key))
    if found is None:
        raise InvalidPersonField(_("No account has this name."), field="account")
    return found


def accounts_called(session: Session, texts: Collection[str]) -> dict[str, list[Account]]:
    """The accounts with these names or e-mail addresses, by these without case. Several accounts may have one e-mail address, and a name
    is preferred."""
    keys = sorted(set(texts))
    named, mailed = dict[str, list[Account]](), defaultdict[str, list[Account]](list)
    for start in range(0, len(keys), _LOOKED_UP):
        part = keys[start : start + _LOOKED_UP]
        is_called = (User.name_key.in_([each.casefold() for each in part]), User.email_key.in_([each.lower() for each in part]))
        query = select(User.id, User.name, User.name_key, User.email_key).where(or_(*is_called))
        for user_id, name, name_key, email_key in session.execute(query.order_by(User.id)):
            named[name_key] = [Account(user_id, name)]
            if email_key:
                mailed[email_key.casefold()].append(Account(user_id, name))
    return {**mailed, **named}
