"""The OpenAPI document: what flask-openapi3 knows of the JSON routes, completed with who may call them and what they refuse."""

import re
from collections.abc import Iterator
from copy import deepcopy
from inspect import getdoc
from typing import Any, cast

from flask import Flask, current_app
from flask_openapi3 import OpenAPI

from request_tracker_utils.web.auth import SAFE_METHODS, Access, access_of
from request_tracker_utils.web.examples import add_examples
from request_tracker_utils.web.refusals import refusals_of, shape_of
from request_tracker_utils.web.registry import registry, settings

_SCHEMES = "rtutils_security_schemes"
_OF_USERS: dict[str, dict[str, str]] = {
    "personalToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A personal token, made on the page Your account: `Authorization: Bearer …`. It may do what its owner may.",
    },
    "personalTokenAsToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The same token as `Authorization: Token …`, for programs that speak so to other systems.",
    },
    "requestTrackerToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of Request Tracker, where this installation is connected to one. Its owner has the linked account's role.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "rtutils",
        "description": "The session of a browser that signed in on the page. It is not looked at beside an Authorization header.",
    },
    "csrfToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "The token of the session's forms. A session needs it for whatever changes something.",
    },
}
DESCRIPTION = """Assets and their tags, for programs. Send a personal token with each call; every answer, an error too, is JSON.

Calls may be repeated: what is done already is answered as done. After `503`, try again in a moment."""


def admit_scheme(app: Flask, name: str, scheme: dict[str, str]) -> None:
    """Called by the domain that has routes with a secret of their own; their blueprint names the scheme in `abp_security`."""
    app.extensions.setdefault(_SCHEMES, {})[name] = scheme


def document() -> dict[str, Any]:
    """OpenAPI 3.1 of every JSON route of this installation."""
    spec = deepcopy(cast(OpenAPI, current_app).api_doc)
    spec["info"] |= {"summary": "Asset tags beside Request Tracker.", "description": DESCRIPTION}
    spec["servers"] = [{"url": settings().public_address(), "description": "This installation"}]
    schemas = spec["components"]["schemas"]
    del schemas["ValidationErrorModel"]  # flask-openapi3's own shape, which nothing answers with
    add_examples(schemas)
    schemas |= {shape.name: dict(shape.schema) for shape in map(shape_of, current_app.view_functions.values())}
    for path, method, operation in operations(spec):
        _complete(spec, path, method, operation)
    spec["components"] = {"schemas": schemas, "securitySchemes": _OF_USERS | current_app.extensions.get(_SCHEMES, {})}
    return spec


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method in capitals, and the operation."""
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _complete(spec: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> None:
    endpoint = _endpoints()[path, method]
    route, access = current_app.view_functions[endpoint], access_of(current_app, endpoint) or Access()
    summary, _, more = (getdoc(route) or "").partition("\n\n")
    operation["operationId"] = endpoint.replace(".", "_")
    operation["summary"] = " ".join(summary.split()).removesuffix(".")
    operation["description"] = "\n\n".join(filter(None, (" ".join(more.split()), _who(access))))
    secret = operation.get("security", [])
    operation["security"] = secret if access.public else _ways_in(access, method)
    contents = [answer["content"] for answer in operation["responses"].values() if "content" in answer]
    if "requestBody" in operation:
        contents.append(operation["requestBody"]["content"])
    for content in contents:
        _show_whole_example(spec, content)
    takes_input = "requestBody" in operation or bool(operation.get("parameters"))
    declared = {status: answer for status, answer in operation["responses"].items() if status != "400"}  # flask-openapi3's own
    refusals = refusals_of(route, access, method, takes_input=takes_input, has_secret=bool(secret))
    operation["responses"] = dict(sorted((refusals | declared).items()))


def _ways_in(access: Access, method: str) -> list[dict[str, list[str]]]:
    """The permission stands where OpenAPI 3.1 has the roles that a scheme's user needs."""
    needed = [str(access.permission)] if access.permission else []
    session: dict[str, list[str]] = {"session": needed}
    if method not in SAFE_METHODS:
        session["csrfToken"] = []
    by_token = [{name: needed} for name in ("personalToken", "personalTokenAsToken", "requestTrackerToken")]
    return [*(by_token if access.by_token else []), session]


def _who(access: Access) -> str:
    if access.public:
        return ""
    if access.permission is None:
        return "Whoever is signed in may call it."
    roles = [role for role, granted in registry().grants.items() if access.permission in granted]
    return f"Needs the permission `{access.permission}`, which these roles include: {', '.join(sorted(roles))}."


def _endpoints() -> dict[tuple[str, str], str]:
    """Path as OpenAPI writes it, and method → endpoint."""
    return {
        (re.sub(r"<(?:[^<:>]+:)?([^<>]+)>", r"{\1}", rule.rule), method): rule.endpoint
        for rule in current_app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _show_whole_example(spec: dict[str, Any], content: dict[str, Any]) -> None:
    for media in content.values():
        named = spec["components"]["schemas"].get(media["schema"].get("$ref", "").rsplit("/", 1)[-1], {})
        if "examples" in named:
            media["example"] = named["examples"][0]
