"""What cable tickets contribute to the app."""

from request_tracker_utils.cable_tickets import models
from request_tracker_utils.cable_tickets.current import MESSAGE_KINDS
from request_tracker_utils.cable_tickets.permissions import GRANTS
from request_tracker_utils.cable_tickets.views import approvals
from request_tracker_utils.web.feature import Feature

TABLES = (models.Ticket, models.TicketItem, models.TicketApprover, models.TicketComment, models.TicketEvent, models.Kit, models.Absence)

feature = Feature(
    name="cable_tickets",
    apis=[approvals.api],
    pages=[approvals.pages],
    messages=MESSAGE_KINDS,
    grants=GRANTS,
)
