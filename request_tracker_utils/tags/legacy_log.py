"""The log of a legacy installation: reading its lines, and the report of its import.

A line is `2025-10-08T12:00:00.123456 - Asset Tag: W12-0001, Request Tracker ID: 123`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.core.settings.types import PREFIX_FORM
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.tags.tag_format import claimed_number, parse

LONGEST_LINE = 1_000
"""Characters. Longer lines are read in pieces, so that a file without line ends does not fill the memory."""
MAX_NAMED = 50
"""Lines of each kind that the report lists; the others are only counted."""
UNCONFIRMED = "The legacy log assigned it to asset {asset_id} on {day}, but no asset has this name."
RETIRED = "The legacy log assigned it to asset {asset_id} on {day}, which now has {tag}. It is not assigned again."
_UNCONFIRMED_BEGINS = ("The legacy log", "The older log")  # imports of earlier versions stored the second

_FORMAT = re.compile(r"(?P<at>\S+) - Asset Tag: (?P<tag>.{1,100}?), Request Tracker ID: (?P<asset_id>[0-9]{1,10})")
_TAG = re.compile(r"(?P<prefix>.+?)[0-9]+")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class LogLine:
    """`at` is the time in the installation's zone."""

    number: int
    tag: str
    asset_id: int
    at: datetime


@dataclass(frozen=True)
class Assignment:
    """A line with a tag of an existing prefix. `at` is in UTC, `local_at` the same time in the installation's zone."""

    line: int
    tag: str
    prefix: str
    number: int
    asset_id: int
    at: datetime
    local_at: datetime


@dataclass(frozen=True)
class UnreadableLine:
    """A line without such a tag. `prefix` and `number` are what its text claims, if anything; `is_unknown_prefix` if the prefix does not
    exist."""

    line: int
    problem: str
    prefix: str = ""
    number: int = 0
    is_unknown_prefix: bool = False


def read(file: Path, zone: ZoneInfo) -> Iterator[LogLine | UnreadableLine]:
    """Streams the file's non-empty lines, with any line ends and encoding. Raises OSError."""
    with file.open("rb") as start:
        encoding = "utf-16" if start.read(2) in _UTF_16 else "utf-8-sig"
    with file.open(encoding=encoding, errors="replace") as lines:
        for number, text in enumerate(iter(lambda: lines.readline(LONGEST_LINE), ""), start=1):
            if text.strip():
                yield _parse_line(number, text.strip(), zone)


def match_prefix(line: LogLine | UnreadableLine, prefixes: Sequence[str]) -> Assignment | UnreadableLine:
    """Interprets the line's tag with the existing prefixes."""
    if isinstance(line, UnreadableLine):
        return line
    for prefix in prefixes:
        name = parse(line.tag, prefix)
        if name is not None:
            return Assignment(line.number, line.tag, prefix, name.number, line.asset_id, line.at.astimezone(UTC), line.at)
        claimed = claimed_number(line.tag, prefix)
        if claimed:
            return UnreadableLine(line.number, "the tag has the wrong format", prefix, claimed)
    found = _TAG.fullmatch(line.tag)
    if found and PREFIX_FORM.fullmatch(found["prefix"]):
        return UnreadableLine(line.number, "the prefix does not exist", found["prefix"], is_unknown_prefix=True)
    return UnreadableLine(line.number, "the tag has the wrong format")


def _parse_line(number: int, text: str, zone: ZoneInfo) -> LogLine | UnreadableLine:
    found = _FORMAT.fullmatch(text)
    if found is None:
        return UnreadableLine(number, "the line has the wrong format")
    asset_id = int(found["asset_id"])
    if not 0 < asset_id <= LARGEST_ID:
        return UnreadableLine(number, "the asset ID is out of range")
    try:
        at = datetime.fromisoformat(found["at"])
        at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
        return LogLine(number, found["tag"], asset_id, at.astimezone(zone))
    except (ValueError, OverflowError):
        return UnreadableLine(number, "the time is invalid")


@dataclass
class Report:
    """The attributes are the keys of the stored report."""

    lines: int = 0
    known: int = 0
    """Lines that agree with the asset store."""
    given: set[str] = field(default_factory=set)
    """Tags that no asset is named after, assigned to the log's asset."""
    kept: set[str] = field(default_factory=set)
    """Retired tags: the log's asset has another one."""
    contradicted: int = 0
    contradictions: list[str] = field(default_factory=list)
    unread: int = 0
    unread_lines: list[str] = field(default_factory=list)
    unknown_prefixes: Counter[str] = field(default_factory=Counter)

    def count(self, line: Assignment | UnreadableLine) -> None:
        self.lines += 1
        if isinstance(line, Assignment):
            return
        if line.is_unknown_prefix and (line.prefix in self.unknown_prefixes or len(self.unknown_prefixes) < MAX_NAMED):
            self.unknown_prefixes[line.prefix] += 1
            return
        self.unread += 1
        if len(self.unread_lines) < MAX_NAMED:
            self.unread_lines.append(f"{line.line}: {line.problem}")

    def compare(self, line: Assignment, asset_id: int | None, problem: str | None) -> None:
        """Compares the line with the asset that has the tag now, and with the tag's problem."""
        if asset_id == line.asset_id:
            if problem and problem.startswith(_UNCONFIRMED_BEGINS):
                self.given.add(line.tag)
            else:
                self.known += 1
        elif asset_id is None and problem and f"asset {line.asset_id} on" in problem:
            self.kept.add(line.tag)
        else:
            self.contradicted += 1
            if len(self.contradictions) < MAX_NAMED:
                owner = f"asset {asset_id} has it" if asset_id else "no asset has it"
                self.contradictions.append(f"{line.line}: {line.tag} for asset {line.asset_id}, but {owner}")

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "given": len(self.given), "kept": len(self.kept), "unknown_prefixes": dict(self.unknown_prefixes)}


def summary(report: Mapping[str, Any]) -> list[str]:
    """A sentence for each count that is not zero."""
    sentences = [_("%(lines)s lines read, %(known)s of them match.", lines=f"{report['lines']:,}", known=f"{report['known']:,}")]
    counted = {
        "given": _("Tags assigned to the log’s asset, although no asset has this name: %(count)s. Check them."),
        "kept": _("Tags retired, because the log’s asset has another one: %(count)s. They are not assigned again."),
        "contradicted": _("Lines with a different asset than the one that has the tag: %(count)s."),
        "unread": _("Lines that could not be read: %(count)s."),
    }
    sentences += [sentence % {"count": f"{report[key]:,}"} for key, sentence in counted.items() if report[key]]
    for prefix, count in sorted(report["unknown_prefixes"].items()):
        sentences.append(
            ngettext(
                "%(count)s line has the prefix %(prefix)s, which does not exist. Add it under Asset tags to import the line.",
                "%(count)s lines have the prefix %(prefix)s, which does not exist. Add it under Asset tags to import them.",
                count,
                count=f"{count:,}",
                prefix=prefix,
            )
        )
    return sentences


def problem_lines(report: Mapping[str, Any]) -> list[str]:
    """The lines that the report lists, each with its problem."""
    return [_("Line %(line)s.", line=line) for line in (*report["contradictions"], *report["unread_lines"])]
