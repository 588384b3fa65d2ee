"""`GET /api/dashboard/stats`."""

from flask import Flask

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.cable_tickets import archiving, creating
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.creating import Draft, Item
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.cable_tickets.steps import step
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.inventory.reorder import ReorderAlerts
from tests.services.apps import signed_in, token, user


def test_the_figures_of_the_dashboard(app: Flask) -> None:
    client = signed_in(app, "staff", "grace")
    empty = client.get("/api/dashboard/stats").json
    assert (empty["total_tickets"], empty["pending_approval"], empty["time_to_approval"]["median_minutes"]) == (0, 0, None)
    user(app, "admin", "root")
    with app.app_context(), transaction() as session:
        grace, root = (Actor(name, user_id=accounts.user_named(session, name).id) for name in ("grace", "root"))
        of_grace, of_root = (Change(session, actor, utc_now(), ReorderAlerts()) for actor in (grace, root))
        drafts = [Draft([Item("Cat6", "100 ft")], root.user_id)] * 3 + [Draft([Item("Cat6", "100 ft")])]
        tickets = [creating.create(of_grace, draft) for draft in drafts]
        step(of_root, tickets[0], TicketStatus.APPROVED)
        archiving.archive(of_grace, tickets[1])
    stats = client.get("/api/dashboard/stats").json
    statuses = {status: stats[status] for status in ("pending_approval", "approved", "rejected", "in_progress", "fulfilled", "closed")}
    assert statuses == {"pending_approval": 2, "approved": 1, "rejected": 0, "in_progress": 0, "fulfilled": 0, "closed": 0}
    assert (stats["total_tickets"], stats["archived"]) == (3, 1)
    assert stats["mine"]["created"] == statuses
    assert stats["mine"]["to_decide"] == 0
    assert stats["aging"][0] == {"days_from": 0, "days_until": 0, "pending_approval": 2, "approved": 1, "in_progress": 0}
    assert (stats["aging"][-1]["days_from"], stats["aging"][-1]["days_until"]) == (30, None)
    assert stats["time_to_approval"]["tickets"] == 1
    others = app.test_client().get("/api/dashboard/stats", headers=token(app, "teacher")).json
    assert (others["total_tickets"], others["mine"]["created"]["approved"]) == (3, 0)
