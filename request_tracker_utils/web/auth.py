"""Authentication and authorization: a route that neither requires a permission nor is public denies all callers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import NotFound

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Forbidden, Unauthenticated
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.registry import registry, registry_of
from request_tracker_utils.web.threads import Reserved, enter

Route = TypeVar("Route", bound=Callable[..., Any])

csrf = CSRFProtect()
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Access:
    """Who may call a route. Without `permission` and `public`: all signed-in callers."""

    permission: StrEnum | None = None
    public: bool = False
    csrf: bool = True
    """Whether callers without a token need a CSRF token for requests that change something."""
    reason: str = ""
    by_token: bool = True
    """Whether tokens are accepted, or only browser sessions: a token must not be able to create another one and outlive itself."""
    reserved: Reserved | None = None
    """The kind of request whose reserved threads it uses."""
    before_body: Callable[[], None] | None = None
    """Refuses a request by its headers, or sets `request.max_content_length`, before the body is read."""


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. `user_id` is None for callers without an account."""

    user_id: int | None
    name: str
    role: str
    student_id: int | None = None
    """The row of the caller's own student; school and homeroom are those of the account."""
    school: str = ""
    homeroom: str = ""


SessionAuthenticator = Callable[[], Caller | None]
TokenAuthenticator = Callable[[str, str], Caller | None]
"""Called with the scheme (`bearer`, `token`) and the credentials of the Authorization header."""


@dataclass
class Authenticators:
    """Functions that authenticate a request. `denied` is called with the caller and the missing permission."""

    session: SessionAuthenticator
    token: TokenAuthenticator
    denied: Callable[[Actor, str], None]


def require(permission: StrEnum, *, by_token: bool = True, reserved: Reserved | None = None) -> Callable[[Route], Route]:
    """Opens the route to callers with the permission."""
    return _marked(Access(permission=permission, by_token=by_token, reserved=reserved))


def signed_in(route: Route) -> Route:
    """Allows all signed-in callers."""
    return _marked(Access())(route)


def signed_in_by_browser(route: Route) -> Route:
    """Allows all callers who are signed in with a browser."""
    return _marked(Access(by_token=False))(route)


def public(
    reason: str, *, csrf: bool = True, reserved: Reserved | None = None, before_body: Callable[[], None] | None = None
) -> Callable[[Route], Route]:
    """Allows everyone. `csrf=False` for routes that check a secret of their own and ignore cookies."""
    return _marked(Access(public=True, csrf=csrf, reason=reason, reserved=reserved, before_body=before_body))


def open_endpoint(app: Flask, endpoint: str, access: Access) -> None:
    """Declares the access to a library's route, which cannot be decorated. Raises ValueError for an unknown endpoint."""
    if endpoint not in app.view_functions:
        raise ValueError(f"unknown endpoint {endpoint}")
    _opened(app)[endpoint] = access


def access_of(app: Flask, endpoint: str) -> Access | None:
    """Who may call the route; None if no access is declared."""
    if is_static(endpoint):
        return Access(public=True, reason="static files")
    opened = _opened(app).get(endpoint)
    if opened is not None:
        return opened
    return cast(Access | None, getattr(app.view_functions[endpoint], "access", None))


def is_static(endpoint: str) -> bool:
    return endpoint == "static" or endpoint.endswith(".static")


def current_actor() -> Actor:
    """The caller of this request. Raises Unauthenticated."""
    actor = current_actor_or_none()
    if actor is None:
        raise Unauthenticated(_("Sign in, or send a valid token in the Authorization header."))
    return actor


def current_actor_or_none() -> Actor | None:
    if "actor" not in g:
        g.actor = _authenticate()
    return cast(Actor | None, g.actor)


def admit(permission: StrEnum) -> Actor:
    """The caller, if they have the permission. Raises Unauthenticated, Forbidden; the denial is recorded."""
    actor = current_actor()
    if not actor.may(permission):
        registry().get(Authenticators).denied(actor, str(permission))
        raise Forbidden(_("Your role does not have the permission %(permission)s.", permission=permission), permission=str(permission))
    return actor


def install(app: Flask) -> None:
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the guard below checks, once the caller is known
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form is valid as long as its session
    csrf.init_app(app)
    app.before_request(_guard)


def install_authenticators(app: Flask, authenticators: Authenticators) -> None:
    registry_of(app).provide(Authenticators, authenticators)


class _Opened(dict[str, Access]):
    """Access to endpoints of libraries."""


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


def _authenticate() -> Actor | None:
    authenticators = registry().get(Authenticators)
    header = request.headers.get("Authorization")
    if header is not None:
        # A request with a token is authenticated by the token alone: a cookie sent with it is ignored.
        scheme, _, credentials = header.partition(" ")
        caller = authenticators.token(scheme.lower(), credentials.strip())
    else:
        caller = authenticators.session()
    if caller is None:
        return None
    permissions = registry().grants.get(caller.role, frozenset())
    return Actor(caller.name, permissions, caller.user_id, caller.role, caller.student_id, caller.school, caller.homeroom)


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
            raise Forbidden(_("This needs a browser session: sign in, or use the command line. Tokens are not accepted."))
    if access.before_body is not None:
        access.before_body()
    if not is_static(request.endpoint):  # sent at once, from memory
        enter(access.reserved, g.actor if not access.public else None)
    if request.method not in SAFE_METHODS and access.csrf and "Authorization" not in request.headers:
        csrf.protect()
