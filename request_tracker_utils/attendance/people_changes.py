"""Changes people and their user IDs: create, change, delete, merge, split, and assign an ID to another person from a day on."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.attendance.models import ALWAYS, AttendancePerson, PeopleChange, PersonId
from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.attendance.models.terminals import MAX_NAME, MAX_SITE
from request_tracker_utils.attendance.people import Identity, find_person, ids_of, owners
from request_tracker_utils.attendance.people_errors import (
    AccountTaken,
    InvalidPersonField,
    PeopleMerged,
    PersonNotFound,
    UserIdOfOther,
    UserIdTaken,
)
from request_tracker_utils.attendance.people_history import recorded, were_merged
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.text import clean, clean_identifier, search_key, unprintable_character
from request_tracker_utils.core.translation import gettext as _

MAX_NOTES, MAX_IDS = 2_000, 100


class SiteId(NamedTuple):
    """A user ID at a site, from a day on, as somebody enters it."""

    user_id: str
    site: str = ""
    valid_from: date = ALWAYS

    def checked(self) -> "SiteId":
        """Raises InvalidPersonField."""
        user_id = _checked(clean_identifier(self.user_id), "user_id", MAX_USER_ID)
        if not user_id:
            raise InvalidPersonField(_("Enter a user ID."), field="user_id")
        return SiteId(user_id, _checked(clean(self.site), "site", MAX_SITE), self.valid_from)

    @property
    def identity(self) -> Identity:
        return Identity(self.site.casefold(), self.user_id)

    def __str__(self) -> str:
        return f"{self.user_id} ({self.site})" if self.site else self.user_id


@dataclass(frozen=True)
class PersonFields:
    """What is changed; None stays as it is. `ids` replaces all user IDs. The account 0 means none."""

    name: str | None = None
    account_id: int | None = None
    notes: str | None = None
    ids: Sequence[SiteId] | None = None


def create(session: Session, fields: PersonFields, *, actor: Actor, now: datetime) -> AttendancePerson:
    """Raises InvalidPersonField, UserIdTaken, AccountTaken."""
    with recorded(session, PeopleChange.CREATED, actor=actor, now=now) as recording:
        person = _added(session, fields.name or "", now)
        recording.people.add(person.id)
        _apply(session, person, fields, actor, now)
    return person


def create_all(session: Session, found: Sequence[tuple[str, Sequence[SiteId]]], *, actor: Actor, now: datetime) -> int:
    """Creates people with these names and user IDs as one change. Raises InvalidPersonField, UserIdTaken."""
    if not found:
        return 0
    with recorded(session, PeopleChange.CREATED, actor=actor, now=now) as recording:
        people = [_new(name, now) for name, _ids in found]
        session.add_all(people)
        session.flush()
        recording.people |= {person.id for person in people}
        _add_ids(session, [(person, each) for person, (_name, ids) in zip(people, found, strict=True) for each in ids], actor, now)
    return len(found)


def change(session: Session, person_id: int, fields: PersonFields, *, actor: Actor, now: datetime) -> AttendancePerson:
    """Raises PersonNotFound, InvalidPersonField, UserIdTaken, AccountTaken."""
    find_person(session, person_id)
    with recorded(session, PeopleChange.CHANGED, [person_id], actor=actor, now=now):
        person = find_person(session, person_id)
        _apply(session, person, fields, actor, now)
        person.updated_at = now
    return person


def remove(session: Session, person_id: int, *, actor: Actor, now: datetime) -> None:
    """Deletes a person. Their punches remain, as those of a user ID without a person. Raises PersonNotFound."""
    find_person(session, person_id)
    with recorded(session, PeopleChange.DELETED, [person_id], actor=actor, now=now):
        session.delete(find_person(session, person_id))


def merge(session: Session, person_id: int, others: Collection[int], *, actor: Actor, now: datetime) -> AttendancePerson:
    """The other people are the same person: their user IDs, account and notes go to that one. Raises PersonNotFound, InvalidPersonField,
    AccountTaken, PeopleMerged."""
    others = sorted(set(others) - {person_id})
    if not others:
        raise InvalidPersonField(_("Choose another person to merge with."), field="people")
    person = find_person(session, person_id)
    try:
        for each in others:
            find_person(session, each)
    except PersonNotFound:
        if not were_merged(session, person_id, others):
            raise
        raise PeopleMerged(_("They were already merged into %(name)s.", name=person.name)) from None
    with recorded(session, PeopleChange.MERGED, [person_id, *others], actor=actor, now=now):
        person = find_person(session, person_id)
        for other in [find_person(session, each) for each in others]:
            account_id, notes = other.account_id, other.notes
            if None not in (person.account_id, account_id):
                raise AccountTaken(
                    _("%(name)s and %(other)s have different accounts. Remove one first.", name=person.name, other=other.name)
                )
            session.execute(update(PersonId).where(PersonId.person_id == other.id).values(person_id=person.id))
            session.delete(other)
            session.flush()
            person.account_id = person.account_id or account_id
            person.notes = "\n".join(filter(None, (person.notes, notes)))[:MAX_NOTES]
        person.updated_at = now
    return person


def split(session: Session, person_id: int, ids: Collection[int], name: str, *, actor: Actor, now: datetime) -> AttendancePerson:
    """Some of the person's user IDs belong to another person, who is created. Raises PersonNotFound, InvalidPersonField."""
    find_person(session, person_id)
    with recorded(session, PeopleChange.SPLIT, [person_id], actor=actor, now=now) as recording:
        own = {each.id for each in ids_of(session, [person_id])[person_id]}
        if not ids or not set(ids) < own:
            raise InvalidPersonField(_("Choose some of the person’s user IDs, but not all."), field="ids")
        person = _added(session, name, now)
        recording.people.add(person.id)
        session.execute(update(PersonId).where(PersonId.id.in_(ids)).values(person_id=person.id))
        find_person(session, person_id).updated_at = now
    return person


