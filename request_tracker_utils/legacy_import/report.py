"""What came of each row of the older database."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from request_tracker_utils.legacy_import.source import TABLES


class Outcome(StrEnum):
    TAKEN = "taken"
    THERE = "there already"
    PART = "in part"
    """Taken, and something about it has to be said."""
    NOT = "not taken"


@dataclass(frozen=True)
class Problem:
    """What a person has to know of a row: `table` and `row` say where it stands in the older file."""

    table: str
    row: str
    outcome: Outcome
    reason: str


@dataclass
class Counts:
    of: Counter[tuple[str, Outcome]] = field(default_factory=Counter)

    def count(self, table: str, row: str, outcome: Outcome, said: list[str]) -> list[Problem]:
        """Counts the row, and returns what has to be told of it: one problem, or none."""
        if outcome is Outcome.TAKEN and said:
            outcome = Outcome.PART
        self.of[table, outcome] += 1
        return [Problem(table, row, outcome, " ".join(said))] if said else []

    @property
    def lost(self) -> int:
        """Rows that were not taken."""
        return sum(count for (_, outcome), count in self.of.items() if outcome is Outcome.NOT)

    def lines(self) -> list[list[str]]:
        """A table for people: its head, and a line for each table of the older database."""
        numbers = [[table, *(f"{self.of[table, outcome]:,}" for outcome in Outcome)] for table in TABLES]
        return [["table", *map(str, Outcome)], *numbers]
