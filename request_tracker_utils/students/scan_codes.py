"""What a scan means: a student, a device, a card of the station; or two of them that ran together."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Reading
from request_tracker_utils.labels.errors import NotALabel
from request_tracker_utils.students import devices
from request_tracker_utils.students.errors import CodeUnknown, CodeUnreadable, DeviceNotFound, ScansTogether
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.search_keys import key

LONGEST = 500
"""Characters; no label of ours holds more."""
LONGEST_NAME = 100
"""Characters of a tag, a serial number or a student's number."""
SHOWN = 60
_NUMBERED = re.compile(r"[0-9]$")


class Card(StrEnum):
    """Codes of the station's own, printed on a card, so that no hand leaves the scanner. One for each accessory comes beside them."""

    ASSIGN = "MODE:ASSIGN"
    RETURN = "MODE:RETURN"
    DAMAGED = "MODE:DAMAGED"
    LOOK_UP = "MODE:LOOKUP"
    UNDO = "DO:UNDO"


WITHOUT = "WITHOUT:"
"""Begins the code that says which accessory is missing."""


@dataclass(frozen=True)
class Known:
    """What tells addresses and digits. `asset_at` gives the number of the asset at an address, and raises NotALabel; `tags_of` gives
    the tags of assets, by their numbers."""

    prefix: str
    asset_at: Callable[[str], int]
    tags_of: Callable[[list[int]], Mapping[int, str]]


@dataclass(frozen=True)
class Meaning:
    """One of the three. `note` says what else the code might have meant."""

    student: Student | None = None
    device: Device | None = None
    card: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        if self.student:
            return f"{self.student.name} ({self.student.student_id})"
        return self.device.asset_tag if self.device else f"the card {self.card}"


def meaning(reading: Reading, text: str, known: Known) -> Meaning:
    """Looks for a tag first, then a serial number, a student's number, and digits as a tag; digits that are both a student's number and
    a tag are the student.

    Raises CodeUnreadable, CodeUnknown, DeviceNotFound for an asset that is not registered, SerialAmbiguous, ScansTogether. Where it was
    perhaps meant for a student, `student_stays` is false: who was chosen before must not be given what comes next.
    """
    code = _cleaned(text)
    if code.isprintable():
        shelf = _Shelf([code], known)
        with reading() as session:
            shelf.fill(session)
            found = shelf.whole(session, code)
        if found:
            return found
    halves = list(_halves(code))
    shelf = _Shelf({half for pair in halves for half in pair}, known)
    with reading() as session:
        shelf.fill(session)
    _refuse_together(shelf, halves)
    raise _unknown(code, known)


def _cleaned(text: str) -> str:
    """Raises CodeUnreadable."""
    code = _trimmed(text)
    if not code:
        raise CodeUnreadable("Nothing was read. Scan again.", field="code", student_stays=True)
    if len(code) > LONGEST:
        raise CodeUnreadable(
            f"This holds {len(code):,} characters, more than any code of ours. Scan again.", field="code", student_stays=False
        )
    return unicodedata.normalize("NFC", code)


def _trimmed(text: str) -> str:
    """Without blanks and control characters around it: some scanners send them before and after each code."""
    begin, end = 0, len(text)
    while begin < end and not _is_ink(text[begin]):
        begin += 1
    while end > begin and not _is_ink(text[end - 1]):
        end -= 1
    return text[begin:end]


def _is_ink(character: str) -> bool:
    return character.isprintable() and not character.isspace()


