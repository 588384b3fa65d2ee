"""What cable tickets contribute to the app."""

from collections.abc import Mapping

from flask import Flask

from request_tracker_utils.cable_tickets import jobs, models, tabs, tasks
from request_tracker_utils.cable_tickets.api import dashboard as dashboard_api, fulfillment as fulfillment_api, tickets as tickets_api
from request_tracker_utils.cable_tickets.current import MESSAGE_KINDS
from request_tracker_utils.cable_tickets.permissions import GRANTS, TicketPermission
from request_tracker_utils.cable_tickets.views import approvals, asking, editing, fulfillment, kits, ticket, tickets
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.feature import Feature, HomeCard, NavItem
from request_tracker_utils.web.registry import registry_of

TABLES = (models.Ticket, models.TicketItem, models.TicketApprover, models.TicketComment, models.TicketEvent, models.Kit, models.Absence)


def install(app: Flask) -> None:
    registry_of(app).get(TaskKinds).add(*tasks.kinds)


def card() -> Mapping[str, object]:
    with reading() as session:
        return {"counts": tabs.counts(session, current_actor()), "most": tabs.COUNTED}


feature = Feature(
    name="cable_tickets",
    apis=[tickets_api.api, fulfillment_api.api, dashboard_api.api, approvals.api],
    pages=[
        *(tickets.pages, asking.pages, ticket.pages, editing.pages, kits.pages, approvals.pages),
        *(fulfillment.lists, fulfillment.pages),
    ],
    jobs=jobs.jobs,
    navigation=[NavItem(gettext_noop("Cable tickets"), "cable_tickets.listed", TicketPermission.READ, order=17)],
    cards=[HomeCard("cable_tickets/card.html", TicketPermission.CREATE, card, order=15)],
    messages=MESSAGE_KINDS,
    grants=GRANTS,
    install=install,
)
