"""What a scanned code refers to: a student, a device, a command of the scan station, or two codes that arrived as one."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.keyboard_layouts import other_keyboard_language, read_through
from request_tracker_utils.core.scanned_text import SOFT_HYPHEN, readings, serial_readings
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.errors import NotALabel
from request_tracker_utils.students import devices
from request_tracker_utils.students.errors import (
    AmbiguousSerialNumber,
    AssetStoreSilent,
    DeviceNotFound,
    MergedScans,
    UnknownCode,
    UnreadableCode,
)
from request_tracker_utils.students.inventory import FoundAsset, Inventory, ambiguous
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.scan_commands import StationCommand, command_of
from request_tracker_utils.students.visibility import EVERYBODY, Visibility
from request_tracker_utils.tags.lookup import tag_behind_layout

MAX_LENGTH = 500
"""Characters of a code; no label has more."""
MAX_NAME_LENGTH = 100
"""Characters of a tag, a serial number or a student's number."""
MAX_NAMES = 40
"""Tags and serial numbers that one code is looked up as."""
SHOWN = 60
"""Characters of an unknown code that an error shows."""
_ENDS_WITH_DIGIT = re.compile(r"[0-9]$")


@dataclass(frozen=True)
class ScanContext:
    """What resolving a code needs from this installation. `asset_at` returns the id of the asset at a URL, or raises NotALabel; `tags_of`
    maps asset ids to tags. Digits alone are tried with the `prefix`. Codes that are unknown here are looked up in the `inventory`."""

    prefix: str
    asset_at: Callable[[str], int]
    tags_of: Callable[[list[int]], Mapping[int, str]]
    inventory: Inventory
    sees: Visibility = EVERYBODY
    """Students whom the caller may not see are unknown codes."""


@dataclass(frozen=True)
class ResolvedCode:
    """Exactly one of student, device and command is set. `note` names what else the code could refer to."""

    student: Student | None = None
    device: Device | None = None
    command: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        if self.student:
            return f"{self.student.name} ({self.student.student_id})"
        return self.device.asset_tag if self.device else _("the command %(code)s", code=self.command)


def resolve(reading: Reading, text: str, context: ScanContext) -> ResolvedCode:
    """Matches tags first, then serial numbers, student numbers, and digits as a tag. Digits that are a student's number and a tag are the
    student.

    A device without a row (its `id` is None) is an asset that becomes a device with its first change.

    Raises UnreadableCode, UnknownCode, DeviceNotFound for an asset that cannot be a device, AmbiguousSerialNumber, AmbiguousAsset,
    MergedScans, AssetStoreSilent. If the code may have been a student, the error's `student_stays` is false, so that the next device is not
    assigned to the student selected before.
    """
    code = _cleaned(text)
    meant, serials = (readings(code), serial_readings(code)) if code.isprintable() else ([], [])
    candidates = _Candidates([*meant, *serials], context)
    with reading() as session:
        candidates.load(session)
    if found := candidates.first(meant, serials):
        return found
    halves = list(_halves(readings(code)[-1]))
    candidates = _Candidates({*meant, *serials, *(half for pair in halves for half in pair)}, context)
    with reading() as session:
        candidates.load(session)
        tag = next(filter(None, (tag_behind_layout(session, each) for each in readings(code))), None)
    misread = _misread(code, str(tag) if tag else None)
    try:
        candidates.look_up(meant, serials, halves)
    except AssetStoreSilent as error:
        _raise_if_merged(candidates, halves)
        raise misread or _silent_about(code, error, context) from None
    if found := candidates.first(meant, serials):
        return found
    _raise_if_merged(candidates, halves)
    raise candidates.problem([*meant, *serials]) or misread or _unknown(readings(code)[-1], context)


def find_asset(reading: Reading, text: str, context: ScanContext) -> Device | None:
    """The asset with this tag or serial number that is not a device yet, for a search that found no device. For an address, the asset
    that it names, device or not. Raises AssetStoreSilent, UnreadableCode, and DeviceNotFound or AmbiguousAsset for an asset that cannot
    be a device."""
    if not any(" " not in each and any(map(str.isdigit, each)) for each in [text, *serial_readings(text)]):  # a name
        with reading() as session:
            tag = tag_behind_layout(session, text)
        if tag:
            raise UnreadableCode(other_keyboard_language(text, str(tag)), field="code", student_stays=True)
        return None
    try:
        found = resolve(reading, text, context).device
    except (UnknownCode, MergedScans, AmbiguousSerialNumber):
        return None
    return found if found is not None and (found.id is None or is_address(text)) else None