@dataclass
class _Shelf:
    """Everything that some codes may mean, fetched with one query for each kind."""

    codes: Iterable[str]
    known: Known
    assets: dict[str, int] = field(default_factory=dict)
    """Code → asset, of those that are addresses."""
    tags: dict[str, Device] = field(default_factory=dict)
    serials: dict[str, list[Device]] = field(default_factory=dict)
    students: dict[str, Student] = field(default_factory=dict)
    by_asset: dict[int, Device] = field(default_factory=dict)
    tag_of_asset: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Addresses are read before a session is open: whoever knows the assets' tags opens one of its own."""
        for code in self.codes:
            if "://" in code and _NUMBERED.search(code):
                try:
                    self.assets[code] = self.known.asset_at(code)
                except NotALabel:
                    continue
        if self.assets:
            self.tag_of_asset = self.known.tags_of(sorted(set(self.assets.values())))

    def fill(self, session: Session) -> None:
        names = [code for code in self.codes if len(code) <= LONGEST_NAME]
        keys = {key(name) for name in names}
        digits = {tag for name in names for tag in self._digit_tags(name)}
        self.tags = devices.of_tags(session, [*keys, *digits, *self.tag_of_asset.values()])
        for device in session.scalars(select(Device).where(Device.serial_key.in_(keys)).order_by(Device.id)):
            self.serials.setdefault(str(device.serial_key), []).append(device)
        self.students = {each.id_key: each for each in session.scalars(select(Student).where(Student.id_key.in_(keys)))}
        if self.assets:
            with_assets = select(Device).where(Device.asset_id.in_(set(self.assets.values())))
            self.by_asset = {int(device.asset_id or 0): device for device in session.scalars(with_assets)}

    def whole(self, session: Session, code: str) -> Meaning | None:
        """Raises SerialAmbiguous."""
        if len(self.serials.get(key(code), [])) > 1 and key(code) not in self.tags:
            devices.with_serial(session, code)  # which says so
        found = self.exact(code)
        student, device = self.students.get(key(code)), self.by_digits(code)
        if student and code.isdigit() and (found is None or found.device is None or key(code) in self.tags):
            other = (found.device if found else None) or device
            note = f"{code} is also the tag {other.asset_tag}. For the device, scan its label or type the whole tag." if other else ""
            return Meaning(student=student, note=note)
        if found and found.device and student:
            return Meaning(device=found.device, note=f"{code} is also the number of {student.name}.")
        return found or (Meaning(device=device) if device else None)

    def exact(self, code: str) -> Meaning | None:
        """What the code says as it stands."""
        name = key(code)
        if code in self.assets:
            device = self.by_asset.get(self.assets[code]) or self.tags.get(key(self.tag_of_asset.get(self.assets[code], "")))
            return Meaning(device=device) if device else None
        if (card := _card(code)) is not None:
            return Meaning(card=card)
        if name in self.tags:
            return Meaning(device=self.tags[name])
        if len(self.serials.get(name, [])) == 1:
            return Meaning(device=self.serials[name][0])
        return Meaning(student=self.students[name]) if name in self.students else None

    def by_digits(self, code: str) -> Device | None:
        return next((self.tags[tag] for tag in self._digit_tags(code) if tag in self.tags), None)

    def _digit_tags(self, code: str) -> list[str]:
        """Keys of the tags that somebody may mean who types the digits alone."""
        if not (code.isascii() and code.isdigit()):
            return []
        return [key(self.known.prefix) + digits for digits in dict.fromkeys([code, code.zfill(4)])]


def _card(code: str) -> str | None:
    upper = code.upper()
    return upper if upper in list(Card) or (upper.startswith(WITHOUT) and len(upper) > len(WITHOUT)) else None


def _halves(code: str) -> Iterator[tuple[str, str]]:
    """Every way in which it may be two codes. What is the same twice comes first, then what is about as long."""
    cuts = sorted(range(1, len(code)), key=lambda cut: (_trimmed(code[:cut]) != _trimmed(code[cut:]), abs(len(code) - 2 * cut)))
    for cut in cuts:
        pair = _trimmed(code[:cut]), _trimmed(code[cut:])
        if all(half and (len(half) <= LONGEST_NAME or "://" in half) for half in pair):
            yield pair


def _refuse_together(shelf: _Shelf, halves: list[tuple[str, str]]) -> None:
    """Raises ScansTogether where both halves are known; such as say so exactly first, then those of which one is digits alone."""
    for with_digits in (False, True):
        for pair in halves:
            found = []
            for half in pair:
                device = shelf.by_digits(half) if with_digits else None
                found.append(shelf.exact(half) or (Meaning(device=device) if device else None))
            one, other = found
            if one and other:
                both = f"{one.name}, twice" if one.name == other.name else f"{one.name} and {other.name}"
                stays = bool(one.device and other.device)
                raise ScansTogether(
                    f"Two scans ran together: {both}. Neither was done. Scan again, one after the other.",
                    field="code",
                    scans=[one.name, other.name],
                    student_stays=stays,
                )


def _unknown(code: str, known: Known) -> Exception:
    """Why nothing was found, as an error to raise."""
    short = code if len(code) <= SHOWN else f"{code[:SHOWN]}…"
    if not code.isprintable():
        said = "This holds a control character, and no code of ours does. Scan again."
        return CodeUnreadable(said, field="code", student_stays=False)
    if "://" in code:
        try:
            asset_id = known.asset_at(code)
        except NotALabel as error:
            return CodeUnknown(error.message, field="code", student_stays=True)
        return DeviceNotFound(
            "Device not found", reason=f"Asset #{asset_id} is not registered as a device. Register it.", student_stays=True
        )
    is_tag = key(code).startswith(key(known.prefix))
    reason = (
        f"No device has the tag {short}. Scan again, or register it." if is_tag else f"“{short}” is no student and no device. Scan again."
    )
    return CodeUnknown(reason, field="code", student_stays=is_tag)
