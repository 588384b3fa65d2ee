"""People: who a user ID of a site belongs to on a day, the punches of a person, and finding people by name.

A person has user IDs, each at a site and from a day on, because two sites use the same ID for different people, and terminals assign an ID
again. A name is compared without case and accents.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import NamedTuple, TypeVar

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import ALWAYS, AttendancePerson, PersonId, Punch, Terminal
from request_tracker_utils.attendance.people_errors import PersonNotFound
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _

T = TypeVar("T")
_LOOKED_UP = 500
"""Values in one query."""


class Identity(NamedTuple):
    """A user ID at a site."""

    site_key: str
    user_id: str


class Owner(NamedTuple):
    """The person to whom a user ID belongs."""

    id: int
    name: str


@dataclass(frozen=True)
class Owners:
    """Who user IDs belong to. The latest owner of each is first."""

    _owners: dict[Identity, list[tuple[date, Owner]]] = field(default_factory=lambda: defaultdict(list))

    def on(self, site_key: str, user_id: str, day: date) -> Owner | None:
        """The person with this ID on a day by the terminal's own time."""
        return next((owner for begin, owner in self._owners.get(Identity(site_key, user_id), ()) if begin <= day), None)

    def latest(self, identity: Identity) -> Owner | None:
        """The person to whom the ID belongs from its last day on."""
        return self._owners[identity][0][1] if identity in self._owners else None

    def is_constant(self, identity: Identity) -> bool:
        """Whether the ID has always belonged to its latest owner, or to nobody."""
        owners = self._owners.get(identity, ())
        return not owners or owners[0][0] == ALWAYS

    def __iter__(self) -> Iterator[tuple[Identity, date, Owner]]:
        """Each ID, from which day on it belongs to an owner, and that owner."""
        return ((identity, begin, owner) for identity, owners in self._owners.items() for begin, owner in owners)

    def add(self, identity: Identity, begin: date, owner: Owner) -> None:
        insort(self._owners[identity], (begin, owner), key=lambda each: -each[0].toordinal())


def owners(session: Session, user_ids: Collection[str] | None = None) -> Owners:
    """The owners of these user IDs at all sites; of all if None. Two queries for a page of punches, whatever its length."""
    columns = (PersonId.site_key, PersonId.user_id, PersonId.valid_from, AttendancePerson.id, AttendancePerson.name)
    query = select(*columns).join(AttendancePerson, AttendancePerson.id == PersonId.person_id).order_by(PersonId.valid_from.desc())
    found = Owners()
    parts = [query] if user_ids is None else [query.where(PersonId.user_id.in_(part)) for part in _parts(sorted(set(user_ids)))]
    for part in parts:
        for site_key, user_id, begin, person_id, name in session.execute(part):
            found.add(Identity(site_key, user_id), begin, Owner(person_id, name))
    return found


def punches_of(session: Session, person_id: int) -> ColumnElement[bool]:
    """Matches the punches of a person: those of their user IDs at the terminals of each site, while the IDs belong to them."""
    own = session.scalars(select(PersonId).where(PersonId.person_id == person_id)).all()
    conditions: list[ColumnElement[bool]] = [false()]
    for each in own:
        same = (PersonId.user_id == each.user_id, PersonId.site_key == each.site_key, PersonId.valid_from > each.valid_from)
        end = session.scalar(select(PersonId.valid_from).where(*same).order_by(PersonId.valid_from).limit(1))
        terminals = select(Terminal.id).where(Terminal.site_key == each.site_key).scalar_subquery()
        of_id = [Punch.user_id == each.user_id, Punch.terminal_id.in_(terminals)]
        if each.valid_from != ALWAYS:
            of_id.append(Punch.terminal_time >= datetime.combine(each.valid_from, time()))
        if end is not None:
            of_id.append(Punch.terminal_time < datetime.combine(end, time()))
        conditions.append(and_(*of_id))
    return or_(*conditions)


def person_of_account(session: Session, account_id: int | None) -> AttendancePerson | None:
    """The person to whom an account is linked."""
    return None if account_id is None else session.scalar(select(AttendancePerson).where(AttendancePerson.account_id == account_id))


def find_person(session: Session, person_id: int) -> AttendancePerson:
    """Raises PersonNotFound."""
    if (person := find_row(session, AttendancePerson, person_id)) is None:
        raise PersonNotFound(_("Person %(id)s was not found.", id=person_id))
    return person


def list_people(session: Session, text: str = "", *, size: int, after: Cursor | None = None, offset: int = 0) -> Page[AttendancePerson]:
    """By name. `text` is a part of the name, or a user ID."""
    return _matching(text).page(session, size=size, after=after, offset=offset)


def count_people(session: Session, text: str = "") -> int:
    return _matching(text).count(session)


def ids_of(session: Session, people: Sequence[int]) -> dict[int, list[PersonId]]:
    """The user IDs of these people, by site."""
    found: dict[int, list[PersonId]] = {person_id: [] for person_id in people}
    for part in _parts(people):
        query = select(PersonId).where(PersonId.person_id.in_(part))
        for each in session.scalars(query.order_by(PersonId.site_key, PersonId.user_id, PersonId.valid_from)):
            found[each.person_id].append(each)
    return found


def people_named(session: Session, text: str, *, limit: int) -> list[Owner]:
    """For suggestions: the first people with this part of a name, or this user ID."""
    return [Owner(person.id, person.name) for person in list_people(session, text, size=limit).rows]


def _matching(text: str) -> KeysetQuery[AttendancePerson]:
    conditions = []
    if key := search_key(text):
        with_id = select(PersonId.person_id).where(PersonId.user_id == text.strip().replace("\0", "\ufffd"))
        conditions = [or_(AttendancePerson.name_key.contains(key, autoescape=True), AttendancePerson.id.in_(with_id))]
    return KeysetQuery(AttendancePerson, [Segment((AttendancePerson.name_key, AttendancePerson.id))], conditions)


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _LOOKED_UP):
        yield values[start : start + _LOOKED_UP]
