"""The page that tells how to connect Request Tracker."""

from flask import Blueprint, render_template

from request_tracker_utils.core.db import reading
from request_tracker_utils.tags import contrib, webhook
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.house import settings

pages = Blueprint("webhook_page", __name__)


@pages.get("/webhook")
@require(TagPermission.WEBHOOK)
def connect() -> str:
    """The webhook's address and secret, and both ways in, ready to paste."""
    address = f"{settings().public_address()}/webhook/asset-created"
    with reading() as session:
        secret = webhook.secret(session, settings())
    return render_template("tags/webhook.html", address=address, secret=secret, snippets=contrib.snippets(address, secret))
