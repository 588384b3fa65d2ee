"""Lists of students and devices: by prefix of a name, number, tag or serial number, filtered and sorted, page by page."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.keyset import Column, Condition, Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.scanned_text import readings, serial_readings
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students.counts import StudentCounts, current_counts
from request_tracker_utils.students.grades import OTHER_RANK, grade_rank, parse_grade
from request_tracker_utils.students.models import IS_ASSIGNED, IS_INACTIVE, IS_PENDING, Device, DeviceStatus, Student
from request_tracker_utils.students.visibility import Visibility

MAX_SEARCH_LENGTH = 100
MAX_WORDS = 4
"""Words of a search that are tried as first and last names."""
_LAST = "\U0010ffff"
"""Sorts after every other character."""

BY_NAME = (Student.last_key, Student.first_key, Student.id)
BY_FIRST_NAME = (Student.first_key, Student.last_key, Student.id)
BY_TAG = (Device.tag_key, Device.id)
BY_SERIAL = (Device.serial_key, Device.id)
STUDENT_SORTS = {"name": BY_NAME, "student_id": (Student.id_key, Student.id), "grade": (Student.grade_rank, *BY_NAME)}
DEVICE_SORTS = {"asset_tag": BY_TAG, "created_at": (Device.id,)}

STUDENT_STATUSES: dict[str, tuple[Callable[[], list[Condition]], Callable[[StudentCounts], int]]] = {
    "assigned": (lambda: [IS_ASSIGNED, Student.is_active], lambda each: each.assigned),  # type: ignore[list-item]
    "pending": (lambda: [IS_PENDING], lambda each: each.pending),  # type: ignore[list-item]
    "active": (lambda: [Student.is_active], lambda each: each.active),  # type: ignore[list-item]
    "holding": (lambda: [IS_ASSIGNED, IS_INACTIVE], lambda each: each.holding),  # type: ignore[list-item]
    "inactive": (lambda: [IS_INACTIVE], lambda each: each.inactive + each.holding),  # type: ignore[list-item]
}
"""Status → its conditions, and its count. `holding` are inactive students who still have a device."""


@dataclass(frozen=True)
class StudentFilter:
    """Empty fields do not filter. The empty grade matches students without a grade."""

    text: str = ""
    grades: tuple[str, ...] = ()
    status: str = ""
    sort: str = "name"
    """A key of STUDENT_SORTS, descending with a minus before it. A search has its own order."""


@dataclass(frozen=True)
class DeviceFilter:
    """With a `device_id`, the text is the address of that device, and finds only it."""

    text: str = ""
    status: str = ""
    sort: str = "asset_tag"
    device_id: int | None = None


def possible_texts(session: Session, text: str) -> list[str]:
    """What a text of a search may mean, the most literal first: search for the next one if nothing is found. A serial number that follows a
    manufacturer's prefix is one of them if a device has it."""
    serials = {search_key(serial): serial for serial in serial_readings(text)}
    known = session.scalars(select(Device.serial_key).where(Device.serial_key.in_(serials)).distinct()) if serials else ()
    return [*readings(text), *(serials[str(key)] for key in known)]


def find_students(
    session: Session, query: StudentFilter, sees: Visibility, *, size: int, after: Cursor | None = None, offset: int = 0
) -> Page[Student]:
    """Raises Invalid for an unknown status, sort or grade."""
    return _students(query, sees).page(session, size=size, after=after, offset=offset)


def count_students(session: Session, query: StudentFilter, sees: Visibility) -> int:
    """Raises Invalid."""
    if search_key(query.text):
        return _students(query, sees).count(session)
    count_of: Callable[[StudentCounts], int] = _status(query.status)[1] if query.status else lambda each: each.total
    by_grade = current_counts(session, sees).by_grade
    grades = {parse_grade(grade) for grade in query.grades} if query.grades else set(by_grade)
    return sum(count_of(each) for grade, each in by_grade.items() if grade in grades)


def find_devices(
    session: Session, query: DeviceFilter, *, prefix: str, size: int, after: Cursor | None = None, offset: int = 0
) -> Page[Device]:
    """Digits alone also match tags with the `prefix`. Raises Invalid."""
    return _devices(query, prefix).page(session, size=size, after=after, offset=offset)


def count_devices(session: Session, query: DeviceFilter, *, prefix: str) -> int:
    """Raises Invalid."""
    devices = _devices(query, prefix)
    if search_key(query.text):
        return devices.count(session)
    counts = current_counts(session)
    return counts.devices[query.status] if query.status else counts.all_devices


