"""Tells the domains that compute with holidays which days have changed, within the transaction that changes them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

Span = tuple[date, date]
"""First and last day."""


class DaysChanged(Protocol):
    """Called when holidays of a calendar have changed on some of these days, or when the calendar has become the default."""

    def __call__(self, session: Session, calendar_id: int, first_day: date, last_day: date, *, now: datetime) -> None: ...


class CalendarChanges:
    """Higher domains add their listeners while the app is set up: `registry_of(app).get(CalendarChanges).add(listener)`."""

    def __init__(self) -> None:
        self._listeners: list[DaysChanged] = []

    def add(self, *listeners: DaysChanged) -> None:
        self._listeners += listeners

    def days_changed(self, session: Session, calendar_id: int, first_day: date, last_day: date, *, now: datetime) -> None:
        """Everything is flushed by now, so listeners read the new holidays. What they raise undoes the change."""
        for listener in self._listeners:
            listener(session, calendar_id, first_day, last_day, now=now)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same days in as few spans as possible, in order."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and (first - found[-1][1]) <= timedelta(days=1):
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
