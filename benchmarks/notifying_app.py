"""The program with one more route, `POST /bench/requests`: it receives three kinds of cable, and writes messages to those whom the body
names. Requests for cable, which write to as many rows, will send messages in the same way."""

from flask import Blueprint, request
from sqlalchemy import Column, DateTime, Integer, MetaData, Table, insert

from request_tracker_utils import app, server
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.messages import Channel, MessageKind, Messenger, Recipient
from request_tracker_utils.core.settings import load_settings
from request_tracker_utils.inventory import receiving
from request_tracker_utils.inventory.current import reorder_alerts
from request_tracker_utils.inventory.receiving import Delivery, DeliveryItem
from request_tracker_utils.notifications.permissions import NotificationPermission
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.feature import Feature
from request_tracker_utils.web.registry import registry

PATH = "/bench/requests"
KIND = MessageKind("bench", "Benchmark", "inventory/messages/reorder-alert")
REQUESTS = Table("bench_requests", MetaData(), Column("id", Integer, primary_key=True), Column("created_at", DateTime))

pages = Blueprint("bench", __name__)


@pages.post(PATH)
@require(NotificationPermission.SEND)
def write() -> dict[str, int]:
    """`lengths`: of the kinds of cable. `to`: ids of the recipients. `chat`: whether the site's chat channels get a message too."""
    body, now = request.get_json(), utc_now()
    recipients = [Recipient(user_id=user_id) for user_id in body["to"]]
    if body.get("chat"):
        recipients.append(Recipient(channel=Channel.CHAT))
    with transaction() as session:
        number = session.execute(insert(REQUESTS).values(created_at=now.replace(tzinfo=None)).returning(REQUESTS.c.id)).scalar_one()
        items = [DeliveryItem(f"Cable {length}", f"{length} ft", 1) for length in body["lengths"]]  # others receive other types
        delivery = Delivery(items, vendor="Graybar", packing_slip=f"PS-{number}")
        receiving.receive(session, delivery, actor=current_actor(), now=now, alerts=reorder_alerts())
        values: dict[str, str | int] = {"cable_type": "Cat6", "cable_length": f"#{number}", "threshold": 5, "backordered": 0}
        values |= {"on_hand": 5, "reserved": 1, "available": 4, "suggested": 20}
        messenger = registry().get(Messenger)
        messenger.send(session, KIND, recipients, about=about(number), values=values, actor=current_actor(), now=now)
    return {"id": number}


def about(number: int) -> str:
    return f"bench request {number}"


if __name__ == "__main__":
    app.FEATURES.append(Feature(name="bench", pages=[pages], messages=[KIND]))
    server.serve(load_settings())  # its worker processes are forks of this one
