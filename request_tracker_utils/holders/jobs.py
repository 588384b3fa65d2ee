"""Scheduled jobs for holders."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.holders.current import RECONCILIATION
from request_tracker_utils.holders.holder_sync import HolderSync
from request_tracker_utils.holders.tickets import RepairTicketSender
from request_tracker_utils.reconciliation.tasks import comparison_job
from request_tracker_utils.students.models import CREATE_REPAIR_TICKETS, SYNC_HOLDERS
from request_tracker_utils.tasks.jobs import in_context_of_app
from request_tracker_utils.web.registry import registry, settings


def sync_holders() -> int:
    in_context, stopping = in_context_of_app(), registry().stopping
    rule = settings().rt_student_user
    return HolderSync(transaction, asset_store(), rule=rule, clock=utc_now, in_context=in_context, stopping=stopping).push_due()


def create_repair_tickets() -> int:
    rule, queue = settings().rt_student_user, settings().rt_ticket_queue
    return RepairTicketSender(transaction, asset_store(), rule=rule, queue=queue, clock=utc_now).send_due()


jobs = [
    Job(
        SYNC_HOLDERS,
        gettext_noop("Update the holders of assets after devices are assigned or returned"),
        timedelta(minutes=1),
        sync_holders,
    ),
    Job(CREATE_REPAIR_TICKETS, "Create repair tickets in Request Tracker", timedelta(minutes=1), create_repair_tickets),
    comparison_job(RECONCILIATION),
]
