"""Users of terminals without a person, and conflicts of names and IDs, which a person resolves.

Conflicts are computed from the tables of users, the people and what was decided, so that a new name on a terminal is a conflict at once.
A decision is stored by the conflict's fingerprint: with other names or IDs, it is another conflict.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.attendance.models import AttendancePerson, NameDecision, PersonId, Terminal, TerminalUserRow
from request_tracker_utils.attendance.people import Identity, Owner, Owners, ids_of, owners
from request_tracker_utils.core.text import search_key

SHORTEST_CUT = 7
"""Terminals cut names; some store 8 bytes. A name that begins with at least so many characters of a terminal's is the same."""


MOST_LOOKED_UP = 500
"""User IDs that are looked up one by one. Of more, all are read."""
_TERMINAL = (Terminal, Terminal.id == TerminalUserRow.terminal_id)
_NAMED = (TerminalUserRow.removed_at.is_(None), TerminalUserRow.name != "")
_LATER = aliased(PersonId)
_IS_LATEST = ~exists().where(
    _LATER.user_id == PersonId.user_id, _LATER.site_key == PersonId.site_key, _LATER.valid_from > PersonId.valid_from
)
_IS_PERSON = (
    exists()
    .where(PersonId.user_id == TerminalUserRow.user_id, PersonId.site_key == Terminal.site_key, _IS_LATEST)
    .where(AttendancePerson.id == PersonId.person_id, AttendancePerson.name == TerminalUserRow.name)
)
"""Whether a terminal names a user exactly as the person to whom the user ID belongs."""


class ConflictKind(StrEnum):
    TWO_NAMES = "two_names"
    """One user ID has different names on terminals of one site."""
    SAME_NAME = "same_name"
    """One name has several user IDs or people."""
    REASSIGNED = "reassigned"
    """A terminal has another name than the person to whom the user ID belongs."""


class Choice(StrEnum):
    """How a person resolves a conflict."""

    SAME = "same"
    """One person."""
    DIFFERENT = "different"
    """Different people with the same name."""
    RENAME = "rename"
    """One person, who gets the terminal's name."""
    OTHER = "other"
    """Another person from a day on."""


CHOICES = {
    ConflictKind.TWO_NAMES: (Choice.SAME,),
    ConflictKind.SAME_NAME: (Choice.SAME, Choice.DIFFERENT),
    ConflictKind.REASSIGNED: (Choice.OTHER, Choice.RENAME, Choice.SAME),
}


class TerminalName(NamedTuple):
    """A user as a terminal names them. `since` is the day of its last change, in the terminal's zone."""

    user_id: str
    name: str
    site: str
    terminal: str
    since: date

    @property
    def identity(self) -> Identity:
        return Identity(self.site.casefold(), self.user_id)


@dataclass(frozen=True)
class NameConflict:
    """`names` are as the terminals have them, `people` those concerned."""

    kind: ConflictKind
    fingerprint: str
    names: Sequence[TerminalName] = ()
    people: Sequence[Owner] = ()

    @property
    def choices(self) -> Sequence[Choice]:
        return CHOICES[self.kind]

    @property
    def since(self) -> date | None:
        """When the name appeared first."""
        return min((each.since for each in self.names), default=None)


@dataclass(frozen=True)
class Review:
    """`unassigned` are users without a person, one for each user ID of a site; `ready` those of them without an open conflict."""

    unassigned: list[TerminalName] = field(default_factory=list)
    ready: list[TerminalName] = field(default_factory=list)
    conflicts: list[NameConflict] = field(default_factory=list)


def review(session: Session) -> Review:
    """All users of terminals against all people."""
    by_identity = defaultdict[Identity, list[TerminalName]](list)
    for each in _terminal_names(session):
        by_identity[each.identity].append(each)
    user_ids = {identity.user_id for identity in by_identity}
    known, decided = (
        owners(session, user_ids if len(user_ids) <= MOST_LOOKED_UP else None),
        set(session.scalars(select(NameDecision.fingerprint))),
    )
    found, blocked = list[NameConflict](), set[Identity]()
    unassigned = dict[Identity, TerminalName]()
    for identity, names in sorted(by_identity.items()):
        conflict = next((each for each in _of_identity(identity, names, known) if each.fingerprint not in decided), None)
        if conflict is not None:
            found.append(conflict)
            blocked.add(identity)
        if known.latest(identity) is None:
            unassigned[identity] = max(names, key=lambda each: len(each.name))  # the others may be cut
    for conflict in _same_names(session, unassigned.values()):
        if conflict.fingerprint not in decided:
            found.append(conflict)
            blocked |= {each.identity for each in conflict.names}
    ready = [each for identity, each in unassigned.items() if identity not in blocked]
    return Review(list(unassigned.values()), ready, found)


