"""The history of a terminal, newest first: its polls, and what people have changed."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import ClockReading, TerminalEvent, TerminalPoll


def polls(session: Session, terminal_id: int, *, limit: int, before_id: int | None = None) -> Sequence[TerminalPoll]:
    query = select(TerminalPoll).where(TerminalPoll.terminal_id == terminal_id).order_by(TerminalPoll.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(TerminalPoll.id < before_id)).all()


def events(session: Session, terminal_id: int, *, limit: int, before_id: int | None = None) -> Sequence[TerminalEvent]:
    """They outlive the terminal."""
    query = select(TerminalEvent).where(TerminalEvent.terminal_id == terminal_id).order_by(TerminalEvent.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(TerminalEvent.id < before_id)).all()


def clock_readings(session: Session, terminal_id: int, *, limit: int) -> Sequence[ClockReading]:
    """The newest ones, the oldest of them first."""
    query = select(ClockReading).where(ClockReading.terminal_id == terminal_id).order_by(ClockReading.id.desc()).limit(limit)
    return session.scalars(query).all()[::-1]
