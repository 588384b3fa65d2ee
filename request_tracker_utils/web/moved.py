"""Former addresses of pages, which bookmarks and printed instructions still name, redirect to the present ones."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from request_tracker_utils.web.auth import Access, open_endpoint


def install(app: Flask, moved: Mapping[str, str]) -> None:
    """`moved` maps a former rule to the endpoint that answers now. The endpoint decides who may see it."""
    for rule, endpoint in moved.items():
        name = f"moved:{rule}"
        app.add_url_rule(rule, name, _redirect_to(endpoint), methods=["GET"])
        open_endpoint(app, name, Access(public=True, reason="redirects to the present address"))


def _redirect_to(endpoint: str) -> Callable[..., Response]:
    def view(**arguments: Any) -> Response:
        query: dict[str, Any] = request.args.to_dict(flat=False)
        return redirect(url_for(endpoint, **{**query, **arguments}), 308)

    return view
