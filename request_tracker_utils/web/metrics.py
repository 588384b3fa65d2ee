"""Counts, times and logs each request, and serves GET /metrics for Prometheus."""

import hmac
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

import structlog
from flask import Blueprint, Flask, Response, g, request
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.ip_addresses import address_of
from request_tracker_utils.core.jobs import last_starts
from request_tracker_utils.core.metrics import Gauge, count_request, exposition, instruments
from request_tracker_utils.web.auth import admit, public
from request_tracker_utils.web.registry import registry, registry_of, settings

log = structlog.get_logger(__name__)
_request_log = logging.getLogger(__name__)
pages = Blueprint("metrics", __name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED, OTHER = "unmatched", "OTHER"
"""Labels for unknown routes and methods: callers could create any number of them."""


@dataclass(frozen=True)
class MetricsPermission:
    permission: StrEnum


TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def install(app: Flask) -> None:
    """Installed before all other parts, so that their time is included."""
    instruments()
    app.before_request(_start)
    app.after_request(_end)


def route() -> str:
    """The URL rule that matches the request. Paths may contain secret keys of links; rules do not."""
    rule = request.url_rule
    return rule.rule if rule else UNMATCHED


def serve(app: Flask, permission: StrEnum) -> None:
    """Serves /metrics. `permission` lets a caller read metrics without the token and from any address."""
    registry_of(app).provide(MetricsPermission, MetricsPermission(permission))
    app.register_blueprint(pages)


@pages.get("/metrics")
@public("checks METRICS_TOKEN, METRICS_ADDRESSES or the permission itself")
def metrics() -> Response:
    """Counters and timings of all server processes, and gauges from the database."""
    if not (_has_metrics_token() or _has_allowed_address()):
        admit(registry().get(MetricsPermission).permission)
    return Response(exposition(_gauges()), content_type=TEXT_FORMAT)


def _start() -> None:
    g.started = perf_counter()


def _end(response: Response) -> Response:
    seconds, here = perf_counter() - g.started, route()
    method = request.method if request.method in METHODS else OTHER
    count_request(method, here, response.status_code, seconds)
    if _request_log.isEnabledFor(logging.INFO):
        actor = g.get("actor")
        log.info(
            "request",
            method=method,
            route=here,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            user=actor.name if actor else "",
            address=request.remote_addr,
        )
    return response


def _has_metrics_token() -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    token = settings().metrics_token
    return (
        token is not None and scheme.lower() == "bearer" and hmac.compare_digest(token.get_secret_value().encode(), given.strip().encode())
    )


def _has_allowed_address() -> bool:
    address = address_of(request.remote_addr or "")
    return address is not None and any(address in network for network in settings().metrics_addresses)


def _gauges() -> list[Gauge]:
    """No gauges if the database does not answer: the counters are needed most then."""
    try:
        return [*_job_ages(), *_feature_gauges()]
    except SQLAlchemyError as error:
        log.warning("gauges left out: the database does not answer", error=str(getattr(error, "orig", error)))
        return []


def _job_ages() -> Iterator[Gauge]:
    with reading() as session:
        starts = last_starts(session)
    now, help = utc_now(), "Seconds since the last run of the job started."
    for job in registry().jobs:
        if job.name in starts:
            yield Gauge("rtutils_job_age_seconds", help, max(0.0, (now - starts[job.name]).total_seconds()), {"job": job.name})


def _feature_gauges() -> Iterator[Gauge]:
    for ask in registry().gauges:
        for name, (help, value) in ask().items():
            yield Gauge(name, help, value)
