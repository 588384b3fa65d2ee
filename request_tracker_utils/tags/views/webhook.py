"""The page that tells how to connect Request Tracker."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import contrib, service, webhook
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.registry import settings

pages = Blueprint("webhook_page", __name__)
waiting_pages = Blueprint("tags_waiting", __name__)


@waiting_pages.get("/tags/waiting")
@require(TagPermission.READ)
def waiting() -> str:
    """The tags that the directory is not known to hold yet, what keeps each, and since when."""
    with reading() as session:
        return render_template("tags/waiting.html", tags=service.stumbled(session))


@waiting_pages.post("/tags/waiting/<tag>/look-again")
@require(TagPermission.ASSIGN)
def look_again(tag: str) -> ResponseReturnValue:
    """Has a job look after the tag at once."""
    with transaction() as session:
        service.look_again(session, tag, now=utc_now())
    flash(f"{tag} is looked after now. Load this page again in a few seconds.", "success")
    return redirect(url_for(".waiting"), 303)


@pages.get("/webhook")
@require(TagPermission.WEBHOOK, by_token=False)
def connect() -> str:
    """The webhook's address and secret, and both ways in, ready to paste."""
    address = f"{settings().public_address()}/webhook/asset-created"
    with reading() as session:
        secret = webhook.secret(session, settings())
    return render_template("tags/webhook.html", address=address, secret=secret, snippets=contrib.snippets(address, secret))
