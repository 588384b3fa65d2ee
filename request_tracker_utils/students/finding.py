"""Finding students and devices: by the beginning of a name, a number, a tag or a serial number, filtered, sorted, page by page."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.students.counts import OfStudents, counts
from request_tracker_utils.students.grades import OTHER, grade_of, rank
from request_tracker_utils.students.keyset import Column, Condition, Page, Place, Walk, Walks
from request_tracker_utils.students.models import IS_ASSIGNED, IS_INACTIVE, IS_PENDING, Device, DeviceStatus, Student
from request_tracker_utils.students.search_keys import end_of, key

LONGEST_SEARCH = 100
MOST_WORDS = 4
"""Words of a search that are tried as first and last names."""

BY_NAME = (Student.last_key, Student.first_key, Student.id)
BY_FIRST_NAME = (Student.first_key, Student.last_key, Student.id)
BY_TAG = (Device.tag_key, Device.id)
BY_SERIAL = (Device.serial_key, Device.id)
STUDENT_SORTS = {"name": BY_NAME, "student_id": (Student.id_key, Student.id), "grade": (Student.grade_rank, *BY_NAME)}
DEVICE_SORTS = {"asset_tag": BY_TAG, "created_at": (Device.id,)}

STUDENT_STATUSES: dict[str, tuple[Callable[[], list[Condition]], Callable[[OfStudents], int]]] = {
    "assigned": (lambda: [IS_ASSIGNED, Student.is_active], lambda each: each.assigned),  # type: ignore[list-item]
    "pending": (lambda: [IS_PENDING], lambda each: each.pending),  # type: ignore[list-item]
    "active": (lambda: [Student.is_active], lambda each: each.active),  # type: ignore[list-item]
    "holding": (lambda: [IS_ASSIGNED, IS_INACTIVE], lambda each: each.holding),  # type: ignore[list-item]
    "inactive": (lambda: [IS_INACTIVE], lambda each: each.inactive + each.holding),  # type: ignore[list-item]
}
"""Status → its conditions, and how many there are of what is counted. `holding` have left, and still have something."""


@dataclass(frozen=True)
class StudentsWanted:
    """Empty fields want everything. A grade that is empty text stands for those who have none."""

    text: str = ""
    grades: tuple[str, ...] = ()
    status: str = ""
    sort: str = "name"
    """A name of STUDENT_SORTS, with a minus before it for the other direction; a search has an order of its own."""


@dataclass(frozen=True)
class DevicesWanted:
    text: str = ""
    status: str = ""
    sort: str = "asset_tag"


def find_students(session: Session, wanted: StudentsWanted, *, size: int, after: Place | None = None, offset: int = 0) -> Page[Student]:
    """Raises Invalid for a status, sort or grade that there is not."""
    return _students(wanted).page(session, size=size, after=after, offset=offset)


def count_students(session: Session, wanted: StudentsWanted) -> int:
    """Raises Invalid."""
    if key(wanted.text):
        return _students(wanted).count(session)
    _, counted = _status(wanted.status) if wanted.status else (None, lambda each: each.every)
    by_grade = counts(session).by_grade
    grades = {grade_of(grade) for grade in wanted.grades} if wanted.grades else set(by_grade)
    return sum(counted(each) for grade, each in by_grade.items() if grade in grades)


def find_devices(
    session: Session, wanted: DevicesWanted, *, prefix: str, size: int, after: Place | None = None, offset: int = 0
) -> Page[Device]:
    """Digits alone also find tags with the `prefix`. Raises Invalid."""
    return _devices(wanted, prefix).page(session, size=size, after=after, offset=offset)


def count_devices(session: Session, wanted: DevicesWanted, *, prefix: str) -> int:
    """Raises Invalid."""
    walks = _devices(wanted, prefix)
    if key(wanted.text):
        return walks.count(session)
    counted = counts(session)
    return counted.devices[wanted.status] if wanted.status else counted.all_devices


def begins(column: InstrumentedAttribute[str], beginning: str) -> Condition:
    return and_(column >= beginning, column < end_of(beginning))


def _students(wanted: StudentsWanted) -> Walks[Student]:
    columns, backwards = _sort(wanted.sort, STUDENT_SORTS)
    conditions = [*(_status(wanted.status)[0]() if wanted.status else []), *_of_grades(wanted.grades)]
    text = key(wanted.text[:LONGEST_SEARCH])
    if text:
        return Walks(Student, list(_student_walks(text)), conditions)
    return Walks(Student, [Walk(columns)], conditions, backwards=backwards)


def _student_walks(text: str) -> Iterator[Walk]:
    """Last names first, then first names, then both in either order, then numbers."""
    yield Walk(BY_NAME, [begins(Student.last_key, text)])
    yield Walk(BY_FIRST_NAME, [begins(Student.first_key, text)])
    words = text.replace(",", " ").split()[:MOST_WORDS]
    for split in range(1, len(words)):
        one, other = " ".join(words[:split]), " ".join(words[split:])
        yield Walk(BY_NAME, [begins(Student.last_key, one), begins(Student.first_key, other)])
        yield Walk(BY_FIRST_NAME, [begins(Student.first_key, one), begins(Student.last_key, other)])
    yield Walk(STUDENT_SORTS["student_id"], [begins(Student.id_key, text)])


def _devices(wanted: DevicesWanted, prefix: str) -> Walks[Device]:
    columns, backwards = _sort(wanted.sort, DEVICE_SORTS)
    if wanted.status and wanted.status not in list(DeviceStatus):
        raise Invalid(f"There is no status {wanted.status}. Choose one of {', '.join(DeviceStatus)}.", field="status")
    conditions: list[Condition] = [Device.status == wanted.status] if wanted.status else []
    text = key(wanted.text[:LONGEST_SEARCH])
    if not text:
        return Walks(Device, [Walk(columns)], conditions, backwards=backwards)
    tags = [text, *(key(prefix) + digits for digits in dict.fromkeys([text, text.zfill(4)]) if text.isascii() and text.isdigit())]
    walks = [Walk(BY_TAG, [begins(Device.tag_key, tag)]) for tag in tags]
    return Walks(Device, [*walks, Walk(BY_SERIAL, [begins(Device.serial_key, text)])], conditions)  # type: ignore[arg-type]


def _of_grades(grades: tuple[str, ...]) -> list[Condition]:
    """One grade is an index's beginning; of several the list of all is walked, in which each is frequent enough."""
    wanted = list(dict.fromkeys(grade_of(grade) for grade in grades))
    if not wanted:
        return []
    if len(wanted) == 1:
        grade = wanted[0]
        return [Student.grade_rank == rank(grade), *([Student.grade == grade] if rank(grade) == OTHER else [])]
    others = [grade for grade in wanted if rank(grade) == OTHER]
    ranks = [rank(grade) for grade in wanted if rank(grade) != OTHER]
    either = [*([Student.grade.in_(others)] if others else []), *([(Student.grade_rank + 0).in_(ranks)] if ranks else [])]
    return [or_(*either)]


def _status(status: str) -> tuple[Callable[[], list[Condition]], Callable[[OfStudents], int]]:
    if status not in STUDENT_STATUSES:
        raise Invalid(f"There is no status {status}. Choose one of {', '.join(STUDENT_STATUSES)}.", field="status")
    return STUDENT_STATUSES[status]


def _sort(sort: str, sorts: Mapping[str, tuple[Column, ...]]) -> tuple[tuple[Column, ...], bool]:
    columns = sorts.get(sort.removeprefix("-"))
    if columns is None:
        raise Invalid(f"Lists are not sorted by {sort}. Choose one of {', '.join(sorts)}.", field="sort")
    return columns, sort.startswith("-")
