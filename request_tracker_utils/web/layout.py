"""What every page shows: the navigation for the caller's role, times in the installation's zone, the version."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, render_template, request

from request_tracker_utils import __version__
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.web.auth import current_actor, current_actor_or_none, signed_in
from request_tracker_utils.web.feature import NavItem
from request_tracker_utils.web.house import house, settings

pages = Blueprint("home", __name__)


@pages.get("/")
@signed_in
def home() -> str:
    """The front page: the cards of all domains that the caller may see."""
    actor = current_actor()
    cards = [(card.template, card.content()) for card in house().cards if actor.may(card.permission)]
    return render_template("web/home.html", cards=cards)


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.context_processor(_of_every_page)
    app.jinja_env.filters["when"] = when


def when(instant: datetime | None) -> str:
    """A time as people of this installation read it; nothing for none."""
    return instant.astimezone(settings().zone).strftime("%Y-%m-%d %H:%M") if instant else ""


def _of_every_page() -> dict[str, Any]:
    actor = current_actor_or_none() if request else None
    return {"actor": actor, "navigation": _navigation(actor), "version": __version__, "settings": settings()}


def _navigation(actor: Actor | None) -> list[tuple[NavItem, bool]]:
    """The caller's entries, each with whether it is where the caller is."""
    if actor is None:
        return []
    here = (request.endpoint or "").split(".")[0]
    return [(item, item.endpoint.split(".")[0] == here) for item in house().navigation if actor.may(item.permission)]
