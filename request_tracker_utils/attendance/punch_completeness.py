"""Proofs of several terminals at once, in the words of pages and JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from request_tracker_utils.attendance.completeness import DayProof, proofs
from request_tracker_utils.attendance.terminal_names import only_pushing

MOST_DAYS = 400


class DayState(StrEnum):
    COMPLETE = "complete"
    MISSING = "missing"
    MORE = "more"
    """More is stored than the terminal had when it was counted: it has pushed since, or its log was cleared."""


@dataclass(frozen=True)
class TerminalProof:
    """The days on which a terminal was counted. One that only pushes does not report counts per day, so nothing can be proven."""

    terminal_id: int
    days: list[DayProof]
    only_pushes: bool = False

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
    pushing = only_pushing(session)
    return [TerminalProof(each, proofs(session, each, first, last)[::-1], each in pushing) for each in terminal_ids]
