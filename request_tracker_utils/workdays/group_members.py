"""Who belongs to which staff group, from a day on. A person is in one group at most, and changes begin tomorrow at the earliest."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.attendance.models import AttendancePerson, PersonId
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.text import clean, search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.changed_days import mark_people
from request_tracker_utils.workdays.group_errors import AlreadyBegun, GroupChangeNotFound, InvalidGroupField
from request_tracker_utils.workdays.models import StaffGroupMember
from request_tracker_utils.workdays.staff_groups import GroupEdit, check_ahead, find_group, lock

MAX_LINES = 2_000
_LOOKED_UP = 500


@dataclass
class Matched:
    """People that pasted lines name, and the lines that name nobody or several people, with the reason."""

    people: dict[int, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def member_counts(session: Session, day: date) -> dict[int, int]:
    """How many members each group has on a day."""
    newest = _newest_on(day)
    counts = select(StaffGroupMember.group_id, func.count()).join(AttendancePerson, AttendancePerson.id == StaffGroupMember.person_id)
    counts = counts.where(newest, StaffGroupMember.group_id.is_not(None))
    return {group_id: count for group_id, count in session.execute(counts.group_by(StaffGroupMember.group_id)) if group_id is not None}


def list_members(
    session: Session, group_id: int, day: date, text: str = "", *, size: int, after: Cursor | None = None, offset: int = 0
) -> Page[AttendancePerson]:
    """The members on a day by name. `text` is a part of the name."""
    return _members(group_id, day, text).page(session, size=size, after=after, offset=offset)


def count_members(session: Session, group_id: int, day: date, text: str = "") -> int:
    return _members(group_id, day, text).count(session)


def upcoming(session: Session, group_id: int, day: date, *, limit: int) -> list[tuple[StaffGroupMember, str]]:
    """Changes after a day of people who join or leave the group, with their names; the next ones first."""
    joins = StaffGroupMember.group_id == group_id
    leaves = StaffGroupMember.person_id.in_(_ids_on(group_id, day))
    query = (
        select(StaffGroupMember, AttendancePerson.name)
        .join(AttendancePerson, AttendancePerson.id == StaffGroupMember.person_id)
        .where(StaffGroupMember.valid_from > day, joins | leaves)
        .order_by(StaffGroupMember.valid_from, AttendancePerson.name_key, StaffGroupMember.id)
        .limit(limit)
    )
    return [(row, name) for row, name in session.execute(query)]


def assign(session: Session, group_id: int | None, people: Collection[int], valid_from: date, by: GroupEdit) -> int:
    """The people belong to the group from the day on, or to none, until a later change of theirs. Returns for how many that is new. Raises
    StaffGroupNotFound, InvalidGroupField."""
    lock(session)
    if group_id is not None:
        find_group(session, group_id)
    check_ahead(valid_from, by.tomorrow, by)
    wanted = sorted(set(people))
    rows = _rows_of(session, wanted)
    known = set[int]()
    for start in range(0, len(wanted), _LOOKED_UP):
        known.update(session.scalars(select(AttendancePerson.id).where(AttendancePerson.id.in_(wanted[start : start + _LOOKED_UP]))))
    if missing := sorted(set(wanted) - known):
        raise InvalidGroupField(_("Person %(id)s was not found.", id=missing[0]), field="people")
    changed = []
    for person_id in wanted:
        before = [each for each in rows[person_id] if each.valid_from <= valid_from]
        if (before[-1].group_id if before else None) == group_id:
            continue
        changed.append(person_id)
        if before and before[-1].valid_from == valid_from:
            before[-1].group_id, before[-1].created_by, before[-1].created_at = group_id, by.actor.name, by.now
        else:
            values = {"person_id": person_id, "group_id": group_id, "valid_from": valid_from}
            session.add(StaffGroupMember(**values, created_by=by.actor.name, created_at=by.now))
    session.flush()
    mark_people(session, changed, valid_from, now=by.now)
    return len(changed)


def remove(session: Session, group_id: int, person_id: int, valid_from: date, by: GroupEdit) -> None:
    """The person belongs to no group from the day on. Raises StaffGroupNotFound, InvalidGroupField, GroupChangeNotFound."""
    find_group(session, group_id)
    check_ahead(valid_from, by.tomorrow, by)
    if session.scalar(_ids_on(group_id, valid_from).where(StaffGroupMember.person_id == person_id)) is None:
        raise GroupChangeNotFound(_("This person is not in the group on %(day)s.", day=valid_from))
    assign(session, None, [person_id], valid_from, by)


def cancel(session: Session, group_id: int, change_id: int, by: GroupEdit) -> None:
    """Deletes a change that has not begun and is about the group. Raises GroupChangeNotFound, AlreadyBegun."""
    lock(session)
    row = find_row(session, StaffGroupMember, change_id)
    if row is None or (row.group_id != group_id and _group_before(session, row) != group_id):
        raise GroupChangeNotFound(_("This change does not exist."))
    if row.valid_from <= by.today:
        raise AlreadyBegun(_("The person is in the group already. Remove them from a later day on."))
    person_id, first = row.person_id, row.valid_from
    session.delete(row)
    session.flush()
    mark_people(session, [person_id], first, now=by.now)


def match_people(session: Session, text: str) -> Matched:
    """Pasted lines, each a name or a user ID. Raises InvalidGroupField for too many lines."""
    lines = list(dict.fromkeys(filter(None, (" ".join(clean(line).replace("\0", "\ufffd").split()) for line in text.splitlines()))))
    if not lines:
        raise InvalidGroupField(_("Enter names or user IDs, one per line."), field="people")
    if len(lines) > MAX_LINES:
        raise InvalidGroupField(_("Enter at most %(number)s lines.", number=MAX_LINES), field="people")
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for start in range(0, len(lines), _LOOKED_UP):
        part = lines[start : start + _LOOKED_UP]
        names = select(AttendancePerson).where(AttendancePerson.name_key.in_([search_key(each) for each in part]))
        for person in session.scalars(names):
            found[person.name_key][person.id] = person.name
        with_ids = select(PersonId.user_id, AttendancePerson.id, AttendancePerson.name).join(AttendancePerson)
        for user_id, person_id, name in session.execute(with_ids.where(PersonId.user_id.in_(part))):
            found[user_id][person_id] = name
    matched = Matched()
    for line in lines:
        people = found.get(line, {}) | found.get(search_key(line), {})
        if len(people) == 1:
            matched.people |= people
        else:
            reason = _("Several people have this name or user ID.") if people else _("Nobody has this name or user ID.")
            matched.problems.append((line, reason))
    return matched


def _rows_of(session: Session, people: Sequence[int]) -> dict[int, list[StaffGroupMember]]:
    found: dict[int, list[StaffGroupMember]] = {person_id: [] for person_id in people}
    for start in range(0, len(people), _LOOKED_UP):
        query = select(StaffGroupMember).where(StaffGroupMember.person_id.in_(people[start : start + _LOOKED_UP]))
        for row in session.scalars(query.order_by(StaffGroupMember.valid_from)):
            found[row.person_id].append(row)
    return found


def _group_before(session: Session, row: StaffGroupMember) -> int | None:
    """The group of the person until this change."""
    earlier = (StaffGroupMember.person_id == row.person_id, StaffGroupMember.valid_from < row.valid_from)
    return session.scalar(select(StaffGroupMember.group_id).where(*earlier).order_by(StaffGroupMember.valid_from.desc()).limit(1))


def _newest_on(day: date) -> ColumnElement[bool]:
    """Matches the row of each person that applies on a day."""
    later = aliased(StaffGroupMember)
    newer = later.person_id == StaffGroupMember.person_id, later.valid_from > StaffGroupMember.valid_from, later.valid_from <= day
    return (StaffGroupMember.valid_from <= day) & ~select(later.id).where(*newer).exists()


def _ids_on(group_id: int, day: date) -> Select[int]:
    return select(StaffGroupMember.person_id).where(StaffGroupMember.group_id == group_id, _newest_on(day))


def _members(group_id: int, day: date, text: str) -> KeysetQuery[AttendancePerson]:
    conditions: list[ColumnElement[bool]] = [AttendancePerson.id.in_(_ids_on(group_id, day))]
    if key := search_key(text):
        conditions.append(AttendancePerson.name_key.contains(key, autoescape=True))
    return KeysetQuery(AttendancePerson, [Segment((AttendancePerson.name_key, AttendancePerson.id))], conditions)
