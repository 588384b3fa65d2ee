"""Scheduled work on terminals: polling those that are due, alerts, and deleting old history."""

from datetime import time, timedelta

from request_tracker_utils.attendance import alerts, current, history, rounds
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.schedules import Daily
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.web.registry import registry

POLL_TERMINALS = "poll-terminals"
CHECK_TERMINALS = "check-terminals"
DELETE_TERMINAL_HISTORY = "delete-terminal-history"


def poll_terminals() -> int:
    """Every minute, because each terminal has its own time: a process that takes over polls only what is due."""
    interval = timedelta(minutes=registry().page_settings.current().polling_interval_minutes)
    with reading() as session:
        terminals = rounds.due(session, interval=interval, now=utc_now())
    return sum(each.status is not rounds.Status.POLLING for each in current.poll(terminals, started_by=""))


def check_terminals() -> int:
    with transaction() as session:
        return alerts.check(session, current.alerts(), actor=of_job(CHECK_TERMINALS), now=utc_now())


def delete_terminal_history() -> int:
    with transaction(durable=False) as session:
        now = steady_now(session, DELETE_TERMINAL_HISTORY, utc_now())
        return history.delete_old(session, now)


jobs = [
    Job(POLL_TERMINALS, gettext_noop("Poll terminals after POLLING_INTERVAL_MINUTES each"), timedelta(minutes=1), poll_terminals),
    Job(
        CHECK_TERMINALS,
        gettext_noop("Send a message when a terminal has a problem, and when it has ended"),
        timedelta(minutes=1),
        check_terminals,
    ),
    Job(
        DELETE_TERMINAL_HISTORY,
        gettext_noop("Delete polls and ended alerts of terminals after 90 days, and readings of their clocks after two years"),
        Daily(time(2, 40)),
        delete_terminal_history,
    ),
]
