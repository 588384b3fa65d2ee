"""Accounts of people, by the names with which they sign in."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.people_errors import InvalidPersonField
from request_tracker_utils.core.translation import gettext as _

NO_ACCOUNT = 0
"""What PersonFields has for a person without an account."""


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
