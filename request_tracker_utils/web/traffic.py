"""Each request is counted, timed, and told in one line of the log."""

import logging
from time import perf_counter

import structlog
from flask import Flask, Response, g, request

from request_tracker_utils.core import metrics

log = structlog.get_logger(__name__)
_lines = logging.getLogger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NOWHERE, OTHER = "nowhere", "OTHER"
"""What is no route of ours and no method of ours: callers invent them, and numbers are kept of each."""


def install(app: Flask) -> None:
    """Before all other parts, so that their time counts too."""
    metrics.instruments()
    app.before_request(_begin)
    app.after_request(_end)


def route() -> str:
    """The rule that the request's path fits: paths hold keys of links, and rules none."""
    rule = request.url_rule
    return rule.rule if rule else NOWHERE


def _begin() -> None:
    g.begun = perf_counter()


def _end(response: Response) -> Response:
    seconds, here = perf_counter() - g.begun, route()
    method = request.method if request.method in METHODS else OTHER
    metrics.count_request(method, here, response.status_code, seconds)
    if _lines.isEnabledFor(logging.INFO):
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