def _students(query: StudentFilter, sees: Visibility) -> KeysetQuery[Student]:
    columns, descending = _sort(query.sort, STUDENT_SORTS)
    conditions = [*(_status(query.status)[0]() if query.status else []), *_grades(query.grades)]
    text = search_key(query.text[:MAX_SEARCH_LENGTH])
    if text:
        return KeysetQuery(Student, list(_student_segments(text)), conditions, within=sees.conditions())
    return KeysetQuery(Student, [Segment(columns)], conditions, within=sees.conditions(), descending=descending)


def _student_segments(text: str) -> Iterator[Segment]:
    """Last names first, then first names, then both in either order, then numbers."""
    yield Segment(BY_NAME, [_starts_with(Student.last_key, text)])
    yield Segment(BY_FIRST_NAME, [_starts_with(Student.first_key, text)])
    words = text.replace(",", " ").split()[:MAX_WORDS]
    for split in range(1, len(words)):
        one, other = " ".join(words[:split]), " ".join(words[split:])
        yield Segment(BY_NAME, [_starts_with(Student.last_key, one), _starts_with(Student.first_key, other)])
        yield Segment(BY_FIRST_NAME, [_starts_with(Student.first_key, one), _starts_with(Student.last_key, other)])
    yield Segment(STUDENT_SORTS["student_id"], [_starts_with(Student.id_key, text)])


def _devices(query: DeviceFilter, prefix: str) -> KeysetQuery[Device]:
    columns, descending = _sort(query.sort, DEVICE_SORTS)
    if query.status and query.status not in list(DeviceStatus):
        raise _unknown_status(query.status, DeviceStatus)
    conditions: list[Condition] = [Device.status == query.status] if query.status else []
    if query.device_id is not None:
        return KeysetQuery(Device, [Segment(columns)], [*conditions, Device.id == query.device_id])
    text = search_key(query.text[:MAX_SEARCH_LENGTH])
    if not text:
        return KeysetQuery(Device, [Segment(columns)], conditions, descending=descending)
    numbers = dict.fromkeys([text, text.zfill(4)]) if text.isascii() and text.isdigit() else {}
    tags = [text, *(search_key(prefix) + digits for digits in numbers)]
    segments = [Segment(BY_TAG, [_starts_with(Device.tag_key, tag)]) for tag in tags]
    return KeysetQuery(Device, [*segments, Segment(BY_SERIAL, [_starts_with(Device.serial_key, text)])], conditions)  # type: ignore[arg-type]


def _starts_with(column: InstrumentedAttribute[str], prefix: str) -> Condition:
    return and_(column >= prefix, column < prefix + _LAST)


def _grades(grades: tuple[str, ...]) -> list[Condition]:
    """One grade is a prefix of an index. Several are filtered while the index of names is read: each is frequent enough, and `+ 0` prevents
    SQLite from choosing the index of grades."""
    parsed = list(dict.fromkeys(parse_grade(grade) for grade in grades))
    if not parsed:
        return []
    if len(parsed) == 1:
        grade, rank = parsed[0], grade_rank(parsed[0])
        return [Student.grade_rank == rank, *([Student.grade == grade] if rank == OTHER_RANK else [])]
    others = [grade for grade in parsed if grade_rank(grade) == OTHER_RANK]
    ranks = [rank for rank in map(grade_rank, parsed) if rank != OTHER_RANK]
    either = [*([Student.grade.in_(others)] if others else []), *([(Student.grade_rank + 0).in_(ranks)] if ranks else [])]
    return [or_(*either)]


def _status(status: str) -> tuple[Callable[[], list[Condition]], Callable[[StudentCounts], int]]:
    if status not in STUDENT_STATUSES:
        raise _unknown_status(status, STUDENT_STATUSES)
    return STUDENT_STATUSES[status]


def _unknown_status(status: str, choices: Iterable[str]) -> Invalid:
    return Invalid(_("Unknown status %(status)s. Choose one of %(choices)s.", status=status, choices=", ".join(choices)), field="status")


def _sort(sort: str, sorts: Mapping[str, tuple[Column, ...]]) -> tuple[tuple[Column, ...], bool]:
    """The columns, and whether the order is descending."""
    columns = sorts.get(sort.removeprefix("-"))
    if columns is None:
        raise Invalid(_("Cannot sort by %(sort)s. Choose one of %(choices)s.", sort=sort, choices=", ".join(sorts)), field="sort")
    return columns, sort.startswith("-")