def is_address(text: str) -> bool:
    return "://" in text


@dataclass
class _Candidates:
    """All students and devices that the codes may refer to, loaded with one query per kind."""

    codes: Iterable[str]
    context: ScanContext
    asset_ids: dict[str, int] = field(default_factory=dict)
    """Code → asset, for codes that are URLs."""
    tags: dict[str, Device] = field(default_factory=dict)
    serials: dict[str, list[Device]] = field(default_factory=dict)
    students: dict[str, Student] = field(default_factory=dict)
    by_asset: dict[int, Device] = field(default_factory=dict)
    tag_of_asset: Mapping[int, str] = field(default_factory=dict)
    problems: dict[str, AppError] = field(default_factory=dict)
    """Key of a code → why its asset cannot be a device."""

    def __post_init__(self) -> None:
        """Resolves URLs before a session is open, since `tags_of` opens its own."""
        for code in self.codes:
            if "://" in code and _ENDS_WITH_DIGIT.search(code):
                try:
                    self.asset_ids[code] = self.context.asset_at(code)
                except NotALabel:
                    continue
        if self.asset_ids:
            self.tag_of_asset = self.context.tags_of(sorted(set(self.asset_ids.values())))

    def load(self, session: Session) -> None:
        names = [code for code in self.codes if len(code) <= MAX_NAME_LENGTH]
        keys = {search_key(name) for name in names}
        numbered = {tag for name in names for tag in self._tags_with_digits(name)}
        self.tags = devices.get_many(session, [*keys, *numbered, *self.tag_of_asset.values()])
        for device in session.scalars(select(Device).where(Device.serial_key.in_(keys)).order_by(Device.id)):
            self.serials.setdefault(str(device.serial_key), []).append(device)
        students = select(Student).where(Student.id_key.in_(keys), *self.context.sees.conditions())
        self.students = {each.id_key: each for each in session.scalars(students)}
        if self.asset_ids:
            with_assets = select(Device).where(Device.asset_id.in_(set(self.asset_ids.values())))
            self.by_asset = {int(device.asset_id or 0): device for device in session.scalars(with_assets)}

    def look_up(self, meant: Sequence[str], serials: Sequence[str], halves: Sequence[tuple[str, str]]) -> None:
        """Adds assets that are not devices yet, for the readings of the code, and for its halves if these may be two codes. Raises
        AssetStoreSilent."""
        inventory = self.context.inventory
        names, sought = list(inventory.tags.assets_by_tag(meant)), list[str]()
        # A tag that was assigned here, or an address, is that of one asset: nothing else needs to be asked.
        if not names and not any("://" in each for each in meant):
            possible = dict.fromkeys([*meant, *self._unknown_halves(halves)])
            names = [each for each in possible if each.isprintable() and len(each) <= MAX_NAME_LENGTH]
            sought = list(dict.fromkeys([*names, *serials]))
        tags = list(dict.fromkeys([*names, *(self.context.prefix + digits for name in names for digits in _numbers(name))]))
        asset_of = {**inventory.tags.assets_by_tag(tags), **{each: self.asset_ids[each] for each in meant if each in self.asset_ids}}
        found = inventory.find_keys(inventory.keys_of([*tags, *asset_of], asset_of, sought))
        for text in dict.fromkeys([*asset_of, *tags]):
            asset_id = asset_of.get(text)
            self._add(text, [each for each in found if (each.asset.id == asset_id if asset_id else each.has_tag(text))], by_tag=True)
        for serial in sought:
            self._add(serial, [each for each in found if each.has_serial(serial)], by_tag=False)

    def problem(self, codes: Sequence[str]) -> AppError | None:
        """Why the asset with one of these codes cannot be a device."""
        keys = [key for code in codes for key in (search_key(code), *self._tags_with_digits(code))]
        return next((self.problems[key] for key in keys if key in self.problems), None)

    def _add(self, text: str, entries: Sequence[FoundAsset], *, by_tag: bool) -> None:
        """The assets with this tag, or with this serial number."""
        key = search_key(text)
        if len(entries) > 1:
            self.problems.setdefault(key, ambiguous(text, entries))
        elif entries and entries[0].device is None:
            self.problems.setdefault(key, entries[0].problem or _not_a_device(entries[0].asset.id))
        elif entries and entries[0].device:
            device = entries[0].device
            if text in self.asset_ids:
                self.by_asset[entries[0].asset.id] = device
            elif by_tag:
                self.tags.setdefault(key, device)
            else:
                self.serials.setdefault(key, [device])

    def _unknown_halves(self, halves: Sequence[tuple[str, str]]) -> list[str]:
        """Halves that may be tags or serial numbers: both are tags, both are the same, or the other one is known."""
        names, is_tag, begin = list[str](), self.context.inventory.tags.canonical_tag, search_key(self.context.prefix)
        for pair in halves:
            unknown = [half for half in pair if self.exact(half) is None]
            may_be_tags = all(search_key(half).startswith(begin) and is_tag(half) for half in pair)
            if len(unknown) < len(pair) or pair[0] == pair[1] or may_be_tags:
                names += unknown
        return list(dict.fromkeys(names))[:MAX_NAMES]

    def first(self, meant: Sequence[str], serials: Sequence[str]) -> ResolvedCode | None:
        """What the first of the readings is that is known; then the first serial number. Raises AmbiguousSerialNumber."""
        found = next(filter(None, map(self.match, meant)), None)
        return found or next(filter(None, map(self.by_serial, serials)), None)

    def match(self, code: str) -> ResolvedCode | None:
        """The code as a whole. Raises AmbiguousSerialNumber."""
        name = search_key(code)
        if len(self.serials.get(name, [])) > 1 and name not in self.tags:
            raise devices.ambiguous_serial(code, self.serials[name])
        found = self.exact(code)
        student, device = self.students.get(name), self.by_digits(code)
        if student and code.isdigit() and (found is None or found.device is None or name in self.tags):
            other, note = (found.device if found else None) or device, ""
            if other:
                values = {"code": code, "tag": other.asset_tag}
                note = _("%(code)s is also the tag %(tag)s. For the device, scan its label or enter the full tag.", **values)
            return ResolvedCode(student=student, note=note)
        if found and found.device and student:
            return ResolvedCode(device=found.device, note=_("%(code)s is also the number of %(name)s.", code=code, name=student.name))
        return found or (ResolvedCode(device=device) if device else None)

    def exact(self, code: str) -> ResolvedCode | None:
        """The code without completing digits to a tag."""
        name = search_key(code)
        if code in self.asset_ids:
            asset_id = self.asset_ids[code]
            device = self.by_asset.get(asset_id) or self.tags.get(search_key(self.tag_of_asset.get(asset_id, "")))
            return ResolvedCode(device=device) if device else None
        if (command := command_of(code)) is not None:
            return ResolvedCode(command=command)
        if name in self.tags:
            return ResolvedCode(device=self.tags[name])
        if len(self.serials.get(name, [])) == 1:
            return ResolvedCode(device=self.serials[name][0])
        return ResolvedCode(student=self.students[name]) if name in self.students else None

    def by_serial(self, serial: str) -> ResolvedCode | None:
        """Raises AmbiguousSerialNumber."""
        found = self.serials.get(search_key(serial), [])
        if len(found) > 1:
            raise devices.ambiguous_serial(serial, found)
        return ResolvedCode(device=found[0]) if found else None

    def by_digits(self, code: str) -> Device | None:
        return next((self.tags[tag] for tag in self._tags_with_digits(code) if tag in self.tags), None)

    def _tags_with_digits(self, code: str) -> list[str]:
        """Keys of the tags that the digits alone may stand for."""
        return [search_key(self.context.prefix) + digits for digits in _numbers(code)]


