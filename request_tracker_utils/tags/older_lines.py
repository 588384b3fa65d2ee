"""The lines of an older installation's log: `2025-10-08T12:00:00.123456 - Asset Tag: W12-0001, Request Tracker ID: 123`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.core.settings import PREFIX_FORM
from request_tracker_utils.tags.names import number_claimed_by, parse

LONGEST_LINE = 1_000
"""Characters. What is longer is read in pieces, so that a file without line ends does not fill the memory."""
_FORM = re.compile(r"(?P<at>\S+) - Asset Tag: (?P<tag>.{1,100}?), Request Tracker ID: (?P<asset_id>[0-9]{1,10})")
_TAG = re.compile(r"(?P<prefix>.+?)[0-9]+")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Line:
    """`at` is the time in the installation's zone."""

    number: int
    tag: str
    asset_id: int
    at: datetime


@dataclass(frozen=True)
class Given:
    """A line that names a tag of ours. `at` is in UTC, `at_home` the same in the installation's zone."""

    line: int
    tag: str
    prefix: str
    number: int
    asset_id: int
    at: datetime
    at_home: datetime


@dataclass(frozen=True)
class Unread:
    """A line that names none. `prefix` and `number` are what its tag claims, if it claims anything; `is_foreign` when nobody here
    knows the prefix."""

    line: int
    problem: str
    prefix: str = ""
    number: int = 0
    is_foreign: bool = False


def read(file: Path, zone: ZoneInfo) -> Iterator[Line | Unread]:
    """The file's lines that are not empty, as a stream, whatever their ends and their encoding. Raises OSError."""
    with file.open("rb") as start:
        encoding = "utf-16" if start.read(2) in _UTF_16 else "utf-8-sig"
    with file.open(encoding=encoding, errors="replace") as stream:
        for number, text in enumerate(iter(lambda: stream.readline(LONGEST_LINE), ""), start=1):
            if text.strip():
                yield _line(number, text.strip(), zone)


def of_known_prefix(line: Line | Unread, prefixes: Sequence[str]) -> Given | Unread:
    """What the line says of tags with these prefixes."""
    if isinstance(line, Unread):
        return line
    for prefix in prefixes:
        name = parse(line.tag, prefix)
        if name is not None:
            return Given(line.number, line.tag, prefix, name.number, line.asset_id, line.at.astimezone(UTC), line.at)
        claimed = number_claimed_by(line.tag, prefix)
        if claimed:
            return Unread(line.number, "the tag is not spelt like a tag", prefix, claimed)
    found = _TAG.fullmatch(line.tag)
    if found and PREFIX_FORM.fullmatch(found["prefix"]):
        return Unread(line.number, "the prefix is unknown", found["prefix"], is_foreign=True)
    return Unread(line.number, "the tag is not spelt like a tag")


def _line(number: int, text: str, zone: ZoneInfo) -> Line | Unread:
    found = _FORM.fullmatch(text)
    if found is None:
        return Unread(number, "the line looks like no line of this log")
    asset_id = int(found["asset_id"])
    if not 0 < asset_id <= LARGEST_ID:
        return Unread(number, "no asset can have this number")
    try:
        moment = datetime.fromisoformat(found["at"])
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
        return Line(number, found["tag"], asset_id, moment.astimezone(zone))
    except (ValueError, OverflowError):
        return Unread(number, "the time cannot be read")
