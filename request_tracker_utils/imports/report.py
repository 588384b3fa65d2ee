"""The result of a preview or an import: counts, problems by line, and examples of changes. Stored as JSON with the file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_PROBLEMS = 1_000
"""Problems that are stored; the others are only counted."""
MAX_EXAMPLES = 20
"""Examples that are stored of each kind of change."""

NEW, CHANGED, FOLLOWED_UP, DEACTIVATED = "new", "changed", "handed", "deactivated"
"""Kinds of changes, as they are stored."""

_STORED_AS = {"followed_up": "handed", "invalid": "bad", "without_key": "unnamed", "unreadable": "broken", "not_deactivated": "kept"}
"""Attribute → key in the stored JSON, where they differ."""


@dataclass(frozen=True)
class Problem:
    """`name` identifies the row: a student number, a tag."""

    line: int
    name: str
    message: str


@dataclass(frozen=True)
class Example:
    """`changes` are field, value before, value after."""

    name: str
    line: int | None = None
    changes: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class ImportReport:
    """Rows with problems are `invalid` and skipped. `followed_up` rows had a second step, such as assigning a device; they also count as
    new, changed or neither. `deactivated` records were missing from the file."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deactivated: int = 0
    followed_up: int = 0
    invalid: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    without_key: int = 0
    """Rows with an invalid key: they could belong to any record."""
    unreadable: str = ""
    """Why the file cannot be read to the end."""
    zeros: int = 0
    """Rows with numbers that differ from existing ones only in leading zeros; they are among the invalid ones. `zeros_example` is a number
    of the file and the existing one."""
    zeros_example: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What may be wrong with the file although its rows are valid, see `remarks.Remarks`."""
    remarks: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Names by which a person sees whether the file's encoding is right."""
    not_deactivated: str = ""
    """Why no missing records were deactivated although it was requested."""

    @property
    def change_count(self) -> int:
        return self.new + self.changed + self.deactivated + self.followed_up

    def add_invalid(self, line: int, name: str, messages: list[str]) -> None:
        """Counts a row that is skipped."""
        self.invalid += 1
        self.problem_count += len(messages)
        room = MAX_PROBLEMS - len(self.problems)
        self.problems += [Problem(line, name[:60], message) for message in messages[:room]]

    def room(self, kind: str) -> int:
        """How many more examples are stored."""
        return MAX_EXAMPLES - len(self.examples.get(kind, ()))

    def add_example(self, kind: str, example: Example) -> None:
        if self.room(kind) > 0:
            self.examples.setdefault(kind, []).append(example)

    def counts(self) -> dict[str, int]:
        """The progress from which another run continues, as JSON."""
        return {_STORED_AS.get(name, name): getattr(self, name) for name in ("rows", "new", "changed", "unchanged", "followed_up")}

    def to_json(self) -> dict[str, Any]:
        values = {_STORED_AS.get(name, name): value for name, value in vars(self).items()}
        problems = [asdict(problem) for problem in self.problems]
        examples = {kind: [asdict(example) for example in some] for kind, some in self.examples.items()}
        return {**values, "problems": problems, "examples": examples}


def report_from(stored: Mapping[str, Any]) -> ImportReport:
    """The reverse of `to_json` and `counts`. Empty for a file that was not previewed."""
    keys = {name: _STORED_AS.get(name, name) for name in ImportReport.__dataclass_fields__}
    values = {name: stored[key] for name, key in keys.items() if key in stored}
    values["problems"] = [Problem(**each) for each in values.get("problems", [])]
    values["examples"] = {
        kind: [Example(each["name"], each["line"], [tuple(change) for change in each["changes"]]) for each in examples]
        for kind, examples in values.get("examples", {}).items()
    }
    return ImportReport(**values)
