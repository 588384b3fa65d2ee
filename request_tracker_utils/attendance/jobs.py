"""Scheduled work on terminals: polling those that are due, and deleting old history."""

from datetime import timedelta

from sqlalchemy import delete

from request_tracker_utils.attendance import current, rounds
from request_tracker_utils.attendance.models import ClockReading, TerminalPoll
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import affected, reading, transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.web.registry import settings

POLL_TERMINALS = "poll-terminals"
DELETE_TERMINAL_HISTORY = "delete-terminal-history"
POLLS_KEPT = timedelta(days=90)
CLOCK_READINGS_KEPT = timedelta(days=2 * 366)
"""Repairs of times are proven with them."""


def poll_terminals() -> int:
    """Every minute, because each terminal has its own time: a process that takes over polls only what is due."""
    interval = timedelta(minutes=settings().polling_interval_minutes)
    with reading() as session:
        terminals = rounds.due(session, interval=interval, now=utc_now())
    return sum(each.status is not rounds.Status.POLLING for each in current.poll(terminals, started_by=""))


def delete_terminal_history() -> int:
    now = utc_now()
    with transaction(durable=False) as session:
        polls = affected(session.execute(delete(TerminalPoll).where(TerminalPoll.started_at < now - POLLS_KEPT)))
        return polls + affected(session.execute(delete(ClockReading).where(ClockReading.read_at < now - CLOCK_READINGS_KEPT)))


jobs = [
    Job(POLL_TERMINALS, gettext_noop("Poll terminals after POLLING_INTERVAL_MINUTES each"), timedelta(minutes=1), poll_terminals),
    Job(
        DELETE_TERMINAL_HISTORY,
        gettext_noop("Delete polls of terminals after 90 days, and readings of their clocks after two years"),
        timedelta(days=1),
        delete_terminal_history,
    ),
]
