"""Scheduled work on cable tickets."""

from datetime import timedelta

from request_tracker_utils.cable_tickets.models import TicketTally
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.tallies import merge_shards


def merge_counts() -> int:
    with transaction(durable=False) as session:  # the sums are the same before and after
        return merge_shards(session, TicketTally)


jobs = [Job("merge-ticket-counts", "Merge the counters of cable tickets", timedelta(hours=6), merge_counts)]
