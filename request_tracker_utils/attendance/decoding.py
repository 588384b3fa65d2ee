"""Decoding what a terminal sends: its log in all known layouts, its users, its clock. A record that is invalid stays raw."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple, overload

DAY = 24 * 60 * 60
Buffer = bytes | bytearray | memoryview


class Layout(StrEnum):
    """How a terminal packs a record: the size in bytes, or the model with an order of its own."""

    AUTO = "auto"
    BYTES_8 = "8"
    MA300 = "ma300"
    BYTES_16 = "16"
    BYTES_40 = "40"
    BYTES_49 = "49"


class Record(NamedTuple):
    """One punch as the terminal logged it; `time` is the terminal's own. `status` is how the person was verified, `punch` the button."""

    user_id: str
    uid: int | None
    time: datetime
    status: int
    punch: int
    work_code: int | None = None


@dataclass(frozen=True)
class Undecodable:
    """A record that is not a punch; `position` counts from the beginning of the log."""

    raw: bytes
    reason: str
    position: int


@dataclass(frozen=True)
class TerminalUser:
    """A user of the terminal. Passwords, cards and privileges are never taken from the table."""

    uid: int
    user_id: str
    name: str


# A record as (user, uid, encoded time, status, punch, work code), where `user` is what the layout identifies a user by.
_Row = tuple[bytes | int, int | None, int, int, int, int | None]


@dataclass(frozen=True)
class _Form:
    """A layout: all fields, and structs that unpack only the time and only the user of each record."""

    fields: struct.Struct
    time: struct.Struct
    user: struct.Struct
    rows: Callable[[Iterator[Any]], Iterator[_Row]]


_FORMS: Mapping[Layout, _Form] = {
    Layout.BYTES_8: _Form(
        struct.Struct("<HBIB"),
        struct.Struct("<3xIx"),
        struct.Struct("<H6x"),
        lambda records: ((uid, uid, time, status, punch, None) for uid, status, time, punch in records),
    ),
    Layout.MA300: _Form(
        struct.Struct("<HBBI"),
        struct.Struct("<4xI"),
        struct.Struct("<H6x"),
        lambda records: ((uid, uid, time, status, punch, None) for uid, status, punch, time in records),
    ),
    Layout.BYTES_16: _Form(
        struct.Struct("<IIBB2xI"),
        struct.Struct("<4xI8x"),
        struct.Struct("<I12x"),
        lambda records: ((user, None, time, status, punch, work_code) for user, time, status, punch, work_code in records),
    ),
    Layout.BYTES_40: _Form(
        struct.Struct("<H24sBIB8x"),
        struct.Struct("<27xI9x"),
        struct.Struct("<2x24s14x"),
        lambda records: ((user, uid, time, status, punch, None) for uid, user, status, time, punch in records),
    ),
    Layout.BYTES_49: _Form(
        struct.Struct("<H24sBIB17x"),
        struct.Struct("<27xI18x"),
        struct.Struct("<2x24s23x"),
        lambda records: ((user, uid, time, status, punch, None) for uid, user, status, time, punch in records),
    ),
}
BY_UID = frozenset({Layout.BYTES_8, Layout.MA300})  # these need the table of users


def record_size(layout: Layout) -> int:
    """How many bytes a record of this layout has."""
    return _FORMS[layout].fields.size


