"""Who may occupy the threads of this process: each request holds a place while it runs, and is refused where its kind has none left.

A client decides how long a body takes to arrive and a download to be read, and either occupies a thread. So both have few places, in all
and per account or address. Sign-in, webhook, scans and health have places that nothing else uses.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Self

from flask import Flask, Response, request

from request_tracker_utils.core import metrics
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.core.ip_addresses import address_of, household
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.places import Limit, Limits, Place, Places
from request_tracker_utils.web.registry import registry, registry_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
RETRY_AFTER = 5
"""Seconds after which a refused caller should try again."""
_KEY = "rtutils.places"


class Reserved(StrEnum):
    """Requests with places of their own, or limits. Routes declare it next to who may call them."""

    SIGN_IN = "sign_in"
    WEBHOOK = "webhook"
    SCAN = "scan"
    HEALTH = "health"
    REPORT = "report"
    """Calls of providers of messages: without places of their own, and with a third of the shared ones at most."""
    PUSH = "push"
    """Terminals that push: without places of their own, and with half of the shared ones at most."""


class TooManyRequests(AppError):
    """The account or the address has too many requests, uploads or downloads in progress. Wait until some have ended."""

    status, code = 429, "too_many_requests"


@dataclass(frozen=True)
class Sizes:
    """How many of a process's threads each kind of request may occupy. They add up to all threads."""

    reserved: dict[Reserved, int]
    shared: int
    """For all requests without a reserved place."""
    streams: int
    bodies: int
    stranger_bodies: int
    """One more than sign-ins have places, so that one address cannot take all."""

    @classmethod
    def of(cls, threads: int) -> Self:
        each = max(1, min(4, threads // 8))
        reserved = {Reserved.SIGN_IN: each, Reserved.WEBHOOK: each, Reserved.SCAN: each, Reserved.HEALTH: 1}
        shared = threads - sum(reserved.values())
        # One thread of the shared ones is for a stranger's body, and one for what no client can prolong.
        streams = max(1, (shared - 2) // 2)
        return cls(reserved, shared, streams=streams, bodies=max(1, shared - 2 - streams), stranger_bodies=each + 1)

    @property
    def waiting_for_rt(self) -> int:
        """Requests that may wait for Request Tracker at the same time: others go on while it does not answer."""
        return max(1, self.shared - 2)


def _overloaded() -> AppError:
    return Unavailable(_("The program is busy with other requests. Try again in a few seconds."), retry_after=RETRY_AFTER)


def _account_busy() -> AppError:
    return TooManyRequests(
        _("Too many requests from your account are in progress. Wait until some have ended, then try again."), retry_after=RETRY_AFTER
    )


def _address_busy() -> AppError:
    return TooManyRequests(
        _("Too many requests from your network address are in progress. Wait until some have ended, then try again."),
        retry_after=RETRY_AFTER,
    )


def _bodies_busy() -> AppError:
    return Unavailable(_("Too many forms or files are being sent right now. Try again in a few seconds."), retry_after=RETRY_AFTER)


def _own_bodies_busy() -> AppError:
    return TooManyRequests(
        _("Your account is still sending other forms or files. Wait until they have arrived, then try again."), retry_after=RETRY_AFTER
    )


def _streams_busy() -> AppError:
    return Unavailable(_("Too many downloads and label pages are in progress. Try again in a minute."), retry_after=60)


def _own_streams_busy() -> AppError:
    return TooManyRequests(
        _("Your account still has other downloads or label pages in progress. Wait until they are complete, or cancel them."),
        retry_after=RETRY_AFTER,
    )


class ThreadLimits:
    """The limits of this app."""

    def __init__(self, sizes: Sizes, *, on_refusal: Callable[[str], None] = metrics.count_refused) -> None:
        self.sizes = sizes
        self.places = Places(may_wait=max(1, sum(sizes.reserved.values()) // 3), on_refusal=on_refusal)

    def working(self, reserved: Reserved | None, caller: "Caller") -> tuple[Limits, ...]:
        """The choices for a request whose body is not being read."""
        most = self.sizes.shared - 1 if caller.account else max(1, self.sizes.shared // 2)
        shared = (
            *((Limit(("account", caller.account), most, "account", _account_busy),) if caller.account else ()),
            Limit(("address", caller.kind, caller.address), most, "address", _address_busy),
            Limit(("shared",), self.sizes.shared, "shared", _overloaded),
        )
        if reserved is None:
            return (shared,)
        if reserved is Reserved.REPORT:
            return ((Limit(("reports",), max(1, self.sizes.shared // 3), reserved, _overloaded, patience=1.0), *shared),)
        if reserved is Reserved.PUSH:  # not limited by address, because many terminals share that of their router
            return ((Limit(("pushes",), max(1, self.sizes.shared // 2), reserved, _overloaded), shared[-1]),)
        own = (self._own(reserved),)
        if reserved is Reserved.HEALTH:  # strangers call it: it takes nothing from others
            return (own,)
        if reserved is Reserved.WEBHOOK:  # not limited by address, because Request Tracker has one, and waits for the response
            return own, (Limit(("webhook",), max(1, self.sizes.shared // 2), reserved, _overloaded), shared[-1])
        return own, shared

    def reading(self, reserved: Reserved | None, caller: "Caller") -> tuple[Limits, ...]:
        """The choices for a request whose body is being read."""
        if reserved is Reserved.PUSH:  # a terminal is known before its body is read
            return self.working(reserved, caller)
        own = (self._own(reserved),) if reserved in self.sizes.reserved else ()
        shared = self.working(reserved if reserved is Reserved.REPORT else None, caller)[0]
        if not caller.account:
            bodies = self.sizes.stranger_bodies
            mine = _stretched("address_bodies", caller.address, max(1, bodies // 2), "address_bodies", _bodies_busy)
            strangers = (mine, _stretched("bodies", "strangers", bodies, "sign_in_bodies", _bodies_busy))
            return ((*strangers, *own), (*strangers, *shared)) if own else ((*strangers, *shared),)
        mine = _stretched("account_bodies", caller.account, (self.sizes.bodies + 1) // 2, "account_bodies", _own_bodies_busy)
        ordinary = (mine, _stretched("bodies", "accounts", self.sizes.bodies, "bodies", _bodies_busy), *shared)
        one_scan = _stretched("account_scans", caller.account, 1, "account_bodies", _own_bodies_busy)
        return ((one_scan, *own), ordinary) if own else (ordinary,)

    def streaming(self, caller: "Caller") -> Limits:
        return (
            _stretched("account_streams", caller.account, (self.sizes.streams + 1) // 2, "account_streams", _own_streams_busy),
            _stretched("streams", "", self.sizes.streams, "streams", _streams_busy),
        )

    def _own(self, reserved: Reserved) -> Limit:
        return Limit(("reserved", reserved), self.sizes.reserved[reserved], reserved, _overloaded)


def _stretched(name: str, of: str, most: int, reason: str, error: Callable[[], AppError]) -> Limit:
    """A limit of what clients can prolong. What arrives at once leaves its place in milliseconds, so nobody waits long."""
    return Limit((name, of), most, reason, error, moving=0.5, patience=0.5)


@dataclass(frozen=True)
class Caller:
    """Who makes a request: an account, or for strangers ("") only the address."""

    account: str
    address: str

    @property
    def kind(self) -> str:
        return "account" if self.account else "stranger"


@dataclass
class Held:
    """What the request of a WSGI environment holds."""

    places: Places
    place: Place | None = None
    stream: Place | None = None
    caller: Caller = Caller("", "")

    def leave(self) -> None:
        for place in (self.place, self.stream):
            if place is not None:
                self.places.leave(place)
        self.place = self.stream = None


def install(app: Flask, threads: int) -> None:
    registry_of(app).provide(ThreadLimits, ThreadLimits(Sizes.of(threads)))
    app.wsgi_app = _LeavingPlaces(app.wsgi_app, registry_of(app).get(ThreadLimits).places)  # type: ignore[method-assign]
    app.after_request(_send_whole)


def enter(reserved: Reserved | None, actor: Actor | None) -> None:
    """Takes a place for this request, once its caller is known, and reads its body if it has one. Raises TooManyRequests, Unavailable."""
    held: Held | None = request.environ.get(_KEY)
    if held is None:
        return  # called without a server
    limits = registry().get(ThreadLimits)
    address = address_of(request.remote_addr or "")
    held.caller = Caller(_account(actor), request.remote_addr or "" if address is None else str(household(address)))
    working = limits.working(reserved, held.caller)
    if not _has_body() or reserved is Reserved.WEBHOOK:  # the webhook checks its secret before it reads the body
        held.place = limits.places.take(*working)
        return
    held.place = limits.places.take(*limits.reading(reserved, held.caller))
    if request.mimetype == "multipart/form-data":
        request.form  # noqa: B018 — parses it: files go to temporary ones
    else:
        request.get_data()
    # Checking a password takes long, so sign-ins leave their reserved places to other bodies.
    preferred = working[-1] if reserved is Reserved.SIGN_IN else ()
    limits.places.narrow(held.place, tuple(chain.from_iterable(working)), preferred=preferred)


def take_stream() -> None:
    """Takes a place for a streamed response, until it is closed. Call it before the work begins. Raises TooManyRequests, Unavailable."""
    held: Held | None = request.environ.get(_KEY)
    if held is not None and held.stream is None:
        limits = registry().get(ThreadLimits)
        held.stream = limits.places.take(limits.streaming(held.caller))


def _account(actor: Actor | None) -> str:
    return "" if actor is None else str(actor.user_id or actor.name)


def _has_body() -> bool:
    """Whether the request has a body that is needed. No route reads one of a GET, and waiting for it would occupy a place of health."""
    return request.method not in WITHOUT_BODY and (bool(request.content_length) or "Transfer-Encoding" in request.headers)


def _send_whole(response: Response) -> Response:
    """Reads files and generators without a stream's place into memory: then a client that does not read occupies no thread."""
    held: Held | None = request.environ.get(_KEY)
    if held is not None and held.stream is None and response.is_streamed and request.method != "HEAD" and response.status_code != 304:
        response.direct_passthrough = False
        response.set_data(response.get_data())
    return response


class _LeavingPlaces:
    """Leaves a request's places when its response is ready, or closed if it is streamed."""

    def __init__(self, app: "WSGIApplication", places: Places) -> None:
        self._app, self._places = app, places

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        held = environ[_KEY] = Held(self._places)
        try:
            body = self._app(environ, start_response)
        except BaseException:
            held.leave()
            raise
        if held.stream is not None:
            return _Stream(body, held)
        held.leave()
        return body


class _Stream:
    """The server calls `close` also when the client disconnects."""

    def __init__(self, body: Iterable[bytes], held: Held) -> None:
        self._body, self._chunks, self._held = body, iter(body), held

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:
            self._held.leave()
            raise

    def close(self) -> None:
        try:
            if (close := getattr(self._body, "close", None)) is not None:
                close()
        finally:
            self._held.leave()
