"""What terminals push: lines of text with fields that are separated by tabs. A line that is not a punch stays raw."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from request_tracker_utils.attendance.models.punches import MAX_USER_ID, MAX_USER_NAME

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Times of other years are not punches: no terminal can show them. Each day on which the clocks change costs a query, while other writers
wait."""
LONGEST_LINE = 4_096
"""Bytes of a line that are kept if it does not parse. A punch has about fifty."""
MAX_WORK_CODE = 40
LARGEST_NUMBER = 32_767
_TIME = re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,5}", re.ASCII)
_USER = b"USER "


class PushedRecord(NamedTuple):
    """One punch as it was pushed; `time` is the terminal's own. `status` is how the person was verified, `punch` the button."""

    user_id: str
    time: datetime
    status: int
    punch: int
    work_code: str | None
    uid: int | None = None


class PushedUser(NamedTuple):
    """A user with their name. Passwords and cards, which the same line contains, are not read."""

    user_id: str
    name: str


@dataclass
class Punches:
    """The lines of an upload: records in their order, and those that do not parse, with the reason."""

    records: list[PushedRecord] = field(default_factory=list)
    damaged: list[tuple[bytes, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records) + len(self.damaged)


class NotAPunch(Exception):
    """The line does not parse. The text is the reason, as it is stored."""


def parse_punches(body: bytes) -> Punches:
    """The lines of a table ATTLOG: user ID, time, button, verification, work code, and more that is ignored."""
    found = Punches()
    for line in _lines(body):
        try:
            found.records.append(_punch(line))
        except NotAPunch as error:
            found.damaged.append((line[:LONGEST_LINE], str(error)))
    return found


def parse_users(body: bytes) -> list[PushedUser]:
    """The users of a table OPERLOG. Its other lines are operations, templates and photographs, which are discarded."""
    users: dict[str, PushedUser] = {}
    for line in _lines(body):
        if not line.startswith(_USER):
            continue
        fields = dict(part.partition(b"=")[::2] for part in line[len(_USER) :].split(b"\t"))
        try:
            user_id = _user_id(fields.get(b"PIN", b"").decode())
        except (NotAPunch, UnicodeDecodeError):
            continue
        # A long name may be cut in the middle of a character.
        name = "".join(each for each in fields.get(b"Name", b"").decode("utf-8", "ignore") if each.isprintable())
        users[user_id] = PushedUser(user_id, name.strip()[:MAX_USER_NAME])
    return list(users.values())


def _lines(body: bytes) -> Iterator[bytes]:
    """Without empty ones. Some models end the body with NUL."""
    for line in body.rstrip(b"\0").split(b"\n"):
        if stripped := line.rstrip(b"\r"):
            yield stripped


def _punch(line: bytes) -> PushedRecord:
    try:
        fields = line.decode().split("\t")
    except UnicodeDecodeError:
        raise NotAPunch("invalid_text") from None
    user_id = _user_id(fields[0])
    time = _time(fields[1]) if len(fields) > 1 else None
    if time is None:
        raise NotAPunch("invalid_time")
    button, verified, work_code = [*fields[2:5], "", "", ""][:3]
    return PushedRecord(user_id, time, _number(verified), _number(button), _work_code(work_code))


def _user_id(text: str) -> str:
    user_id = text.strip()
    if not 0 < len(user_id) <= MAX_USER_ID or not user_id.isprintable():
        raise NotAPunch("invalid_user_id")
    return user_id


def _time(text: str) -> datetime | None:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 — has no zone
    except ValueError:
        return None


def _number(text: str) -> int:
    """0 for a field that the model does not send."""
    stripped = text.strip()
    if not stripped:
        return 0
    if not _NUMBER.fullmatch(stripped) or abs(int(stripped)) > LARGEST_NUMBER:
        raise NotAPunch("invalid_number")
    return int(stripped)


def _work_code(text: str) -> str | None:
    stripped = text.strip()
    if len(stripped) > MAX_WORK_CODE or not stripped.isprintable():
        raise NotAPunch("invalid_work_code")
    return stripped or None
