"""Messages that were sent, for tests of pages."""

from datetime import UTC, datetime
from itertools import count

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.notifications import suppression
from request_tracker_utils.notifications.current import phone_code_key
from request_tracker_utils.notifications.models import Notification, PhoneCode
from request_tracker_utils.notifications.phone_confirmation import code_of
from request_tracker_utils.notifications.suppression import SuppressionReason

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
_numbers = count(1)


def add_message(app: Flask, to: str = "", **columns: object) -> int:
    """Stores a message that failed, to the account or to an address, and returns its id. `columns` are those that differ."""
    number = next(_numbers)
    with app.app_context(), transaction() as session:
        values = {
            "recipient_user_id": accounts.user_named(session, to).id if to else None,
            "notification_type": "email",
            "status": "failed",
            "error_message": None,
            "created_at": NOON,
            "event": "phone-shared",
            "address": f"{to}@example.org" if to else "stranger@example.org",
            "attempts": 1,
            "key": f"{number:064}",
            "about": f"test {number}",
            "values": {"name": "bob", "ending": "0123"},
            "sender": "ada",
        }
        row = Notification(**{**values, **columns})
        session.add(row)
        session.flush()
        return row.id


def suppress(app: Flask, address: str, channel: Channel = Channel.EMAIL, *, detail: str = "550 no such user") -> None:
    with app.app_context(), transaction() as session:
        reason = SuppressionReason.STOPPED if channel is Channel.SMS else SuppressionReason.BOUNCED
        suppression.suppress(session, channel, address, reason, provider="test", now=NOON, detail=detail)


def stored_messages(app: Flask) -> list[Notification]:
    with app.app_context(), reading() as session:
        return list(session.scalars(select(Notification).order_by(Notification.id)))


def code_sent(app: Flask) -> str:
    """The newest code that was sent to a phone."""
    with app.app_context(), reading() as session:
        return code_of(session.scalars(select(PhoneCode).order_by(PhoneCode.id.desc()).limit(1)).one(), phone_code_key())
