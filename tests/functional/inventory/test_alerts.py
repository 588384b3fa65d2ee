"""Reorder alerts through the notifications of the app, and the command that checks the books."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.inventory.current import reorder_alerts
from request_tracker_utils.inventory.service import take_out
from request_tracker_utils.notifications.models import Notification
from tests.services.apps import user
from tests.services.asking import Ask
from tests.services.stocking import ADA, delivered, line, reserved, row_of
from tests.services.terminal import Run

CABLE = {"cable_type": "Cat6", "cable_length": "100 ft"}


def alerts(app: Flask) -> list[tuple[int | None, int]]:
    """The recipient and the available pieces of each message."""
    with app.app_context(), reading() as session:
        found = session.scalars(select(Notification).where(Notification.event == "reorder-alert").order_by(Notification.id))
        return [(each.recipient_user_id, each.values["available"]) for each in found]


def test_administrators_are_told_once_for_each_crossing(app: Flask, ask: Ask) -> None:
    user(app, "admin", "ada")
    assert ask("POST", "/api/cable-receiving", json={**CABLE, "quantity": 7}).status_code == 201
    with app.app_context():
        stock_id = row_of("Cat6", "100 ft").id
    ask("PUT", f"/api/inventory/stock/{stock_id}/levels", json={"threshold": 5, "target": 20})
    for _ in range(4):
        assert ask("POST", "/api/inventory/consumptions", json={**CABLE, "quantity": 1}).status_code == 201
    (first,) = alerts(app)
    assert first[1] == 5
    ask("POST", "/api/cable-receiving", json={**CABLE, "quantity": 10})
    ask("POST", "/api/inventory/adjustments", json={**CABLE, "quantity_delta": -9, "reason": "Lost"})
    assert [available for _recipient, available in alerts(app)] == [5, 4]


def test_the_alert_is_written_in_the_transaction_of_the_crossing(app: Flask) -> None:
    user(app, "admin", "ada")
    with app.app_context():
        delivered(("Cat6", "100 ft", 7))
        with transaction() as session:
            session.execute(text("UPDATE stock_rows SET threshold = 5, target = 20"))

        def take(*, fail: bool) -> None:
            with transaction() as session:
                now = utc_now() + timedelta(seconds=fail)
                take_out(session, "Cat6", "100 ft", 3, actor=ADA, now=now, alerts=reorder_alerts())
                if fail:
                    raise Conflict("the ticket was cancelled")

        with pytest.raises(Conflict):
            take(fail=True)
        assert alerts(app) == []
        take(fail=False)
    assert len(alerts(app)) == 1


def test_the_command_checks_the_books(app: Flask, run: Run) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 7))
        reserved(1, line("100 ft", 9))
    result = run("stock", "check")
    assert (result.exit_code, result.output) == (0, "All balances are the sums of their movements and reservations.\n")
    with app.app_context(), transaction() as session:
        session.execute(text("UPDATE stock_rows SET on_hand = 8, reserved = 6, backordered = 1"))
    result = run("stock", "check")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "Cat6 100 ft (row 1): on_hand is 8, but should be 7.",
        "Cat6 100 ft (row 1): reserved is 6, but should be 7.",
        "Cat6 100 ft (row 1): backordered is 1, but should be 2.",
    ]
