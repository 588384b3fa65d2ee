"""Scheduled work on cable tickets."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets import reminders
from request_tracker_utils.cable_tickets.arrivals import notify_about_arrivals
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.current import change
from request_tracker_utils.cable_tickets.models import TicketTally
from request_tracker_utils.cable_tickets.names import REMIND_APPROVERS
from request_tracker_utils.core.actor import Actor, of_job
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.tallies import merge_shards
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.inventory.names import NOTIFY_ABOUT_ARRIVED_STOCK
from request_tracker_utils.web.registry import registry, settings


def merge_counts() -> int:
    with transaction(durable=False) as session:  # the sums are the same before and after
        return merge_shards(session, TicketTally)


def notify_about_arrived_stock() -> int:
    def by_job(session: Session) -> Change:
        return change(session, actor=of_job(NOTIFY_ABOUT_ARRIVED_STOCK))

    return notify_about_arrivals(transaction, reading, change=by_job, stopping=registry().stopping)


def remind_approvers() -> int:
    """Each ticket in a transaction of its own."""
    pause, actor = timedelta(hours=settings().approval_remind_hours), of_job(REMIND_APPROVERS)
    count = 0
    for ticket_id in _to_remind(pause, actor):
        if registry().stopping():
            break
        with transaction() as session:
            count += reminders.remind(change(session, actor=actor), ticket_id, pause=pause)
    return count


def _to_remind(pause: timedelta, actor: Actor) -> Iterator[int]:
    with reading() as session:
        now = change(session, actor=actor)
        due = reminders.due(session, pause=pause, now=now.now)
    yield from due
    after_id = 0
    while True:
        with reading() as session:
            found = reminders.without_substitute(session, today=now.today, after_id=after_id)
        if not found:
            return
        yield from found
        after_id = found[-1]


jobs = [
    Job("merge-ticket-counts", gettext_noop("Merge the counters of cable tickets"), timedelta(hours=6), merge_counts),
    Job(
        NOTIFY_ABOUT_ARRIVED_STOCK,
        gettext_noop("Send messages about cable that has arrived"),
        timedelta(minutes=5),
        notify_about_arrived_stock,
    ),
    Job(
        REMIND_APPROVERS,
        gettext_noop("Remind approvers of cable tickets, then ask default approvers and substitutes"),
        timedelta(minutes=10),
        remind_approvers,
    ),
]
