"""Recognises the caller, and holds the door: a route that names no permission, and is not public, is closed to all."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import NotFound

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Forbidden, Unauthenticated
from request_tracker_utils.web.house import house

Route = TypeVar("Route", bound=Callable[..., Any])

csrf = CSRFProtect()
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Access:
    """Who may call a route. `permission` None with `public` False: whoever is signed in."""

    permission: StrEnum | None = None
    public: bool = False
    forms: bool = True
    """Whether callers without a token must bring a CSRF token with what changes something."""
    reason: str = ""


@dataclass(frozen=True)
class Caller:
    """Somebody who was recognised."""

    user_id: int
    name: str
    role: str


SessionRecogniser = Callable[[], Caller | None]
TokenRecogniser = Callable[[str, str], Caller | None]
"""Is given the scheme (`bearer`, `token`) and the credentials of the Authorization header."""


@dataclass
class Recognisers:
    session: SessionRecogniser
    token: TokenRecogniser


def require(permission: StrEnum) -> Callable[[Route], Route]:
    """Opens the route to callers that hold the permission."""
    return _marked(Access(permission=permission))


def signed_in(route: Route) -> Route:
    """Opens the route to whoever is signed in."""
    return _marked(Access())(route)


def public(reason: str, *, forms: bool = True) -> Callable[[Route], Route]:
    """Opens the route to everybody. `forms=False` for routes with a secret of their own, which no browser's cookie opens."""
    return _marked(Access(public=True, forms=forms, reason=reason))


def access_of(app: Flask, endpoint: str) -> Access | None:
    """How the route is opened; None for one that nobody opened."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return Access(public=True, reason="static files")
    return cast(Access | None, getattr(app.view_functions[endpoint], "access", None))


def current_actor() -> Actor:
    """The caller of this request. Raises Unauthenticated."""
    actor = current_actor_or_none()
    if actor is None:
        raise Unauthenticated("Sign in, or send a valid token in the Authorization header.")
    return actor


def current_actor_or_none() -> Actor | None:
    if "actor" not in g:
        g.actor = _recognise()
    return cast(Actor | None, g.actor)


def install(app: Flask) -> None:
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the guard below decides, after it knows who is calling
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form is good as long as its session
    csrf.init_app(app)
    app.before_request(_guard)


def install_recognisers(app: Flask, recognisers: Recognisers) -> None:
    app.extensions["rtutils_recognisers"] = recognisers


def _marked(access: Access) -> Callable[[Route], Route]:
    def decorate(route: Route) -> Route:
        route.access = access  # type: ignore[attr-defined]
        return route

    return decorate


def _recognise() -> Actor | None:
    recognisers: Recognisers = current_app.extensions["rtutils_recognisers"]
    header = request.headers.get("Authorization")
    if header is not None:
        # Whoever sends a token is that token's owner or nobody: a cookie beside it is not looked at.
        scheme, _, credentials = header.partition(" ")
        caller = recognisers.token(scheme.lower(), credentials.strip())
    else:
        caller = recognisers.session()
    if caller is None:
        return None
    return Actor(caller.name, house().grants.get(caller.role, frozenset()), caller.user_id, caller.role)


def _guard() -> None:
    if request.endpoint is None:
        return  # the router's own 404 or 405 follows
    access = access_of(current_app, request.endpoint)
    if access is None:
        raise NotFound
    if not access.public:
        actor = current_actor()
        if access.permission is not None and not actor.may(access.permission):
            raise Forbidden(f"Your role does not include {access.permission}.", permission=str(access.permission))
    if request.method not in SAFE_METHODS and access.forms and "Authorization" not in request.headers:
        csrf.protect()
