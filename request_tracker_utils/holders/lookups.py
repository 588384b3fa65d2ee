"""Who holds what in the directory at this moment, asked live; what was just heard is told again for some seconds."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.holders.errors import NoUserOfStudent
from request_tracker_utils.students import service
from request_tracker_utils.students.errors import StudentNotFound
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.search_keys import search_key
from request_tracker_utils.students.service import rt_username

GOOD_FOR = 15.0
"""Seconds for which an answer of the directory is told again."""
MOST_KEPT = 5_000
"""Users whose assets are kept."""
CHUNK = 500


@dataclass(frozen=True)
class Held:
    """What a student's user has in the directory. `tags` are the tags of those that are devices here, by the asset's number."""

    student_id: str
    user: str
    assets: Sequence[Asset]
    tags: Mapping[int, str]


@dataclass(frozen=True)
class Answer:
    """`age` is how many seconds ago the oldest part of it was heard."""

    results: Sequence[Held | AppError]
    age: int


class RecentHoldings:
    """What the directory has said of users lately, in this process. May be used by several threads at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._known: dict[str, tuple[float, list[Asset]]] = {}

    def of(self, users: Iterable[str], asset_store: AssetStore) -> tuple[dict[str, list[Asset]], float]:
        """User in small letters → assets, and the age of the oldest in seconds. Raises what the directory raises: nothing that is older
        than GOOD_FOR is told in its place."""
        wanted = {user.casefold(): user for user in users}
        now = self._clock()
        with self._lock:
            known = {name: self._known[name] for name in wanted if name in self._known and now - self._known[name][0] < GOOD_FOR}
        missing = [wanted[name] for name in wanted if name not in known]
        if missing:
            found = asset_store.held_by(missing)
            fresh = {user.casefold(): (now, [asset for asset in found if _is_of(asset, user)]) for user in missing}
            self._keep(fresh, now)
            known |= fresh
        return {name: assets for name, (_, assets) in known.items()}, max((now - heard for heard, _ in known.values()), default=0.0)

    def _keep(self, fresh: Mapping[str, tuple[float, list[Asset]]], now: float) -> None:
        with self._lock:
            lasting = {name: each for name, each in self._known.items() if now - each[0] < GOOD_FOR}
            self._known = dict([*lasting.items(), *fresh.items()][-MOST_KEPT:])


def of_students(reading: Reading, asset_store: AssetStore, recent: RecentHoldings, student_ids: Sequence[str], *, rule: str) -> Answer:
    """For each the assets of its user, or why it has none. Raises what the directory raises."""
    with reading() as session:
        exact = service.get_many(session, [each.strip() for each in student_ids])
        people = {each: exact.get(each.strip()) or service.find(session, each) for each in student_ids}
        users = {student_id: _user_of(student_id, student, rule) for student_id, student in people.items()}
    names = [user for user in users.values() if isinstance(user, str)]
    held, age = recent.of(names, asset_store)
    with reading() as session:
        tags = tags_of(session, [asset.id for assets in held.values() for asset in assets])
    results: list[Held | AppError] = []
    for each in student_ids:
        user, student = users[each], people[each]
        if isinstance(user, AppError) or student is None:
            results.append(user if isinstance(user, AppError) else _unknown(each))
        else:
            results.append(Held(student.student_id, user, held[user.casefold()], tags))
    return Answer(results, int(age))


def of_user(reading: Reading, asset_store: AssetStore, recent: RecentHoldings, student_id: str, name_or_number: str) -> Answer:
    """What this user has, whose number or name is given beside the student's. Raises UserNotFound, and what the directory raises."""
    name = asset_store.user(name_or_number).name if name_or_number.isdecimal() and asset_store.kind == "rt" else name_or_number
    held, age = recent.of([name], asset_store)
    assets = held[name.casefold()]
    with reading() as session:
        tags = tags_of(session, [asset.id for asset in assets])
    return Answer([Held(student_id, name, assets, tags)], int(age))


def tags_of(session: Session, asset_ids: Sequence[int]) -> dict[int, str]:
    """Asset → tag, of those that are devices here."""
    rows = session.execute(select(Device.asset_id, Device.asset_tag).where(Device.asset_id.in_(asset_ids)))
    return {int(asset_id or 0): tag for asset_id, tag in rows}


def _user_of(student_id: str, student: Student | None, rule: str) -> str | AppError:
    if student is None:
        return _unknown(student_id)
    return rt_username(student, rule) or NoUserOfStudent(
        f"{student.name} ({student.student_id}) has no e-mail address, which is the user’s name in Request Tracker. "
        "Enter it, or the user itself."
    )


def _unknown(student_id: str) -> StudentNotFound:
    reason = f"No student has the number {student_id[:60]}. Check the number, or add the student."
    return StudentNotFound("Student not found", reason=reason)


def _is_of(asset: Asset, user: str) -> bool:
    return asset.is_held_by(user) or asset.owner.casefold() == user.casefold()


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
