"""Compares rows of a file with the people: which person a row is about, and what it changes.

A row is about the person to whom its user ID belongs, if the names agree; otherwise about the person with its account. A user ID never goes
from one person to another unless the row says from which day on. The first row about a person decides what the file says about them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.people import Identity, Owner, ids_of, owners
from request_tracker_utils.attendance.people_accounts import Account, accounts_called
from request_tracker_utils.attendance.people_changes import MAX_IDS, SiteId
from request_tracker_utils.attendance.people_conflicts import is_same_name
from request_tracker_utils.core.translation import gettext as _

_LOOKED_UP = 500


@dataclass(frozen=True)
class PersonRow:
    """A row of a file. Empty fields change nothing. `is_dated` says that the file has first days."""

    site_id: SiteId
    is_dated: bool
    name: str = ""
    account: str = ""
    notes: str = ""


@dataclass
class Target:
    """A person as the file changes them. New ones have negative IDs. `decided` are the fields about which a row has said something."""

    id: int
    name: str
    account: Account | None = None
    notes: str = ""
    ids: int = 0
    updated_at: Any = None
    decided: set[str] = field(default_factory=set)

    @property
    def is_new(self) -> bool:
        return self.id < 0


@dataclass(frozen=True)
class Match:
    """What a row does. `before` are the values of the fields that it changes."""

    target: Target
    adds_id: bool
    before: Mapping[str, str]


class Refused(Exception):
    """Why a row is skipped."""


class Matching:
    """Rows are matched one after another, each with the people as the former ones leave them."""

    def __init__(self, session: Session, rows: Sequence[PersonRow]) -> None:
        self._owners = owners(session, {row.site_id.user_id for row in rows})
        self._days = {(identity, begin) for identity, begin, _owner in self._owners}
        self._accounts = accounts_called(session, {row.account for row in rows if row.account})
        self._people = {each.id: each for each in self._load(session)}
        self._by_account = {each.account.id: each for each in self._people.values() if each.account}
        self._last_new = 0

    def match(self, row: PersonRow) -> Match:
        """Raises Refused."""
        account = self._account(row.account)
        target = self._owner(row, account)
        adds_id = target is None
        if target is None:
            target = self._new_owner(row, account)
        if account and self._by_account.get(account.id, target) is not target:
            raise Refused(_("The account is already linked to %(name)s.", name=self._by_account[account.id].name))
        is_theirs = account is not None and target.account == account
        if account and not is_theirs and "account" in target.decided:
            raise Refused(_("An earlier row has another account for %(name)s.", name=target.name))
        before = self._decide(target, row, account, is_theirs=is_theirs)
        if adds_id:
            self._add_id(target, row.site_id)
        return Match(target, adds_id, before)

    def _account(self, text: str) -> Account | None:
        if not text:
            return None
        found = self._accounts.get(text.casefold(), [])
        if not found:
            raise Refused(_("No account has the name or e-mail address %(account)s.", account=text))
        if len(found) > 1:
            raise Refused(_("Several accounts have the e-mail address %(account)s. Enter the account’s name.", account=text))
        return found[0]

    def _owner(self, row: PersonRow, account: Account | None) -> Target | None:
        """The person to whom the user ID belongs; None if it is free, or belongs to another person only until the row's first day."""
        wanted, identity = row.site_id, row.site_id.identity
        known = self._owners.on(*identity, wanted.valid_from) if row.is_dated else self._owners.latest(identity)
        if known is None:
            return None
        target = self._people[known.id]
        is_theirs = account is not None and target.account == account
        if not row.name or is_theirs or is_same_name(row.name, target.name) or is_same_name(target.name, row.name):
            return target
        if row.is_dated and (identity, wanted.valid_from) not in self._days:
            return None
        raise Refused(
            _(
                "The user ID belongs to %(name)s. Change that name first, or add the first day from which it belongs to %(other)s.",
                name=target.name,
                other=row.name,
            )
        )

    def _new_owner(self, row: PersonRow, account: Account | None) -> Target:
        """The person to whom a free user ID will belong."""
        target = self._by_account.get(account.id) if account else None
        if target is None:
            if not row.name:
                raise Refused(_("The name is missing."))
            self._last_new -= 1
            target = Target(self._last_new, row.name)
        if target.ids >= MAX_IDS:
            raise Refused(_("A person has at most %(number)s user IDs.", number=MAX_IDS))
        return target

    def _decide(self, target: Target, row: PersonRow, account: Account | None, *, is_theirs: bool) -> dict[str, str]:
        before = dict[str, str]()
        is_longer = is_theirs or is_same_name(row.name, target.name)  # a name that is cut changes nothing
        if row.name and "name" not in target.decided and row.name != target.name and is_longer:
            before["name"], target.name = target.name, row.name
        if account and not is_theirs:
            before["account"], target.account = target.account.name if target.account else "", account
            self._by_account[account.id] = target
        if row.notes and "notes" not in target.decided and row.notes != target.notes:
            before["notes"], target.notes = target.notes, row.notes
        target.decided |= {name for name, text in (("name", row.name), ("account", row.account), ("notes", row.notes)) if text}
        return before

    def _add_id(self, target: Target, site_id: SiteId) -> None:
        target.ids += 1
        self._people[target.id] = target
        self._owners.add(site_id.identity, site_id.valid_from, Owner(target.id, target.name))
        self._days.add((site_id.identity, site_id.valid_from))

    def _load(self, session: Session) -> Iterator[Target]:
        """The people with these user IDs or accounts."""
        ids = {owner.id for _identity, _begin, owner in self._owners}
        accounts = sorted({each.id for found in self._accounts.values() for each in found})
        for start in range(0, len(accounts), _LOOKED_UP):
            linked = AttendancePerson.account_id.in_(accounts[start : start + _LOOKED_UP])
            ids |= set(session.scalars(select(AttendancePerson.id).where(linked)))
        wanted = sorted(ids)
        counts = ids_of(session, wanted)
        for start in range(0, len(wanted), _LOOKED_UP):
            query = select(AttendancePerson, User.id, User.name).outerjoin(User, User.id == AttendancePerson.account_id)
            for person, account_id, account in session.execute(query.where(AttendancePerson.id.in_(wanted[start : start + _LOOKED_UP]))):
                linked_to = None if account_id is None else Account(account_id, account)
                yield Target(person.id, person.name, linked_to, person.notes, len(counts[person.id]), person.updated_at)


def row_key(site_id: SiteId, *, is_dated: bool) -> str:
    """Equal for rows about one user ID and first day."""
    identity: Identity = site_id.identity
    begin: date | str = site_id.valid_from if is_dated else ""
    return f"{identity.site_key}\n{identity.user_id}\n{begin}"
