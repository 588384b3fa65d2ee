"""What was in an older installation's log, in numbers and in sentences."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from request_tracker_utils.tags.older_lines import Given, Unread

NAMED = 50
"""Lines of each kind that the report names; of the others it gives the number."""


@dataclass
class Report:
    lines: int = 0
    known: int = 0
    """Lines that say what the directory says."""
    given: set[str] = field(default_factory=set)
    """Tags that the directory does not know: the log's asset has them."""
    kept: set[str] = field(default_factory=set)
    """Tags that nobody has, since the log's asset has another one."""
    contradicted: int = 0
    contradictions: list[str] = field(default_factory=list)
    unread: int = 0
    unread_lines: list[str] = field(default_factory=list)
    unknown_prefixes: Counter[str] = field(default_factory=Counter)

    def count(self, found: Given | Unread) -> None:
        self.lines += 1
        if isinstance(found, Given):
            return
        if found.is_foreign and (found.prefix in self.unknown_prefixes or len(self.unknown_prefixes) < NAMED):
            self.unknown_prefixes[found.prefix] += 1
            return
        self.unread += 1
        if len(self.unread_lines) < NAMED:
            self.unread_lines.append(f"{found.line}: {found.problem}")

    def compare(self, one: Given, holder: int | None, problem: str | None) -> None:
        """Against who has the tag now; `problem` is what is written at the tag."""
        if holder == one.asset_id:
            if problem and problem.startswith("The older log"):
                self.given.add(one.tag)
            else:
                self.known += 1
        elif holder is None and problem and f"asset {one.asset_id} on" in problem:
            self.kept.add(one.tag)
        else:
            self.contradicted += 1
            if len(self.contradictions) < NAMED:
                has = f"asset {holder} has it" if holder else "nobody has it"
                self.contradictions.append(f"{one.line}: {one.tag} for asset {one.asset_id}, but {has}")

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "given": len(self.given), "kept": len(self.kept), "unknown_prefixes": dict(self.unknown_prefixes)}


def sentences(report: Mapping[str, Any]) -> list[str]:
    """The report as people read it; what did not occur is left out."""
    said = [f"{report['lines']:,} lines were read; {report['known']:,} say what the directory says."]
    if report["given"]:
        said.append(f"Tags that the directory does not know, and the log’s asset has now: {report['given']:,}. They need a look.")
    if report["kept"]:
        said.append(f"Tags that nobody has, since their asset has another one; they are not given again: {report['kept']:,}.")
    if report["contradicted"]:
        said.append(f"Lines that name another asset than the one that has the tag: {report['contradicted']:,}.")
    if report["unread"]:
        said.append(f"Lines that could not be read: {report['unread']:,}.")
    for prefix, count in sorted(report["unknown_prefixes"].items()):
        said.append(f"Lines with the prefix {prefix}, which is unknown here: {count:,}. Make it under Asset tags to take them over.")
    return said


def named_lines(report: Mapping[str, Any]) -> list[str]:
    """The lines that the report names, each with what is wrong."""
    return [f"Line {line}." for line in (*report["contradictions"], *report["unread_lines"])]
