"""Students and their users in Request Tracker, in both directions."""

from collections.abc import Iterable, Iterator

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.students.models import Student
from request_tracker_utils.students.search_keys import search_key
from request_tracker_utils.students.service import rt_username

CHUNK = 500


def students_of_users(session: Session, names: Iterable[str], rule: str) -> dict[str, Student]:
    """User's name in small letters → the student whose user it is. Names that several students have are nobody's."""
    wanted, found, twice = sorted({name.casefold() for name in names if name}), dict[str, Student](), set[str]()
    for begin in range(0, len(wanted), CHUNK):
        for student in _candidates(session, wanted[begin : begin + CHUNK], rule):
            name = rt_username(student, rule).casefold()
            if found.setdefault(name, student).id != student.id:
                twice.add(name)
    return {name: found[name] for name in wanted if name in found and name not in twice}


def _candidates(session: Session, names: list[str], rule: str) -> Iterator[Student]:
    """Students who may have one of these users: by what is entered, or by what the rule makes of them."""
    yield from session.scalars(select(Student).where(text("rt_user <> ''"), func.lower(Student.rt_user).in_(names)))
    field = "{student_id}" if "{student_id}" in rule else "{email}"
    before, after = (part.casefold() for part in rule.split(field, 1))
    parts = [name[len(before) : len(name) - len(after)] for name in names if name.startswith(before) and name.endswith(after)]
    made_of = Student.id_key.in_([search_key(part) for part in parts]) if field == "{student_id}" else func.lower(Student.email).in_(parts)
    yield from session.scalars(select(Student).where(made_of))


def same_user(one: str, other: str) -> bool:
    """Request Tracker's names are compared without case."""
    return one.casefold() == other.casefold()
