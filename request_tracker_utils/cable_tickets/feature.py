"""What cable tickets contribute to the app."""

from request_tracker_utils.cable_tickets import cli, jobs, models
from request_tracker_utils.cable_tickets.api import dashboard as dashboard_api, tickets as tickets_api
from request_tracker_utils.cable_tickets.current import MESSAGE_KINDS
from request_tracker_utils.cable_tickets.permissions import GRANTS, TicketPermission
from request_tracker_utils.cable_tickets.views import absences, approvals
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.web.feature import Feature, PageLink

TABLES = (models.Ticket, models.TicketItem, models.TicketApprover, models.TicketComment, models.TicketEvent, models.Kit, models.Absence)

feature = Feature(
    name="cable_tickets",
    apis=[tickets_api.api, dashboard_api.api, approvals.api],
    pages=[approvals.pages, absences.pages],
    jobs=jobs.jobs,
    commands=[cli.tickets],
    links=[PageLink("me.me", gettext_noop("Absence"), "my_absences.show", TicketPermission.READ, order=60)],
    messages=MESSAGE_KINDS,
    grants=GRANTS,
)
