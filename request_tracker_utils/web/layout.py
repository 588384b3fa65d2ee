"""What all pages share: navigation by role, times in TIMEZONE, the language, and the version."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import flask_babel
from flask import Blueprint, Flask, render_template, request, url_for
from werkzeug.exceptions import NotFound

from request_tracker_utils import __version__
from request_tracker_utils.core import translation
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.settings import STATIC
from request_tracker_utils.web.addresses import previous_page
from request_tracker_utils.web.auth import current_actor, current_actor_or_none, signed_in
from request_tracker_utils.web.feature import NavItem
from request_tracker_utils.web.registry import registry, settings

pages = Blueprint("home", __name__)

USED_OF_BOOTSTRAP = frozenset({"css/bootstrap.min.css"})
"""Its largest files have more than a megabyte, and a response that a stranger does not read stays in memory until it is cut off."""

# User agents also name the browsers they imitate: the first match decides.
BROWSERS = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl")]
SYSTEMS = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
]


@pages.get("/")
@signed_in
def home() -> str:
    """The home page: the cards that the caller may see."""
    actor = current_actor()
    cards = [(card.template, card.content()) for card in registry().cards if actor.may(card.permission)]
    return render_template("web/home.html", cards=cards)


def install(app: Flask) -> None:
    _serve_used_files_only(app)
    flask_babel.Babel(app, default_locale="en")
    translation.install(flask_babel.gettext, flask_babel.ngettext)
    app.register_blueprint(pages)
    app.context_processor(_template_context)
    app.jinja_env.filters["when"] = when
    app.jinja_env.globals["javascript_modules"] = javascript_modules
    app.jinja_env.globals["javascript_translations"] = javascript_translations
    app.jinja_env.globals["previous_page"] = previous_page
    app.jinja_env.filters["browser"] = browser


def javascript_modules() -> Mapping[str, str]:
    """Names of JavaScript modules, such as `web/signals`, with addresses that change with each version of the program."""
    return _module_addresses(url_for("static", filename=""))


def javascript_translations() -> dict[str, Any] | None:
    """The catalog for `web/translation.js`. None in English, which needs none."""
    if _language() == "en":
        return None
    translations = flask_babel.get_translations()
    sentences: dict[str, str | list[str]] = {}
    for key, text in sorted(translations._catalog.items(), key=lambda item: str(item[0])):
        if isinstance(key, tuple):  # a plural form, with its index
            sentences[key[0]] = [*sentences.get(key[0], []), text]
        elif key:
            sentences[key] = text
    return {"sentences": sentences, "plurals": [translations.plural(number) for number in range(200)]}


def when(instant: datetime | None) -> str:
    """A time in TIMEZONE as ISO date and time; empty for None."""
    return instant.astimezone(settings().zone).strftime("%Y-%m-%d %H:%M") if instant else ""


def browser(agent: str) -> str:
    """Browser and operating system by name, or the first word of an unknown user agent."""
    named = next((name for token, name in BROWSERS if token in agent), re.split(r"[ /]", agent, maxsplit=1)[0][:30])
    system = next((name for token, name in SYSTEMS if token in agent), "")
    return f"{named}, {system}" if system else named


def _serve_used_files_only(app: Flask) -> None:
    serve: Callable[..., Any] = app.view_functions["bootstrap.static"]

    def static(filename: str) -> Any:
        if filename not in USED_OF_BOOTSTRAP:
            raise NotFound
        return serve(filename=filename)

    app.view_functions["bootstrap.static"] = static


@cache
def _module_addresses(root: str) -> Mapping[str, str]:
    names = sorted(str(file.relative_to(STATIC).with_suffix("")) for file in STATIC.glob("*/*.js"))
    return {name: f"{root}{name}.js?v={__version__}" for name in names}


def _language() -> str:
    return str(flask_babel.get_locale() or "en")


def _template_context() -> dict[str, Any]:
    actor = current_actor_or_none() if request else None
    sections = [item for item in registry().administration if actor and actor.may(item.permission)]
    return {
        "actor": actor,
        "navigation": _navigation(actor),
        "sections": sections,
        "page_links": [
            link for link in registry().links if actor and request and link.page == request.endpoint and actor.may(link.permission)
        ],
        "in_administration": (request.path if request else "").startswith("/admin"),
        "language": _language(),
        "version": __version__,
        "settings": settings(),
    }


def _navigation(actor: Actor | None) -> list[tuple[NavItem, bool]]:
    """The caller's navigation entries, each with whether it is the current one."""
    if actor is None:
        return []
    entries = [(item, url_for(item.endpoint)) for item in registry().navigation if actor.may(item.permission)]
    near = [address for _, address in entries if _first_segment(address) == _first_segment(request.path)]
    here = max(near, key=lambda address: len(address) if f"{request.path}/".startswith(f"{address}/") else 0, default=None)
    return [(item, address == here) for item, address in entries]


def _first_segment(path: str) -> str:
    """The first segment of a path, which the pages of a domain share."""
    return path.split("/")[1]
