"""Scheduled work on holders."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.holders.current import RECONCILIATION
from request_tracker_utils.holders.holder_sync import Teller
from request_tracker_utils.holders.repair_tickets import TicketMaker
from request_tracker_utils.reconciliation.jobs import comparison_job
from request_tracker_utils.students.names import CREATE_REPAIR_TICKETS, SYNC_HOLDERS
from request_tracker_utils.tasks.jobs import in_context_of_app
from request_tracker_utils.web.registry import registry, settings


def tell_holders() -> int:
    in_context, stopping = in_context_of_app(), registry().stopping
    rule = settings().rt_student_user
    return Teller(transaction, asset_store(), rule=rule, clock=utc_now, in_context=in_context, stopping=stopping).tell_due()


def make_tickets() -> int:
    rule, queue = settings().rt_student_user, settings().rt_ticket_queue
    return TicketMaker(transaction, asset_store(), rule=rule, queue=queue, clock=utc_now).make_due()


jobs = [
    Job(SYNC_HOLDERS, "Tell the directory who has which device", timedelta(minutes=1), tell_holders),
    Job(CREATE_REPAIR_TICKETS, "Make the tickets that returns have asked for", timedelta(minutes=1), make_tickets),
    comparison_job(RECONCILIATION),
]
