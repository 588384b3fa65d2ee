"""Proofs of several terminals at once, in the words of pages and JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from request_tracker_utils.attendance.completeness import DayProof, proofs

MOST_DAYS = 400


class DayState(StrEnum):
    COMPLETE = "complete"
    MISSING = "missing"
    MORE = "more"
    """More is stored than the terminal had when it was counted: it has pushed since, or its log was cleared."""


@dataclass(frozen=True)
class TerminalProof:
    """The days on which a terminal was counted."""

    terminal_id: int
    days: list[DayProof]

    @property
    def missing(self) -> int:
        return sum(day.missing for day in self.days)

    @property
    def differing(self) -> list[DayProof]:
        return [day for day in self.days if state_of(day) is not DayState.COMPLETE]


def state_of(day: DayProof) -> DayState:
    if day.missing:
        return DayState.MISSING
    return DayState.MORE if day.stored > day.records else DayState.COMPLETE


def completeness(session: Session, terminal_ids: Iterable[int], first: date, last: date) -> list[TerminalProof]:
    """The newest day of each terminal first."""
    last = min(last, date.max - timedelta(days=1))  # the day after it has to exist
    return [TerminalProof(each, proofs(session, each, first, last)[::-1]) for each in terminal_ids]
