"""How many students and devices there are, of which kind. The database counts while things change; here it is only added up."""

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.students.grades import rank
from request_tracker_utils.students.models import DeviceStatus, Tally


@dataclass
class OfStudents:
    """`pending` are active and have nothing; `holding` have left, and still have something."""

    assigned: int = 0
    pending: int = 0
    holding: int = 0
    inactive: int = 0

    @property
    def active(self) -> int:
        return self.assigned + self.pending

    @property
    def every(self) -> int:
        return self.active + self.holding + self.inactive

    @property
    def completion(self) -> float:
        """The share of active students who have a device."""
        return self.assigned / self.active if self.active else 0.0

    def add(self, status: str, count: int) -> None:
        setattr(self, status, getattr(self, status) + count)


@dataclass
class Counts:
    """`by_grade` is in the order of the grades; None are students without one."""

    students: OfStudents = field(default_factory=OfStudents)
    by_grade: dict[str | None, OfStudents] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)

    @property
    def all_devices(self) -> int:
        return sum(self.devices.values())


def counts(session: Session) -> Counts:
    summed = select(Tally.subject, Tally.grade, Tally.status, func.sum(Tally.count)).group_by(Tally.subject, Tally.grade, Tally.status)
    by_grade: dict[str | None, OfStudents] = defaultdict(OfStudents)
    found = Counts(devices={status.value: 0 for status in DeviceStatus})
    for subject, grade, status, count in session.execute(summed):
        if subject == "devices":
            found.devices[status] += int(count)
        elif count:
            by_grade[grade or None].add(status, int(count))
            found.students.add(status, int(count))
    found.by_grade = dict(sorted(by_grade.items(), key=lambda each: (rank(each[0]), each[0] or "")))
    return found


def merge_shards(session: Session) -> int:
    """Adds up what connections that may have ended counted apart; returns how many rows were merged. What somebody counts at this moment
    is left to the next time: nobody waits."""
    rows = session.scalars(select(Tally).where(Tally.shard != 0).with_for_update(skip_locked=True)).all()
    merged: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in rows:
        merged[row.subject, row.grade, row.status] += row.count
    for subject, grade, status in sorted(merged):
        values = {"subject": subject, "grade": grade, "status": status, "shard": 0, "count": merged[subject, grade, status]}
        insert = upsert_into(session)(Tally).values(**values)
        whole = ["subject", "grade", "status", "shard"]
        session.execute(insert.on_conflict_do_update(index_elements=whole, set_={"count": Tally.count + insert.excluded.count}))
    for row in rows:
        session.delete(row)
    session.flush()
    session.execute(delete(Tally).where(Tally.shard == 0, Tally.count == 0))
    return len(rows)
