"""Who has what at this moment, and what should have come back."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.students.models import HAS_DUE_DATE, HAS_STUDENT, Device, Student


def held_by(session: Session, student_ids: Sequence[str]) -> dict[str, list[Device]]:
    """Student → the devices that the student has; for a page of students."""
    held: dict[str, list[Device]] = defaultdict(list)
    query = select(Device).where(Device.current_student_id.in_(student_ids), HAS_STUDENT).order_by(Device.tag_key)
    for device in session.scalars(query) if student_ids else ():
        held[str(device.current_student_id)].append(device)
    return held


def holders_of(session: Session, devices: Sequence[Device]) -> dict[str, Student]:
    """Student's number → the student; for a page of devices."""
    wanted = {device.current_student_id for device in devices if device.current_student_id}
    return {student.student_id: student for student in session.scalars(select(Student).where(Student.student_id.in_(wanted)))}


def overdue(session: Session, today: date, *, limit: int, offset: int = 0) -> list[Device]:
    """Loaners that should be back, those that are late longest first."""
    late = select(Device).where(HAS_DUE_DATE, Device.due_date < today).order_by(Device.due_date, Device.id)
    return list(session.scalars(late.offset(offset).limit(limit)))


def count_overdue(session: Session, today: date) -> int:
    return session.scalar(select(func.count()).select_from(Device).where(HAS_DUE_DATE, Device.due_date < today)) or 0
