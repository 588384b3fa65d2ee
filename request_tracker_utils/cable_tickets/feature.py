"""What cable tickets contribute to the app."""

from request_tracker_utils.cable_tickets import demo, jobs, models
from request_tracker_utils.cable_tickets.api import dashboard as dashboard_api, tickets as tickets_api
from request_tracker_utils.cable_tickets.current import MESSAGE_KINDS
from request_tracker_utils.cable_tickets.permissions import GRANTS
from request_tracker_utils.cable_tickets.views import approvals
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.web.feature import Demo, Feature
from request_tracker_utils.web.registry import registry

TABLES = (models.Ticket, models.TicketItem, models.TicketApprover, models.TicketComment, models.TicketEvent, models.Kit, models.Absence)


def fill_demo() -> int:
    found = registry()
    return demo.fill(transaction, grants=found.grants, messenger=found.find(Messenger), now=utc_now())


feature = Feature(
    name="cable_tickets",
    apis=[tickets_api.api, dashboard_api.api, approvals.api],
    pages=[approvals.pages],
    jobs=jobs.jobs,
    messages=MESSAGE_KINDS,
    demo=Demo(gettext_noop("cable tickets with messages"), lambda: demo.is_empty(reading), fill_demo),
    grants=GRANTS,
)
