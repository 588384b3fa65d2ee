"""What is found in a list: counts, problems by line, and examples of changes; as it stands in a roster's report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

MOST_PROBLEMS = 1_000
"""Problems that are kept; the others are counted."""
MOST_EXAMPLES = 20
"""Of each kind."""


@dataclass(frozen=True)
class Problem:
    """`name` is the number or the tag that stands in the line."""

    line: int
    name: str
    message: str


@dataclass(frozen=True)
class Example:
    """`changes` has the field, what it was and what it becomes."""

    name: str
    line: int | None = None
    changes: list[tuple[str, str, str]] = field(default_factory=list)


class Person(Protocol):
    @property
    def student_id(self) -> str: ...
    @property
    def first_name(self) -> str: ...
    @property
    def last_name(self) -> str: ...


@dataclass
class Findings:
    """`bad` rows have problems, and are left out. `deactivated` students were missing in the file; `handed` devices change hands or
    status, and are also counted as new, changed or neither."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deactivated: int = 0
    handed: int = 0
    bad: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    unnamed: int = 0
    """Rows whose number cannot be read, so that nobody knows whom they are about."""
    broken: str = ""
    """Why the file cannot be read to its end."""
    kept: str = ""
    """Why nobody was made inactive though it was wanted."""

    def object(self, line: int, name: str, messages: list[str]) -> None:
        """Counts a row that is left out."""
        self.bad += 1
        self.problem_count += len(messages)
        room = MOST_PROBLEMS - len(self.problems)
        self.problems += [Problem(line, name[:60], message) for message in messages[:room]]

    def hand(self, line: int, name: str, change: tuple[str, str, str] | None, error: str) -> None:
        """Counts a device that has changed hands or status, or could not."""
        if error:
            self.object(line, name, [error])
        elif change:
            self.handed += 1
            self.show("handed", Example(name, line, [change]))

    def deactivate(self, students: Sequence[Person]) -> None:
        self.deactivated += len(students)
        for student in students[: self.room("deactivated")]:
            self.show("deactivated", Example(f"{student.student_id} {student.first_name} {student.last_name}"))

    def room(self, kind: str) -> int:
        """How many more examples are kept."""
        return MOST_EXAMPLES - len(self.examples.get(kind, ()))

    def show(self, kind: str, example: Example) -> None:
        if self.room(kind) > 0:
            self.examples.setdefault(kind, []).append(example)

    def report(self) -> dict[str, Any]:
        return asdict(self)


def of_report(report: Mapping[str, Any]) -> Findings:
    """What `report` gave; nothing where the list was not looked through yet."""
    known = {name: report[name] for name in Findings.__dataclass_fields__ if name in report}
    known["problems"] = [Problem(**each) for each in known.get("problems", [])]
    known["examples"] = {
        kind: [Example(each["name"], each["line"], [tuple(change) for change in each["changes"]]) for each in examples]
        for kind, examples in known.get("examples", {}).items()
    }
    return Findings(**known)
