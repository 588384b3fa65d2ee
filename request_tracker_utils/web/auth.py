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
from request_tracker_utils.web.body import place_of_stranger
from request_tracker_utils.web.registry import registry, registry_of

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
    by_token: bool = True
    """Whether callers with a token are let in, or sessions of browsers only: no token makes another, and so outlives itself."""


@dataclass(frozen=True)
class Caller:
    """Somebody who was recognised. `user_id` is None for those who have no account here."""

    user_id: int | None
    name: str
    role: str


SessionRecogniser = Callable[[], Caller | None]
TokenRecogniser = Callable[[str, str], Caller | None]
"""Is given the scheme (`bearer`, `token`) and the credentials of the Authorization header."""


@dataclass
class Recognisers:
    """`refused` is told who was not let in, and which permission was missing."""

    session: SessionRecogniser
    token: TokenRecogniser
    refused: Callable[[Actor, str], None]


def require(permission: StrEnum, *, by_token: bool = True) -> Callable[[Route], Route]:
    """Opens the route to callers that hold the permission."""
    return _marked(Access(permission=permission, by_token=by_token))


def signed_in(route: Route) -> Route:
    """Opens the route to whoever is signed in."""
    return _marked(Access())(route)


def signed_in_by_browser(route: Route) -> Route:
    """Opens the route to whoever is signed in with a browser."""
    return _marked(Access(by_token=False))(route)


def public(reason: str, *, forms: bool = True) -> Callable[[Route], Route]:
    """Opens the route to everybody. `forms=False` for routes with a secret of their own, which no browser's cookie opens."""
    return _marked(Access(public=True, forms=forms, reason=reason))


def open_endpoint(app: Flask, endpoint: str, access: Access) -> None:
    """Opens a route of a library, whose view cannot be marked. Raises ValueError for an endpoint that the app does not have."""
    if endpoint not in app.view_functions:
        raise ValueError(f"there is no endpoint {endpoint}")
    _opened(app)[endpoint] = access


def access_of(app: Flask, endpoint: str) -> Access | None:
    """How the route is opened; None for one that nobody opened."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return Access(public=True, reason="static files")
    opened = _opened(app).get(endpoint)
    if opened is not None:
        return opened
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


def admit(permission: StrEnum) -> Actor:
    """The caller, if they hold the permission. Raises Unauthenticated, Forbidden; a refusal is written down."""
    actor = current_actor()
    if not actor.may(permission):
        registry().get(Recognisers).refused(actor, str(permission))
        raise Forbidden(f"Your role does not include {permission}.", permission=str(permission))
    return actor


def install(app: Flask) -> None:
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the guard below decides, after it knows who is calling
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form is good as long as its session
    csrf.init_app(app)
    app.before_request(_guard)


def install_recognisers(app: Flask, recognisers: Recognisers) -> None:
    registry_of(app).provide(Recognisers, recognisers)


class _Opened(dict[str, Access]):
    """Access to endpoints of libraries, by endpoint."""


def _opened(app: Flask) -> _Opened:
    registry = registry_of(app)
    if registry.find(_Opened) is None:
        registry.provide(_Opened, _Opened())
    return registry.get(_Opened)


def _marked(access: Access) -> Callable[[Route], Route]:
    def decorate(route: Route) -> Route:
        route.access = access  # type: ignore[attr-defined]
        return route

    return decorate


def _recognise() -> Actor | None:
    recognisers = registry().get(Recognisers)
    header = request.headers.get("Authorization")
    if header is not None:
        # Whoever sends a token is that token's owner or nobody: a cookie beside it is not looked at.
        scheme, _, credentials = header.partition(" ")
        caller = recognisers.token(scheme.lower(), credentials.strip())
    else:
        caller = recognisers.session()
    if caller is None:
        return None
    return Actor(caller.name, registry().grants.get(caller.role, frozenset()), caller.user_id, caller.role)


def _guard() -> None:
    if request.endpoint is None:
        return  # the router's own 404 or 405 follows
    access = access_of(current_app, request.endpoint)
    if access is None:
        raise NotFound
    if not access.public:
        if access.permission is None:
            current_actor()
        else:
            admit(access.permission)
        if not access.by_token and "Authorization" in request.headers:
            raise Forbidden("Accounts are changed by people: sign in with a browser, or use the commands. No token opens this.")
    if access.public and access.forms and request.method not in SAFE_METHODS:
        with place_of_stranger():
            request.get_data()
    if request.method not in SAFE_METHODS and access.forms and "Authorization" not in request.headers:
        csrf.protect()
