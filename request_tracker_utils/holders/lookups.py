"""Live lookups in the asset store: the assets of students, and the students of users. Answers are cached for some seconds."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.errors import AppError, NotFound
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students import service
from request_tracker_utils.students.errors import StudentNotFound
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.service import rt_username

MAX_AGE_SECONDS = 15.0
"""How long an answer of the asset store is cached."""
MAX_USERS = 5_000
"""The most users in the cache."""
CHUNK = 500
"""Names in one query."""


class StudentHasNoUser(NotFound):
    """The student has no user in Request Tracker: RT_STUDENT_USER requires an email address, and the student has none."""

    code = "no_user_of_student"


@dataclass(frozen=True)
class StudentAssets:
    """What a student's user holds or owns. `tags` maps the numbers of assets that are devices here to their tags."""

    student_id: str
    user: str
    assets: Sequence[Asset]
    tags: Mapping[int, str]


@dataclass(frozen=True)
class LookupResult:
    """`age` is that of the oldest part, in seconds."""

    results: Sequence[StudentAssets | AppError]
    age: int


class AssetCache:
    """The assets of users, in this process. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._entries: dict[str, tuple[float, list[Asset]]] = {}

    def assets_of(self, users: Iterable[str], asset_store: AssetStore) -> tuple[dict[str, list[Asset]], float]:
        """User's name in lower case → assets, and the age of the oldest entry in seconds. Raises errors of the asset store: an older
        entry is never used instead."""
        names = {user.casefold(): user for user in users}
        now = self._clock()
        with self._lock:
            entries = {name: self._entries[name] for name in names if name in self._entries and self._is_fresh(self._entries[name], now)}
        missing = [names[name] for name in names if name not in entries]
        if missing:
            found = asset_store.held_by(missing)
            fetched = {user.casefold(): (now, [asset for asset in found if _is_of(asset, user)]) for user in missing}
            self._add(fetched, now)
            entries |= fetched
        ages = (now - fetched_at for fetched_at, _assets in entries.values())
        return {name: assets for name, (_at, assets) in entries.items()}, max(ages, default=0.0)

    def _add(self, fetched: Mapping[str, tuple[float, list[Asset]]], now: float) -> None:
        with self._lock:
            fresh = {name: entry for name, entry in self._entries.items() if self._is_fresh(entry, now)}
            self._entries = dict([*fresh.items(), *fetched.items()][-MAX_USERS:])

    @staticmethod
    def _is_fresh(entry: tuple[float, list[Asset]], now: float) -> bool:
        return now - entry[0] < MAX_AGE_SECONDS


def look_up_students(
    reading: Reading, asset_store: AssetStore, cache: AssetCache, student_ids: Sequence[str], *, rule: str
) -> LookupResult:
    """In the order of the ids: the assets of the student's user, or an error. `rule` is RT_STUDENT_USER. Raises errors of the asset
    store."""
    with reading() as session:
        exact = service.get_many(session, [each.strip() for each in student_ids])
        students = {each: exact.get(each.strip()) or service.find(session, each) for each in student_ids}
    users = {student_id: _user_of(student_id, student, rule) for student_id, student in students.items()}
    assets, age = cache.assets_of([user for user in users.values() if isinstance(user, str)], asset_store)
    with reading() as session:
        tags = _tags_of(session, [asset.id for found in assets.values() for asset in found])
    results: list[StudentAssets | AppError] = []
    for each in student_ids:
        user, student = users[each], students[each]
        if isinstance(user, AppError) or student is None:
            results.append(user if isinstance(user, AppError) else _not_found(each))
        else:
            results.append(StudentAssets(student.student_id, user, assets[user.casefold()], tags))
    return LookupResult(results, int(age))


def look_up_user(reading: Reading, asset_store: AssetStore, cache: AssetCache, student_id: str, name_or_number: str) -> LookupResult:
    """The assets of this user as the student's. Raises UserNotFound and errors of the asset store."""
    name = asset_store.user(name_or_number).name if name_or_number.isdecimal() and asset_store.kind == "rt" else name_or_number
    assets, age = cache.assets_of([name], asset_store)
    found = assets[name.casefold()]
    with reading() as session:
        tags = _tags_of(session, [asset.id for asset in found])
    return LookupResult([StudentAssets(student_id, name, found, tags)], int(age))


def students_of_users(session: Session, names: Iterable[str], rule: str) -> dict[str, Student]:
    """User's name in lower case → the student. Names that belong to several students are left out. `rule` is RT_STUDENT_USER."""
    wanted, found, ambiguous = sorted({name.casefold() for name in names if name}), dict[str, Student](), set[str]()
    for begin in range(0, len(wanted), CHUNK):
        for student in _candidates(session, wanted[begin : begin + CHUNK], rule):
            name = rt_username(student, rule).casefold()
            if found.setdefault(name, student).id != student.id:
                ambiguous.add(name)
    return {name: found[name] for name in wanted if name in found and name not in ambiguous}


def no_user(student: Student) -> StudentHasNoUser:
    return StudentHasNoUser(
        _(
            "%(name)s (%(number)s) has no email address, which is needed for the user name in Request Tracker. "
            "Add the address or the user to the student.",
            name=student.name,
            number=student.student_id,
        )
    )


def same_user(one: str, other: str) -> bool:
    """Request Tracker compares names without case."""
    return one.casefold() == other.casefold()


def _user_of(student_id: str, student: Student | None, rule: str) -> str | AppError:
    if student is None:
        return _not_found(student_id)
    if user := rt_username(student, rule):
        return user
    return no_user(student)


def _not_found(student_id: str) -> StudentNotFound:
    reason = _("No student has the number %(number)s. Check the number, or add the student.", number=student_id[:60])
    return StudentNotFound("Student not found", reason=reason)


def _is_of(asset: Asset, user: str) -> bool:
    return asset.is_held_by(user) or same_user(asset.owner, user)


def _tags_of(session: Session, asset_ids: Sequence[int]) -> dict[int, str]:
    """Asset → tag, for those that are devices here."""
    rows = session.execute(select(Device.asset_id, Device.asset_tag).where(Device.asset_id.in_(asset_ids)))
    return {int(asset_id or 0): tag for asset_id, tag in rows}


def _candidates(session: Session, names: list[str], rule: str) -> Iterator[Student]:
    """Students who may have one of these users: set for the student, or by the rule."""
    yield from session.scalars(select(Student).where(text("rt_user <> ''"), func.lower(Student.rt_user).in_(names)))
    field = "{student_id}" if "{student_id}" in rule else "{email}"
    before, after = (part.casefold() for part in rule.split(field, 1))
    parts = [name[len(before) : len(name) - len(after)] for name in names if name.startswith(before) and name.endswith(after)]
    by_rule = Student.id_key.in_([search_key(part) for part in parts]) if field == "{student_id}" else func.lower(Student.email).in_(parts)
    yield from session.scalars(select(Student).where(by_rule))
