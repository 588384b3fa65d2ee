"""Counts, times and logs each request."""

import logging
from time import perf_counter

import structlog
from flask import Flask, Response, g, request

from request_tracker_utils.core import metrics

log = structlog.get_logger(__name__)
_request_log = logging.getLogger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED, OTHER = "unmatched", "OTHER"
"""Labels for unknown routes and methods: callers could create any number of them."""


def install(app: Flask) -> None:
    """Installed before all other parts, so that their time is included."""
    metrics.instruments()
    app.before_request(_start)
    app.after_request(_end)


def route() -> str:
    """The URL rule that matches the request. Paths may contain secret keys of links; rules do not."""
    rule = request.url_rule
    return rule.rule if rule else UNMATCHED


def _start() -> None:
    g.started = perf_counter()


def _end(response: Response) -> Response:
    seconds, here = perf_counter() - g.started, route()
    method = request.method if request.method in METHODS else OTHER
    metrics.count_request(method, here, response.status_code, seconds)
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