def rows_of(session: Session, person_id: int, ids: Iterable[SiteId]) -> list[int]:
    """The IDs of the rows with these user IDs of the person, for `split`. Raises PersonNotFound, InvalidPersonField, UserIdOfOther."""
    person = find_person(session, person_id)
    own = {(Identity(each.site_key, each.user_id), each.valid_from): each.id for each in ids_of(session, [person_id])[person_id]}
    found = []
    for each in (each.checked() for each in ids):
        if (row_id := own.get((each.identity, each.valid_from))) is None:
            message = _("The user ID %(id)s does not belong to %(name)s.", id=str(each), name=person.name)
            raise UserIdOfOther(message, field="ids")
        found.append(row_id)
    return found


def reassign(session: Session, site_id: SiteId, to: int | str, *, actor: Actor, now: datetime) -> AttendancePerson:
    """The user ID belongs to another person from a day on: one who exists, or a new one with this name. Punches of earlier days stay with
    the former person. Raises PersonNotFound, InvalidPersonField, UserIdTaken."""
    if isinstance(to, int):
        find_person(session, to)
    with recorded(session, PeopleChange.REASSIGNED, [to] if isinstance(to, int) else [], actor=actor, now=now) as recording:
        person = find_person(session, to) if isinstance(to, int) else _added(session, to, now)
        recording.people.add(person.id)
        _add_ids(session, [(person, site_id)], actor, now)
        person.updated_at = now
    return person


def rename(session: Session, person: AttendancePerson, name: str) -> None:
    """Raises InvalidPersonField."""
    person.name = checked_name(name)
    person.name_key = search_key(person.name)


def checked_name(name: str) -> str:
    """Raises InvalidPersonField."""
    if not (checked := _checked(clean(name), "name", MAX_NAME)):
        raise InvalidPersonField(_("Enter a name."), field="name")
    return checked


