"""Staff groups: people with the same hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.text import clean, search_key, unprintable_character
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.group_errors import InvalidGroupField, StaffGroupExists, StaffGroupInUse, StaffGroupNotFound
from request_tracker_utils.workdays.models import MAX_GROUP_NAME, ScheduleVersion, StaffGroup, StaffGroupMember

LOCK_SPACE = 7093
MAX_NOTES = 2_000
LONGEST_AHEAD = timedelta(days=5 * 366)
"""A later day has a wrong year."""


@dataclass(frozen=True)
class GroupEdit:
    """The actor of a change of staff groups, its time and its local day."""

    actor: Actor
    now: datetime
    today: date

    @property
    def tomorrow(self) -> date:
        return self.today + timedelta(days=1)


def all_groups(session: Session) -> Sequence[StaffGroup]:
    """By name."""
    return session.scalars(select(StaffGroup).order_by(StaffGroup.name_key)).all()


def find_group(session: Session, group_id: int) -> StaffGroup:
    """Raises StaffGroupNotFound."""
    if (group := find_row(session, StaffGroup, group_id)) is None:
        raise StaffGroupNotFound(_("Staff group %(id)s was not found.", id=group_id))
    return group


def create_group(session: Session, name: str, notes: str, by: GroupEdit) -> StaffGroup:
    """Raises InvalidGroupField, StaffGroupExists."""
    lock(session)
    group = StaffGroup(created_by=by.actor.name, created_at=by.now)
    _assign(session, group, name, notes)
    return group


def change_group(session: Session, group_id: int, *, name: str | None = None, notes: str | None = None) -> StaffGroup:
    """None stays as it is. Raises StaffGroupNotFound, InvalidGroupField, StaffGroupExists."""
    lock(session)
    group = find_group(session, group_id)
    _assign(session, group, group.name if name is None else name, group.notes if notes is None else notes)
    return group


def delete_group(session: Session, group_id: int, by: GroupEdit) -> str:
    """Deletes a group that no past workday depends on, and returns its name. Raises StaffGroupNotFound, StaffGroupInUse."""
    lock(session)
    group = find_group(session, group_id)
    begun = (
        exists().where(ScheduleVersion.group_id == group_id, ScheduleVersion.valid_from <= by.today),
        exists().where(StaffGroupMember.group_id == group_id, StaffGroupMember.valid_from <= by.today),
    )
    if any(session.scalar(select(each)) for each in begun):
        raise StaffGroupInUse(_("%(name)s has or had hours or members. Move its members to another group instead.", name=group.name))
    name = group.name
    session.delete(group)
    return name


def lock(session: Session) -> None:
    """One change of staff groups at a time."""
    lock_until_commit(session, LOCK_SPACE, ["staff groups"])
    session.flush()
    session.expire_all()


def check_ahead(day: date, earliest: date, by: GroupEdit, field: str = "valid_from") -> None:
    """Raises InvalidGroupField for a day in the past, or one that is too far away."""
    if day < earliest:
        raise InvalidGroupField(_("Enter %(day)s or later: past workdays do not change.", day=earliest), field=field)
    if day > by.today + LONGEST_AHEAD:
        raise InvalidGroupField(_("Enter a day within the next five years."), field=field)


def _assign(session: Session, group: StaffGroup, name: str, notes: str) -> None:
    cleaned, text = " ".join(clean(name).split()), clean(notes).strip()
    if not cleaned:
        raise InvalidGroupField(_("Enter a name."), field="name")
    if character := unprintable_character(cleaned):
        raise InvalidGroupField(_("Remove the character %(character)s.", character=character), field="name")
    if len(cleaned) > MAX_GROUP_NAME:
        raise InvalidGroupField(_("Enter at most %(number)s characters.", number=MAX_GROUP_NAME), field="name")
    if len(text) > MAX_NOTES or "\0" in text:
        raise InvalidGroupField(_("Enter at most %(number)s characters.", number=MAX_NOTES), field="notes")
    try:
        with session.begin_nested():
            group.name, group.name_key, group.notes = cleaned, search_key(cleaned), text
            session.add(group)
    except IntegrityError:
        raise StaffGroupExists(_("Another staff group has this name."), field="name") from None
