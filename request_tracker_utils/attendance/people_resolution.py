"""Creates people from users of terminals, and resolves conflicts of names and IDs as a person has chosen."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import NameDecision, PeopleChange
from request_tracker_utils.attendance.people import Identity, ids_of
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId, change, create_all, merge, reassign
from request_tracker_utils.attendance.people_conflicts import Choice, ConflictKind, NameConflict, TerminalName, review
from request_tracker_utils.attendance.people_errors import InvalidPersonField, NameConflictGone
from request_tracker_utils.attendance.people_history import lock, recorded
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.translation import gettext as _


def create_from_terminals(session: Session, only: Collection[Identity] | None = None, *, actor: Actor, now: datetime) -> int:
    """Creates a person for each user without one and without an open conflict, or for those of them that are given. Returns how many:
    of two people who click at once, the second creates nobody."""
    lock(session)
    ready = [each for each in review(session).ready if only is None or each.identity in only]
    return create_all(session, [(each.name, [_site_id(each)]) for each in ready], actor=actor, now=now)


def resolve(session: Session, fingerprint: str, choice: str, *, day: date | None = None, actor: Actor, now: datetime) -> NameConflict:
    """`day` is the first day of another person. Raises NameConflictGone, InvalidPersonField, UserIdTaken, AccountTaken."""
    lock(session)
    conflict = next((each for each in review(session).conflicts if each.fingerprint == fingerprint), None)
    if conflict is None:
        raise NameConflictGone(_("This conflict was resolved in the meantime, or its names have changed."))
    if choice not in conflict.choices:
        options = ", ".join(conflict.choices)
        raise InvalidPersonField(_("Choose one of %(options)s.", options=options), field="choice")
    if choice == Choice.OTHER:
        _assign_to_other(session, conflict, day or conflict.since, actor, now)
    elif choice == Choice.RENAME:
        change(session, conflict.people[0].id, PersonFields(name=conflict.names[0].name), actor=actor, now=now)
    elif choice == Choice.SAME and conflict.kind == ConflictKind.SAME_NAME:
        _unite(session, conflict, actor, now)
    else:
        _decide(session, conflict, actor, now)
    return conflict


def _assign_to_other(session: Session, conflict: NameConflict, day: date | None, actor: Actor, now: datetime) -> None:
    """From the day on, the user ID belongs to a new person with the terminal's name."""
    name = conflict.names[0]
    owner = conflict.people[0]
    own = [each for each in ids_of(session, [owner.id])[owner.id] if Identity(each.site_key, each.user_id) == name.identity]
    if day is None or any(day <= each.valid_from for each in own):
        raise InvalidPersonField(_("Choose a day after the first day of %(name)s.", name=owner.name), field="day")
    reassign(session, SiteId(name.user_id, name.site, day), name.name, actor=actor, now=now)


def _unite(session: Session, conflict: NameConflict, actor: Actor, now: datetime) -> None:
    """All of them are one person, who has all of their user IDs."""
    ids = [_site_id(each) for each in conflict.names]
    if not conflict.people:
        create_all(session, [(conflict.names[0].name, ids)], actor=actor, now=now)
        return
    first, *others = [each.id for each in conflict.people]
    if others:
        merge(session, first, others, actor=actor, now=now)
    if ids:
        own = [SiteId(each.user_id, each.site, each.valid_from) for each in ids_of(session, [first])[first]]
        change(session, first, PersonFields(ids=[*own, *ids]), actor=actor, now=now)


def _decide(session: Session, conflict: NameConflict, actor: Actor, now: datetime) -> None:
    subject = ", ".join(_names(conflict))
    with recorded(session, PeopleChange.DECIDED, actor=actor, now=now, subject=subject) as recording:
        recording.decisions.add(conflict.fingerprint)
        session.add(NameDecision(kind=conflict.kind, fingerprint=conflict.fingerprint, decided_by=actor.name, decided_at=now))


def _names(conflict: NameConflict) -> Sequence[str]:
    return list(dict.fromkeys([*(each.name for each in conflict.people), *(each.name for each in conflict.names)]))


def _site_id(name: TerminalName) -> SiteId:
    return SiteId(name.user_id, name.site)
