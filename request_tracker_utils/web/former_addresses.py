"""Redirects from former addresses of pages, which bookmarks and printed instructions still contain."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from request_tracker_utils.web.auth import Access, open_endpoint

PREFIX = "former:"
"""What the names of these endpoints start with."""


def redirect_former_addresses(app: Flask, former_addresses: Mapping[str, str]) -> None:
    """Maps each former rule to the endpoint that has replaced it. The endpoint decides who may see the page."""
    for rule, endpoint in former_addresses.items():
        name = f"{PREFIX}{rule}"
        app.add_url_rule(rule, name, _redirect_to(endpoint), methods=["GET"])
        open_endpoint(app, name, Access(public=True, reason="redirects to the present address"))


def _redirect_to(endpoint: str) -> Callable[..., Response]:
    def view(**arguments: Any) -> Response:
        query: dict[str, Any] = request.args.to_dict(flat=False)
        return redirect(url_for(endpoint, **{**query, **arguments}), 308)

    return view
