"""Counts of students and devices by grade and status. Triggers maintain them in `student_tallies`; this module adds up the rows."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.students.grades import grade_rank
from request_tracker_utils.students.models import DeviceStatus, Student, Tally
from request_tracker_utils.students.visibility import EVERYBODY, ActiveStudents, Visibility

_STATUSES = {(True, True): "assigned", (True, False): "pending", (False, True): "holding", (False, False): "inactive"}
"""Whether a student is active, and has a device → the name of the count."""


@dataclass
class StudentCounts:
    """`pending` are active students without a device; `holding` are inactive students who still have one."""

    assigned: int = 0
    pending: int = 0
    holding: int = 0
    inactive: int = 0

    @property
    def active(self) -> int:
        return self.assigned + self.pending

    @property
    def total(self) -> int:
        return self.active + self.holding + self.inactive

    @property
    def completion(self) -> float:
        """Share of active students who have a device, from 0 to 1."""
        return self.assigned / self.active if self.active else 0.0

    def add(self, status: str, count: int) -> None:
        setattr(self, status, getattr(self, status) + count)


@dataclass
class Counts:
    """`by_grade` is in the order of grades; None is for students without a grade."""

    students: StudentCounts = field(default_factory=StudentCounts)
    by_grade: dict[str | None, StudentCounts] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)

    @property
    def all_devices(self) -> int:
        return sum(self.devices.values())


def current_counts(session: Session, sees: Visibility = EVERYBODY) -> Counts:
    """Of the students that the caller may see, and of all devices."""
    counts = _all_counts(session)
    if sees == EVERYBODY:
        return counts
    if sees == ActiveStudents():
        visible = {grade: StudentCounts(each.assigned, each.pending) for grade, each in counts.by_grade.items()}
    else:
        visible = _counted(session, sees)
    total = StudentCounts()
    for each in visible.values():
        for status in ("assigned", "pending", "holding", "inactive"):
            total.add(status, getattr(each, status))
    return Counts(total, _by_grade({grade: each for grade, each in visible.items() if each.total}), counts.devices)


def _counted(session: Session, sees: Visibility) -> dict[str | None, StudentCounts]:
    """Reads the students: they are those of one school at most."""
    has_device = Student.device_count > 0
    rows = select(Student.grade, Student.is_active, has_device, func.count()).where(*sees.conditions())
    found: dict[str | None, StudentCounts] = defaultdict(StudentCounts)
    for grade, is_active, assigned, count in session.execute(rows.group_by(Student.grade, Student.is_active, has_device)):
        found[grade].add(_STATUSES[bool(is_active), bool(assigned)], int(count))
    return found


def _all_counts(session: Session) -> Counts:
    totals = select(Tally.subject, Tally.grade, Tally.status, func.sum(Tally.count)).group_by(Tally.subject, Tally.grade, Tally.status)
    by_grade: dict[str | None, StudentCounts] = defaultdict(StudentCounts)
    counts = Counts(devices={status.value: 0 for status in DeviceStatus})
    for subject, grade, status, count in session.execute(totals):
        if subject == "devices":
            counts.devices[status] += int(count)
        elif count:
            by_grade[grade or None].add(status, int(count))
            counts.students.add(status, int(count))
    counts.by_grade = _by_grade(by_grade)
    return counts


def _by_grade(counts: Mapping[str | None, StudentCounts]) -> dict[str | None, StudentCounts]:
    return dict(sorted(counts.items(), key=lambda each: (grade_rank(each[0]), each[0] or "")))