def _numbers(code: str) -> list[str]:
    """The numbers of the tags that the code may stand for, if it is only digits."""
    return list(dict.fromkeys([code, code.zfill(4)])) if code.isascii() and code.isdigit() else []


def _cleaned(text: str) -> str:
    """Raises UnreadableCode."""
    code = _trimmed(text.replace(SOFT_HYPHEN, "-"))
    if not code:
        raise UnreadableCode(_("The code is empty. Scan again."), field="code", student_stays=True)
    if len(code) > MAX_LENGTH:
        message = _("The code has %(count)s characters; the limit is %(limit)s. Scan again.", count=f"{len(code):,}", limit=MAX_LENGTH)
        raise UnreadableCode(message, field="code", student_stays=False)
    return unicodedata.normalize("NFC", code)


def _trimmed(text: str) -> str:
    """Without surrounding spaces and control characters, which some scanners send with each code."""
    begin, end = 0, len(text)
    while begin < end and not _is_visible(text[begin]):
        begin += 1
    while end > begin and not _is_visible(text[end - 1]):
        end -= 1
    return text[begin:end]


def _is_visible(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def _halves(code: str) -> Iterator[tuple[str, str]]:
    """Every split into two codes: equal halves first, then those of similar length."""
    cuts = sorted(range(1, len(code)), key=lambda cut: (_trimmed(code[:cut]) != _trimmed(code[cut:]), abs(len(code) - 2 * cut)))
    for cut in cuts:
        pair = readings(_trimmed(code[:cut]))[-1], readings(_trimmed(code[cut:]))[-1]
        if all(half and (len(half) <= MAX_NAME_LENGTH or "://" in half) for half in pair):
            yield pair


def _raise_if_merged(candidates: _Candidates, halves: list[tuple[str, str]]) -> None:
    """Raises MergedScans if both halves are known: exact matches first, then those with digits alone."""
    for with_digits in (False, True):
        for pair in halves:
            found = []
            for half in pair:
                device = candidates.by_digits(half) if with_digits else None
                found.append(candidates.exact(half) or (ResolvedCode(device=device) if device else None))
            one, other = found
            if one and other:
                raise _merged(one, other)


def _merged(one: ResolvedCode, other: ResolvedCode) -> MergedScans:
    if one.name == other.name:
        message = _("Two scans arrived as one: %(name)s twice. Neither was processed. Scan again, one at a time.", name=one.name)
    else:
        message = _(
            "Two scans arrived as one: %(first)s and %(second)s. Neither was processed. Scan again, one at a time.",
            first=one.name,
            second=other.name,
        )
    return MergedScans(message, field="code", scans=[one.name, other.name], student_stays=bool(one.device and other.device))


def _misread(code: str, tag: str | None) -> UnreadableCode | None:
    """The error if the scanner’s settings changed the code: the keyboard language, or upper and lower case. `tag` is the tag that it is
    in another keyboard language."""
    test = StationCommand.TEST
    if tag:
        return UnreadableCode(other_keyboard_language(code, tag), field="code", student_stays=True)
    if code == test.swapcase():
        message = _("Caps Lock is on, at the scanner or at this computer. Turn it off, then scan the test code again.")
    elif code.casefold() == test.casefold():
        message = _("The scanner changes upper and lower case. Turn that off in its settings, then scan the test code again.")
    elif read_through(code, lambda meant: meant if meant.casefold() == test.casefold() else None):
        message = _(
            "The scanner’s keyboard language differs from this computer’s. Set the scanner to the computer’s keyboard language, "
            "then scan the test code again."
        )
    else:
        return None
    return UnreadableCode(message, field="code", student_stays=True)


def _unknown(code: str, context: ScanContext) -> UnreadableCode | UnknownCode | DeviceNotFound:
    """The error for a code that matches nothing."""
    short = code if len(code) <= SHOWN else f"{code[:SHOWN]}…"
    if not code.isprintable():
        return UnreadableCode(_("The code contains a control character. Scan again."), field="code", student_stays=False)
    if "://" in code:
        try:
            asset_id = context.asset_at(code)
        except NotALabel as error:
            return UnknownCode(error.message, field="code", student_stays=True)
        return _not_a_device(asset_id)
    if search_key(code).startswith(search_key(context.prefix)):
        message = _("No device has the tag %(tag)s. Scan again, or add the device.", tag=short)
        return UnknownCode(message, field="code", student_stays=True)
    message = _("“%(code)s” does not match a student or a device. Scan again.", code=short)
    return UnknownCode(message, field="code", student_stays=False)


def _not_a_device(asset_id: int) -> DeviceNotFound:
    reason = _("Asset #%(asset_id)s does not exist. Search for the asset, and print a new label.", asset_id=asset_id)
    return DeviceNotFound("Device not found", reason=reason, student_stays=True)


def _silent_about(code: str, error: AssetStoreSilent, context: ScanContext) -> AssetStoreSilent:
    """Whether Request Tracker knows the code could not be found out."""
    short = code if len(code) <= SHOWN else f"{code[:SHOWN]}…"
    message = _("“%(code)s” is unknown here. %(problem)s Then scan again.", code=short, problem=error.message)
    is_asset = search_key(code).startswith(search_key(context.prefix)) or "://" in code
    return AssetStoreSilent(message, field="code", student_stays=is_asset)
