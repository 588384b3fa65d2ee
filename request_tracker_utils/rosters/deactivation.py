"""Students who are not in a list any more."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Reading
from request_tracker_utils.rosters.duplicates import Seen
from request_tracker_utils.students.models import Student

CHUNK = 1_000


class Absent(NamedTuple):
    id: int
    id_key: str
    student_id: str
    first_name: str
    last_name: str


def absent(reading: Reading, seen: Seen, *, until: datetime) -> Iterator[list[Absent]]:
    """Active students whom the list did not name, some at a time; not those who were entered after `until`."""
    after = 0
    while True:
        query = select(Student.id, Student.id_key, Student.student_id, Student.first_name, Student.last_name)
        query = query.where(Student.id > after, Student.is_active, Student.created_at <= until)
        with reading() as session:
            students = [Absent(*row) for row in session.execute(query.order_by(Student.id).limit(CHUNK))]
        if not students:
            return
        there = seen.among(student.id_key for student in students)
        gone = [student for student in students if student.id_key not in there]
        if gone:
            yield gone
        after = students[-1].id


def deactivate(session: Session, students: Sequence[Absent], *, now: datetime) -> None:
    wanted = update(Student).where(Student.id.in_([student.id for student in students]), Student.is_active)
    session.execute(wanted.values(is_active=False, updated_at=now))
