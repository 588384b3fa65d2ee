"""Which students an account is about: the student to whom a student's account belongs, and the school and homeroom of a teacher's account.

What the accounts may see follows from that in a higher layer. Accounts know students only by `StudentLookup`, which that layer provides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import login_events
from request_tracker_utils.accounts.login_events import NOWHERE, Origin
from request_tracker_utils.accounts.models import LoginKind, Role, User
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Conflict, Invalid, NotFound
from request_tracker_utils.core.translation import gettext as _


@dataclass(frozen=True)
class KnownStudent:
    """A student as the pages of accounts show them. `details` are grade and school in words."""

    row_id: int
    number: str
    name: str
    details: str = ""


class StudentLookup(Protocol):
    """What accounts need to know about students. Provided by a higher layer."""

    def by_number(self, session: Session, number: str) -> KnownStudent | None:
        """In any case."""

    def by_row(self, session: Session, row_id: int) -> KnownStudent | None: ...

    def search(self, session: Session, text: str, *, limit: int) -> list[KnownStudent]:
        """Students with a name or number that starts with the text."""

    def schools(self, session: Session) -> list[str]:
        """Of active students, sorted."""

    def homerooms(self, session: Session, school: str) -> list[str]:
        """Of active students of the school, sorted."""


class NoSuchStudent(NotFound):
    """No student has the number that was entered for an account."""

    code = "student_not_found"


def student_numbered(session: Session, students: StudentLookup, number: str) -> KnownStudent:
    """Raises NoSuchStudent."""
    found = students.by_number(session, number)
    if found is None:
        message = _("No student has the number %(number)s. Check the number, or add the student.", number=number[:60])
        raise NoSuchStudent(message, field="student")
    return found


def link_student(
    session: Session, user: User, student: KnownStudent | None, *, actor: Actor, now: datetime, origin: Origin = NOWHERE
) -> None:
    """Links the account to the student, or to none. Raises Invalid for another role than student, Conflict if another account is linked to
    the student."""
    if student is not None and user.role != Role.STUDENT:
        message = _(
            "Only accounts with the role student can be linked to a student. %(name)s has the role %(role)s. Change the role first."
        )
        raise Invalid(message % {"name": user.name, "role": user.role}, field="student")
    if user.student_id == (student.row_id if student else None):
        return
    try:
        with session.begin_nested():
            user.student_id = student.row_id if student else None
            session.flush()  # the unique index decides whether another account has the student
    except IntegrityError:
        raise _taken(session, student) from None
    change = f"linked to student {student.number}" if student else "unlinked from the student"
    login_events.record(session, LoginKind.CHANGED, origin, now=now, user=user, detail=f"{change} by {actor.name}")


def set_school(
    session: Session,
    students: StudentLookup,
    user: User,
    *,
    school: str,
    homeroom: str = "",
    actor: Actor,
    now: datetime,
    origin: Origin = NOWHERE,
) -> None:
    """Sets school and homeroom of a teacher's account, as students have them, in any case. Raises Invalid with `field` for another role,
    and for a school or homeroom that no student has: it would show no students."""
    school, homeroom = school.strip(), homeroom.strip()
    if (school or homeroom) and user.role != Role.TEACHER:
        message = _("Only accounts with the role teacher have a school. %(name)s has the role %(role)s. Change the role first.")
        raise Invalid(message % {"name": user.name, "role": user.role}, field="school")
    if homeroom and not school:
        raise Invalid(_("Choose the school of the homeroom."), field="school")
    if school != user.school:
        known = students.schools(session)
        message = _("No active student has the school %(school)s. Choose one of: %(known)s.", school=school, known=", ".join(known) or "—")
        school = _same(school, known, Invalid(message, field="school"))
    if homeroom and (school, homeroom) != (user.school, user.homeroom):
        values = {"school": school, "homeroom": homeroom}
        message = _("No active student of %(school)s has the homeroom %(homeroom)s. Check its spelling in the list of students.", **values)
        homeroom = _same(homeroom, students.homerooms(session, school), Invalid(message, field="homeroom"))
    if (school, homeroom) == (user.school, user.homeroom):
        return
    user.school, user.homeroom = school, homeroom
    session.flush()
    change = ", ".join(filter(None, [f"school {school or 'none'}", f"homeroom {homeroom}" if homeroom else ""]))
    login_events.record(session, LoginKind.CHANGED, origin, now=now, user=user, detail=f"{change}, by {actor.name}"[:200])


def clear_for_role(user: User) -> list[str]:
    """Removes what accounts with the user's role do not have, after a change of the role. Returns what was removed."""
    removed = []
    if user.role != Role.STUDENT and user.student_id is not None:
        user.student_id = None
        removed.append("unlinked from the student")
    if user.role != Role.TEACHER and (user.school or user.homeroom):
        user.school = user.homeroom = ""
        removed.append("school removed")
    return removed


def _same(text: str, known: Iterable[str], unknown: Invalid) -> str:
    """The known text that differs in case at most. Raises `unknown`."""
    found = [each for each in known if each.casefold() == text.casefold()]
    if text and not found:
        raise unknown
    return text if text in found or not text else found[0]


def _taken(session: Session, student: KnownStudent | None) -> Conflict:
    session.expire_all()
    owner = session.scalar(select(User.name).where(User.student_id == (student.row_id if student else None)))
    message = _("Student %(number)s is already linked to the account %(name)s. Unlink that account first.")
    return Conflict(message % {"number": student.number if student else "", "name": owner or "—"}, field="student")
