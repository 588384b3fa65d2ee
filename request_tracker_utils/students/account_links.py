"""What accounts need to know about students: see `accounts/student_links.py`."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.student_links import KnownStudent, StudentLookup
from request_tracker_utils.students import search, service
from request_tracker_utils.students.grades import grade_label
from request_tracker_utils.students.models import IS_AT_SCHOOL, Student
from request_tracker_utils.students.search import StudentFilter
from request_tracker_utils.students.visibility import EVERYBODY


class StudentsOfAccounts(StudentLookup):
    """For administrators, who see all students."""

    def by_number(self, session: Session, number: str) -> KnownStudent | None:
        student = service.find(session, number)
        return _known(student) if student else None

    def by_row(self, session: Session, row_id: int) -> KnownStudent | None:
        student = session.get(Student, row_id)
        return _known(student) if student else None

    def search(self, session: Session, text: str, *, limit: int) -> list[KnownStudent]:
        return [_known(student) for student in search.find_students(session, StudentFilter(text), EVERYBODY, size=limit).rows]

    def schools(self, session: Session) -> list[str]:
        found, last = list[str](), ""
        # One step of the index for each school, instead of one for each student.
        while last := session.scalar(select(func.min(Student.building)).where(IS_AT_SCHOOL, Student.building > last)) or "":
            found.append(last)
        return found

    def homerooms(self, session: Session, school: str) -> list[str]:
        of_school = select(Student.homeroom).where(IS_AT_SCHOOL, Student.building == school, Student.homeroom != "")
        return list(session.scalars(of_school.distinct().order_by(Student.homeroom)))


def _known(student: Student) -> KnownStudent:
    facts = [grade_label(student.grade), student.building, student.homeroom]
    return KnownStudent(student.id, student.student_id, student.name, " · ".join(filter(None, facts)))