def is_same_name(name: str, on_terminal: str) -> bool:
    """Whether a terminal's name can be that of a person: in another order of its words, or cut."""
    key, theirs = search_key(name), search_key(on_terminal)
    return _words(key) == _words(theirs) or (len(theirs) >= SHORTEST_CUT and key.startswith(theirs))


def _terminal_names(session: Session) -> list[TerminalName]:
    """The users of terminals, without those of user IDs that all terminals name exactly as their person: those are almost all."""
    other = set(session.execute(select(TerminalUserRow.user_id, Terminal.site_key).join(*_TERMINAL).where(*_NAMED, ~_IS_PERSON)).all())
    if not other:
        return []
    columns = (TerminalUserRow.user_id, TerminalUserRow.name, TerminalUserRow.changed_at)
    query = select(*columns, Terminal.site, Terminal.site_key, Terminal.name, Terminal.timezone).join(*_TERMINAL).where(*_NAMED)
    if len(other) <= MOST_LOOKED_UP:
        query = query.where(TerminalUserRow.user_id.in_({user_id for user_id, _site in other}))
    found = []
    for user_id, name, at, site, site_key, terminal, zone in session.execute(
        query.order_by(Terminal.name_key, Terminal.id, TerminalUserRow.id)
    ):
        if (user_id, site_key) in other and (shown := " ".join(name.split())):
            found.append(TerminalName(user_id, shown, site, terminal, _day(at, zone)))
    return found


def _of_identity(identity: Identity, names: Sequence[TerminalName], known: Owners) -> Iterator[NameConflict]:
    """The first one is to be resolved before the second."""
    distinct = {search_key(each.name): each for each in reversed(names)}
    shown = list(distinct.values())[::-1]
    longest = max(shown, key=lambda each: len(each.name))
    if len(shown) > 1 and any(not is_same_name(longest.name, each.name) for each in shown):
        yield NameConflict(ConflictKind.TWO_NAMES, _fingerprint(ConflictKind.TWO_NAMES, *identity, *sorted(distinct)), shown)
    owner = known.latest(identity)
    if owner is not None and not any(is_same_name(owner.name, each.name) or is_same_name(each.name, owner.name) for each in shown):
        fingerprint = _fingerprint(ConflictKind.REASSIGNED, *identity, str(owner.id), search_key(owner.name), *sorted(distinct))
        yield NameConflict(ConflictKind.REASSIGNED, fingerprint, shown, [owner])


def _same_names(session: Session, unassigned: Collection[TerminalName]) -> list[NameConflict]:
    users, people = defaultdict[str, list[TerminalName]](list), defaultdict[str, list[Owner]](list)
    for each in unassigned:
        users[_words(search_key(each.name))].append(each)
    for person_id, name, key in session.execute(select(AttendancePerson.id, AttendancePerson.name, AttendancePerson.name_key)):
        people[_words(key)].append(Owner(person_id, name))
    several = sorted(words for words in users.keys() | people.keys() if len(users.get(words, ())) + len(people.get(words, ())) > 1)
    ids = ids_of(session, [each.id for words in several for each in people.get(words, ())])
    found = []
    for words in several:
        names, same = users.get(words, []), people.get(words, [])
        # By user IDs, so that a decision about users of terminals stays when people are created from them.
        firsts = [
            min((Identity(id.site_key, id.user_id) for id in ids[each.id]), default=Identity("", f"person {each.id}")) for each in same
        ]
        parts = ["\n".join(each) for each in (*(each.identity for each in names), *firsts)]
        found.append(NameConflict(ConflictKind.SAME_NAME, _fingerprint(ConflictKind.SAME_NAME, words, *sorted(parts)), names, same))
    return found


def _words(key: str) -> str:
    """A name’s search key without the order of its words: "Lovelace, Ada" is "Ada Lovelace"."""
    return " ".join(sorted(key.replace(",", " ").split()))


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()