def fitting_layouts(layout: Layout, length: int, fewest: int, most: int) -> list[Layout]:
    """Layouts in which `length` bytes are exactly between `fewest` and `most` records. MA300 is never guessed."""
    candidates = [Layout.BYTES_8, Layout.BYTES_16, Layout.BYTES_40, Layout.BYTES_49] if layout is Layout.AUTO else [layout]
    return [each for each in candidates if length % record_size(each) == 0 and fewest <= length // record_size(each) <= most]


def decode_time(encoded: int) -> datetime | None:
    """A time as terminals encode it, or None for a day that does not exist."""
    day, second = divmod(encoded, DAY)
    valid = _day(day)
    return datetime(valid.year, valid.month, valid.day, second // 3600, second // 60 % 60, second % 60) if valid else None  # noqa: DTZ001 — has no zone


def _day(number: int) -> date | None:
    months, day = divmod(number, 31)
    try:
        return date(2000 + months // 12, months % 12 + 1, day + 1)
    except ValueError:
        return None


def decode_users(table: Buffer, count: int) -> tuple[TerminalUser, ...] | None:
    """The table of users, or None if its size does not fit their number."""
    if count == 0:
        return ()
    data = memoryview(table)[4:]
    if len(data) == count * _USER_28.size:
        users: list[tuple[int, str | None, bytes]] = [(uid, str(user_id), name) for uid, name, user_id in _USER_28.iter_unpack(data)]
    elif len(data) == count * _USER_72.size:
        users = [(uid, _text_id(user_id), name) for uid, name, user_id in _USER_72.iter_unpack(data)]
    else:
        return None
    return tuple(TerminalUser(uid, user_id, _name(name)) for uid, user_id, name in users if user_id)


_USER_28 = struct.Struct("<H6x8s8xI")
_USER_72 = struct.Struct("<H9x24s13x24s")


def _name(raw: bytes) -> str:
    # A long name may be cut in the middle of a character.
    text = raw.split(b"\0", 1)[0].decode("utf-8", "ignore")
    return "".join(character for character in text if character.isprintable()).strip()


def _text_id(raw: bytes) -> str | None:
    try:
        text = raw.split(b"\0", 1)[0].decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    return text if text and text.isprintable() else None


class Records(Sequence[Record]):
    """Records of a log, decoded each time they are iterated: half a million objects would take several times the memory of the log."""

    def __init__(
        self,
        data: memoryview,
        form: _Form,
        ids: Mapping[bytes | int, str],
        uids: Mapping[str, int],
        days: Mapping[int, date],
        skipped: list[int],
    ) -> None:
        self._data, self._form, self._ids, self._uids, self._skipped = data, form, ids, uids, skipped
        self._days = {number: (day.year, day.month, day.day) for number, day in days.items()}

    def __len__(self) -> int:
        return len(self._data) // self._form.fields.size - len(self._skipped)

    def __iter__(self) -> Iterator[Record]:
        size, start = self._form.fields.size, 0
        for skipped in self._skipped:
            yield from self._decoded(self._data[start * size : skipped * size])
            start = skipped + 1
        yield from self._decoded(self._data[start * size :])

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        for skipped in self._skipped:
            position += skipped <= position
        size = self._form.fields.size
        return next(self._decoded(self._data[position * size : (position + 1) * size]))

    def _decoded(self, data: memoryview) -> Iterator[Record]:
        # Each operation here is done half a million times: a named tuple is twice as fast without its constructor.
        ids, uids, days, new = self._ids, self._uids, self._days, tuple.__new__
        for user, uid, encoded, status, punch, work_code in self._form.rows(self._form.fields.iter_unpack(data)):
            user_id, second = ids[user], encoded % DAY
            year, month, day = days[encoded // DAY]
            time = datetime(year, month, day, second // 3600, second // 60 % 60, second % 60)  # noqa: DTZ001 — has no zone
            yield new(Record, (user_id, uids.get(user_id) if uid is None else uid, time, status, punch, work_code))


@dataclass(frozen=True)
class DecodedLog:
    """What a log contains; `by_day` counts its records, also those without a usable user."""

    records: Records
    undecodable: list[Undecodable]
    by_day: dict[date, int]


def count_days(log: memoryview, layout: Layout) -> dict[date, int]:
    """How many records of a log each day has. Days that do not exist are left out."""
    numbers = _day_numbers(log, _FORMS[layout])
    return {day: count for number, count in numbers.items() if (day := _day(number))}


def _day_numbers(log: memoryview, form: _Form) -> Counter[int]:
    return Counter([time // DAY for (time,) in form.time.iter_unpack(log)])


def decode_log(log: memoryview, layout: Layout, users: Sequence[TerminalUser], first: int = 0) -> DecodedLog:
    """Decode whole records, which begin with the number `first`. Days and users are checked once each, and then the rest without checks."""
    form = _FORMS[layout]
    by_uid = {user.uid: user.user_id for user in users} if layout in BY_UID else None
    candidates = {user: _user_id(user, by_uid) for user in {user for (user,) in form.user.iter_unpack(log)}}
    ids = {user: user_id for user, user_id in candidates.items() if user_id}
    numbers = _day_numbers(log, form)
    days = {number: day for number in numbers if (day := _day(number))}
    skipped, undecodable = [], []
    if len(days) < len(numbers) or len(ids) < len(candidates):
        size = form.fields.size
        for position, (user, _uid, encoded, *_rest) in enumerate(form.rows(form.fields.iter_unpack(log))):
            if encoded // DAY not in days:
                reason = "invalid_time"
            elif user not in ids:
                reason = "unknown_uid" if layout in BY_UID else "invalid_user_id"
            else:
                continue
            skipped.append(position)
            undecodable.append(Undecodable(bytes(log[position * size : (position + 1) * size]), reason, first + position))
    records = Records(log, form, ids, {user.user_id: user.uid for user in users}, days, skipped)
    return DecodedLog(records, undecodable, {day: numbers[number] for number, day in days.items()})


def _user_id(user: bytes | int, by_uid: Mapping[int, str] | None) -> str | None:
    if isinstance(user, bytes):
        return _text_id(user)
    if by_uid is not None:
        return by_uid.get(user)
    return str(user) if user else None
