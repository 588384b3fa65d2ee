"""Users of terminals without a person, and conflicts of names and IDs, which a person resolves.

Conflicts are computed from the tables of users, the people and what was decided, so that a new name on a terminal is a conflict at once.
A decision is stored by the conflict's fingerprint: with other names or IDs, it is another conflict.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import AttendancePerson, NameDecision, Terminal, TerminalUserRow
from request_tracker_utils.attendance.people import Identity, Owner, Owners, owners
from request_tracker_utils.core.text import search_key

SHORTEST_CUT = 7
"""Terminals cut names; some store 8 bytes. A name that begins with at least so many characters of a terminal's is the same."""


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


@dataclass(frozen=True)
class TerminalName:
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
    known, decided = owners(session), set(session.scalars(select(NameDecision.fingerprint)))
    found, blocked = list[NameConflict](), set[Identity]()
    unassigned = list[TerminalName]()
    for identity, names in sorted(by_identity.items()):
        conflict = next((each for each in _of_identity(identity, names, known) if each.fingerprint not in decided), None)
        if conflict is not None:
            found.append(conflict)
            blocked.add(identity)
        if known.latest(identity) is None:
            unassigned.append(max(names, key=lambda each: len(each.name)))  # the others may be cut
    for conflict in _same_names(session, unassigned, known):
        if conflict.fingerprint not in decided:
            found.append(conflict)
            blocked |= {each.identity for each in conflict.names}
    ready = [each for each in unassigned if each.identity not in blocked]
    return Review(unassigned, ready, found)


def is_same_name(name: str, on_terminal: str) -> bool:
    """Whether a terminal's name can be that of a person: in another order of its words, or cut."""
    key, theirs = search_key(name), search_key(on_terminal)
    return _words(key) == _words(theirs) or (len(theirs) >= SHORTEST_CUT and key.startswith(theirs))


def _terminal_names(session: Session) -> list[TerminalName]:
    columns = (TerminalUserRow.user_id, TerminalUserRow.name, TerminalUserRow.changed_at, Terminal.site, Terminal.name, Terminal.timezone)
    query = select(*columns).join(Terminal, Terminal.id == TerminalUserRow.terminal_id)
    query = query.where(TerminalUserRow.removed_at.is_(None)).order_by(Terminal.name_key, Terminal.id, TerminalUserRow.id)
    found = []
    for user_id, name, changed_at, site, terminal, zone in session.execute(query):
        if name.strip():
            found.append(TerminalName(user_id, " ".join(name.split()), site, terminal, _day(changed_at, zone)))
    return found


def _of_identity(identity: Identity, names: Sequence[TerminalName], known: Owners) -> Iterator[NameConflict]:
    """The first one is to be resolved before the second."""
    distinct = {search_key(each.name): each for each in reversed(names)}
    shown = list(distinct.values())[::-1]
    longest = max(shown, key=lambda each: len(each.name))
    if any(not is_same_name(longest.name, each.name) for each in shown):
        yield NameConflict(ConflictKind.TWO_NAMES, _fingerprint(ConflictKind.TWO_NAMES, *identity, *sorted(distinct)), shown)
    owner = known.latest(identity)
    if owner is not None and not any(is_same_name(owner.name, each.name) or is_same_name(each.name, owner.name) for each in shown):
        fingerprint = _fingerprint(ConflictKind.REASSIGNED, *identity, str(owner.id), search_key(owner.name), *sorted(distinct))
        yield NameConflict(ConflictKind.REASSIGNED, fingerprint, shown, [owner])


def _same_names(session: Session, unassigned: Sequence[TerminalName], known: Owners) -> list[NameConflict]:
    users, people = defaultdict[str, list[TerminalName]](list), defaultdict[str, list[Owner]](list)
    for each in unassigned:
        users[_words(search_key(each.name))].append(each)
    for person_id, name, key in session.execute(select(AttendancePerson.id, AttendancePerson.name, AttendancePerson.name_key)):
        people[_words(key)].append(Owner(person_id, name))
    found, firsts = [], known.first_identities()
    for words in sorted(users.keys() | people.keys()):
        names, same = users.get(words, []), people.get(words, [])
        if len(names) + len(same) > 1:
            # By user IDs, so that a decision about users of terminals stays when people are created from them.
            identities = [*(each.identity for each in names), *(firsts.get(each.id, Identity("", f"person {each.id}")) for each in same)]
            parts = ["\n".join(each) for each in identities]
            found.append(NameConflict(ConflictKind.SAME_NAME, _fingerprint(ConflictKind.SAME_NAME, words, *sorted(parts)), names, same))
    return found


def _words(key: str) -> str:
    """A name’s search key without the order of its words: "Lovelace, Ada" is "Ada Lovelace"."""
    return " ".join(sorted(key.replace(",", " ").split()))


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()
