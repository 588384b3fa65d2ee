"""`rtutils demo` for cable tickets: something of everything, and nothing that is sent."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.feature import fill_demo
from request_tracker_utils.cable_tickets.models import Ticket, TicketComment
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import demo as stock
from request_tracker_utils.inventory.models import Movement, Reservation
from request_tracker_utils.inventory.stock import find_imbalances
from request_tracker_utils.notifications.models import Notification, NotificationStatus
from request_tracker_utils.preparation import is_without_data


@pytest.fixture
def filled(inside: Flask) -> Flask:
    assert is_without_data()
    stock.fill(transaction, now=utc_now())
    assert fill_demo() > 50
    return inside


def test_there_are_tickets_in_each_status_and_messages_in_each_that_are_never_sent(filled: Flask) -> None:
    assert not is_without_data()
    with reading() as session:
        assert set(session.scalars(select(Ticket.status))) == set(TicketStatus)
        assert set(session.scalars(select(Notification.status))) == set(NotificationStatus)
        assert session.scalar(select(func.count()).select_from(Notification).where(Notification.due_at.is_not(None))) == 0
        assert session.scalar(select(func.max(Ticket.created_at))) < utc_now()
        assert session.scalar(select(func.count()).select_from(TicketComment)) > 0
        assert session.scalars(select(User.password_hash).where(User.password_hash.is_not(None))).all() == []
        assert session.scalars(select(User.name).where(User.role == "admin")).all() == [], "the link for the first administrator must stay"


def test_stock_was_taken_and_is_reserved_and_back_ordered(filled: Flask) -> None:
    with reading() as session:
        of_tickets = session.scalars(select(Movement).where(Movement.source_type == "ticket_fulfillment").order_by(Movement.id)).all()
        assert len(of_tickets) > 30
        assert [each.created_at for each in of_tickets] == sorted(each.created_at for each in of_tickets)
        waiting = session.scalars(select(Reservation.backordered).where(Reservation.source_type == "ticket_fulfillment")).all()
        assert (0 in waiting, max(waiting) > 0) == (True, True)
        assert find_imbalances(session) == []
