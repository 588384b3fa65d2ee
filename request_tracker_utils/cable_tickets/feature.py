"""What cable tickets contribute to the app."""

from collections.abc import Mapping

from flask import Flask

from request_tracker_utils.cable_tickets import cli, demo, jobs, models, tabs, tasks
from request_tracker_utils.cable_tickets.api import dashboard as dashboard_api, fulfillment as fulfillment_api, tickets as tickets_api
from request_tracker_utils.cable_tickets.current import MESSAGE_KINDS
from request_tracker_utils.cable_tickets.permissions import GRANTS, TicketPermission
from request_tracker_utils.cable_tickets.states import status_title
from request_tracker_utils.cable_tickets.views import (
    absences,
    approvals,
    dashboard,
    editing,
    fulfillment,
    kits,
    request_form,
    ticket,
    tickets,
)
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem, PageLink
from request_tracker_utils.web.registry import registry, registry_of

TABLES = (models.Ticket, models.TicketItem, models.TicketApprover, models.TicketComment, models.TicketEvent, models.Kit, models.Absence)


def fill_demo() -> int:
    found = registry()
    return demo.fill(transaction, grants=found.grants, messenger=found.find(Messenger), now=utc_now())


def install(app: Flask) -> None:
    registry_of(app).get(TaskKinds).add(*tasks.kinds)
    app.jinja_env.filters["ticket_status"] = status_title


def card() -> Mapping[str, object]:
    with reading() as session:
        return {"counts": tabs.counts(session, current_actor()), "most": tabs.COUNTED}


feature = Feature(
    name="cable_tickets",
    apis=[tickets_api.api, fulfillment_api.api, dashboard_api.api, approvals.api],
    pages=[
        *(dashboard.pages, tickets.pages, request_form.pages, ticket.pages, editing.pages, kits.pages, approvals.pages, absences.pages),
        *(fulfillment.lists, fulfillment.pages),
    ],
    jobs=jobs.jobs,
    navigation=[NavItem(gettext_noop("Cable tickets"), "cable_dashboard.show", TicketPermission.READ, order=17)],
    cards=[HomeCard("cable_tickets/card.html", TicketPermission.CREATE, card, order=15)],
    commands=[cli.tickets],
    links=[PageLink("me.me", gettext_noop("Absence"), "my_absences.show", TicketPermission.READ, order=60)],
    messages=MESSAGE_KINDS,
    demo=Demo(gettext_noop("cable tickets with messages"), lambda: demo.is_empty(reading), fill_demo),
    grants=GRANTS,
    install=install,
)
