"""The ways in which a difference can be settled, each in words that say what will happen."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.holders.models import DifferenceKind, HolderDifference
from request_tracker_utils.holders.people import students_of_users
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.fields import identifier
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.search_keys import search_key


class Way(StrEnum):
    """Each is named by what is kept as the settlement."""

    TELL = "told"
    """The directory is told who has the device here."""
    TAKE = "taken"
    """The device gets here the holder that it has in the directory."""
    CALL_AGAIN = "called-again"
    """The directory calls the asset by the device's tag again."""
    LINK = "linked"
    """The device is another asset: the one that is called so, or has its serial number."""
    REGISTER = "registered"
    """The asset becomes a device here, with the student who holds it."""
    EMPTY = "emptied"
    """The asset becomes nobody's in the directory."""
    RETIRE = "retired"
    LEAVE = "left"


OVERRIDES = frozenset({Way.TAKE, Way.REGISTER, Way.RETIRE})
"""Ways that set who has a device here in spite of what stands against it."""

AT_ONCE: Mapping[DifferenceKind, Sequence[Way]] = {
    DifferenceKind.HOLDER: (Way.TELL, Way.TAKE),
    DifferenceKind.RENAMED: (Way.CALL_AGAIN, Way.LEAVE),
    DifferenceKind.UNKNOWN_HERE: (Way.REGISTER, Way.LEAVE),
    DifferenceKind.MISSING_THERE: (Way.LINK, Way.LEAVE),
}
"""What may be done with all of a kind at once; those that cannot be settled this way stay open."""


@dataclass(frozen=True)
class Offer:
    """A button: `words` stand on it, `then` says what follows from it where the words do not say all."""

    way: Way
    words: str
    then: str = ""

    @property
    def overrides(self) -> bool:
        return self.way in OVERRIDES


@dataclass(frozen=True)
class Choice:
    """A difference with what can be done about it; `holder` is the student who has the device here, `held_by` the one who has it in the
    directory, where that is a student."""

    difference: HolderDifference
    offers: Sequence[Offer]
    holder: Student | None
    held_by: Student | None

    @property
    def seal(self) -> str:
        """Changes with everything that the person who chooses has read."""
        about = self.difference
        read = [about.kind, about.asset_tag, about.asset_name, about.ours, about.theirs]
        return hashlib.sha256("\n".join([*read, *(f"{offer.words} {offer.then}" for offer in self.offers)]).encode()).hexdigest()[:16]


def choices(session: Session, differences: Sequence[HolderDifference], *, place: str, rule: str) -> list[Choice]:
    """The same differences, each with its ways. `place` is what people call the directory."""
    users = students_of_users(session, [each.theirs for each in differences], rule)
    ids = {each.student_id for each in differences if each.student_id}
    students = {each.student_id: each for each in session.scalars(select(Student).where(Student.student_id.in_(ids)))}
    keys = {search_key(name) for each in differences for name in (each.asset_tag, each.asset_name) if name}
    devices = {each.tag_key: each for each in session.scalars(select(Device).where(Device.tag_key.in_(keys)))}
    words = _Words(devices, place)
    return [
        Choice(each, list(words.of(each, held_by := users.get(each.theirs.casefold()))), students.get(each.student_id or ""), held_by)
        for each in differences
    ]


class _Words:
    def __init__(self, devices: Mapping[str, Device], place: str) -> None:
        self._devices, self._place = devices, place

    def of(self, difference: HolderDifference, held_by: Student | None) -> Iterator[Offer]:
        offers = {
            DifferenceKind.HOLDER: self._holder,
            DifferenceKind.RENAMED: self._renamed,
            DifferenceKind.UNKNOWN_HERE: self._unknown,
            DifferenceKind.MISSING_THERE: self._missing,
        }[DifferenceKind(difference.kind)]
        yield from offers(difference, held_by)
        if difference.kind == DifferenceKind.RENAMED:
            yield Offer(Way.LEAVE, "Leave the name as it is", f"Who has it is told to {self._place} all the same.")
        else:
            yield Offer(Way.LEAVE, "Leave it as it is")

    def _holder(self, difference: HolderDifference, held_by: Student | None) -> Iterator[Offer]:
        if difference.ours:
            yield Offer(Way.TELL, f"Tell {self._place} that {difference.ours} has it")
        elif difference.student_id is None:
            yield Offer(Way.TELL, f"Tell {self._place} that nobody has it")
        if held_by is not None:
            yield Offer(Way.TAKE, f"Give it to {held_by.name} here")
        elif not difference.theirs:
            yield Offer(Way.TAKE, "Take it back here")

    def _renamed(self, difference: HolderDifference, _held_by: Student | None) -> Iterator[Offer]:
        yield Offer(Way.CALL_AGAIN, f"Call #{difference.asset_id} {difference.asset_tag} again in {self._place}")
        then = f"That one is {difference.asset_tag} then, and #{difference.asset_id} is no device here any more."
        yield Offer(Way.LINK, f"Look for another asset that is called {difference.asset_tag}", then)

    def _unknown(self, difference: HolderDifference, held_by: Student | None) -> Iterator[Offer]:
        if held_by is not None and self._is_free(difference.asset_name):
            yield Offer(Way.REGISTER, f"Register {difference.asset_name} here, with {held_by.name}")
        yield Offer(Way.EMPTY, f"Make #{difference.asset_id} nobody’s in {self._place}")

    def _missing(self, difference: HolderDifference, _held_by: Student | None) -> Iterator[Offer]:
        device = self._devices.get(search_key(difference.asset_tag))
        if device is not None and device.serial_number:
            yield Offer(Way.LINK, f"Look for an asset with the serial number {device.serial_number}")
        then = "It is taken back first." if difference.student_id else ""
        yield Offer(Way.RETIRE, f"Retire {difference.asset_tag} here", then)

    def _is_free(self, name: str) -> bool:
        """Whether the name may be the tag of a new device."""
        try:
            return search_key(identifier(name, "asset_tag", "devices")) not in self._devices
        except InvalidField:
            return False
