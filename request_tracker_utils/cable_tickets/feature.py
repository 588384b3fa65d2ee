"""What cable tickets contribute to the app."""

from request_tracker_utils.cable_tickets import jobs, models
from request_tracker_utils.cable_tickets.api import dashboard as dashboard_api, tickets as tickets_api
from request_tracker_utils.cable_tickets.current import MESSAGE_KINDS
from request_tracker_utils.cable_tickets.permissions import GRANTS
from request_tracker_utils.cable_tickets.views import approvals
from request_tracker_utils.web.feature import Feature

TABLES = (models.Ticket, models.TicketItem, models.TicketApprover, models.TicketComment, models.TicketEvent, models.Kit, models.Absence)

feature = Feature(
    name="cable_tickets",
    apis=[tickets_api.api, dashboard_api.api, approvals.api],
    pages=[approvals.pages],
    jobs=jobs.jobs,
    messages=MESSAGE_KINDS,
    grants=GRANTS,
)