def checked_notes(text: str) -> str:
    """Raises InvalidPersonField."""
    notes = clean(text).strip()
    if len(notes) > MAX_NOTES or "\0" in notes:
        raise InvalidPersonField(_("Enter at most %(number)s characters.", number=MAX_NOTES), field="notes")
    return notes


def _new(name: str, now: datetime) -> AttendancePerson:
    checked = checked_name(name)
    return AttendancePerson(name=checked, name_key=search_key(checked), notes="", created_at=now, updated_at=now)


def _added(session: Session, name: str, now: datetime) -> AttendancePerson:
    person = _new(name, now)
    session.add(person)
    session.flush()
    return person


def _apply(session: Session, person: AttendancePerson, fields: PersonFields, actor: Actor, now: datetime) -> None:
    if fields.name is not None:
        rename(session, person, fields.name)
    if fields.notes is not None:
        person.notes = checked_notes(fields.notes)
    if fields.account_id is not None:
        _link(session, person, fields.account_id or None)
    if fields.ids is not None:
        if len(fields.ids) > MAX_IDS:
            raise InvalidPersonField(_("A person has at most %(number)s user IDs.", number=MAX_IDS), field="ids")
        _replace_ids(session, person, fields.ids, actor, now)


def _link(session: Session, person: AttendancePerson, account_id: int | None) -> None:
    if account_id is not None:
        if session.get(User, account_id) is None:
            raise InvalidPersonField(_("This account does not exist."), field="account")
        linked = select(AttendancePerson).where(AttendancePerson.account_id == account_id, AttendancePerson.id != person.id)
        if (other := session.scalar(linked)) is not None:
            raise AccountTaken(_("The account is already linked to %(name)s.", name=other.name), field="account")
    person.account_id = account_id


def _replace_ids(session: Session, person: AttendancePerson, ids: Sequence[SiteId], actor: Actor, now: datetime) -> None:
    wanted = {(each.identity, each.valid_from): each for each in (each.checked() for each in ids)}
    stored = {(Identity(each.site_key, each.user_id), each.valid_from): each for each in ids_of(session, [person.id])[person.id]}
    gone = [stored[key].id for key in stored.keys() - wanted.keys()]
    session.execute(delete(PersonId).where(PersonId.id.in_(gone)))
    _add_ids(session, [(person, wanted[key]) for key in sorted(wanted.keys() - stored.keys())], actor, now)


def _add_ids(session: Session, ids: Iterable[tuple[AttendancePerson, SiteId]], actor: Actor, now: datetime) -> None:
    checked = [(person, each.checked()) for person, each in ids]
    taken = _names_by_id(session, {each.user_id for _person, each in checked})
    for person, each in checked:
        key = (each.identity, each.valid_from)
        if key in taken:
            message = _(
                "The user ID %(id)s belongs to %(name)s. Merge the two people, or choose a later day.", id=str(each), name=taken[key]
            )
            raise UserIdTaken(message, field="user_id")
        taken[key] = person.name
        values = {"site": each.site, "site_key": each.identity.site_key, "user_id": each.user_id, "valid_from": each.valid_from}
        session.add(PersonId(person_id=person.id, **values, created_by=actor.name, created_at=now))
    session.flush()


def _names_by_id(session: Session, user_ids: Collection[str]) -> dict[tuple[Identity, date], str]:
    """The names of the people with these user IDs, by ID and first day."""
    session.flush()
    known = owners(session, user_ids)
    return {(identity, begin): owner.name for identity, begin, owner in known}


def _checked(text: str, field: str, longest: int) -> str:
    cleaned = " ".join(text.split())
    if character := unprintable_character(cleaned):
        raise InvalidPersonField(_("Remove the character %(character)s.", character=character), field=field)
    if len(cleaned) > longest:
        raise InvalidPersonField(_("Enter at most %(number)s characters.", number=longest), field=field)
    return cleaned
