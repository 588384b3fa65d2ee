"""The history of a terminal, newest first: its polls, its clock, and what people have changed. Old rows are deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import ClockReading, TerminalAlert, TerminalEvent, TerminalPoll
from request_tracker_utils.core.db import affected

POLLS_KEPT = ALERTS_KEPT = timedelta(days=90)
CLOCK_READINGS_KEPT = timedelta(days=2 * 366)
"""Repairs of times are proven with them."""


def polls(session: Session, terminal_id: int, *, limit: int, before_id: int | None = None) -> Sequence[TerminalPoll]:
    query = select(TerminalPoll).where(TerminalPoll.terminal_id == terminal_id).order_by(TerminalPoll.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(TerminalPoll.id < before_id)).all()


def events(session: Session, terminal_id: int, *, limit: int, before_id: int | None = None) -> Sequence[TerminalEvent]:
    """They outlive the terminal."""
    query = select(TerminalEvent).where(TerminalEvent.terminal_id == terminal_id).order_by(TerminalEvent.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(TerminalEvent.id < before_id)).all()


def clock_readings(session: Session, terminal_id: int, *, limit: int, before_id: int | None = None) -> Sequence[ClockReading]:
    query = select(ClockReading).where(ClockReading.terminal_id == terminal_id).order_by(ClockReading.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(ClockReading.id < before_id)).all()


def delete_old(session: Session, now: datetime) -> int:
    """Polls, alerts that have ended, and readings of clocks. Returns how many rows."""
    queries = (
        delete(TerminalAlert).where(TerminalAlert.ended_at < now - ALERTS_KEPT),
        delete(TerminalPoll).where(TerminalPoll.started_at < now - POLLS_KEPT),
        delete(ClockReading).where(ClockReading.read_at < now - CLOCK_READINGS_KEPT),
    )
    return sum(affected(session.execute(query)) for query in queries)
