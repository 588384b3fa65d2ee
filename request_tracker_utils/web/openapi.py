"""The OpenAPI document: flask-openapi3's, completed with authentication, permissions and error responses. And the rejection of query
parameters that are not in it."""

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from inspect import getdoc
from typing import Any, cast, get_type_hints

from flask import Flask, current_app, request
from flask.typing import RouteCallable
from flask_openapi3 import APIBlueprint, OpenAPI
from pydantic import BaseModel, RootModel

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import SAFE_METHODS, Access, access_of
from request_tracker_utils.web.error_responses import error_responses_of, shape_of
from request_tracker_utils.web.registry import registry, registry_of, settings

_USER_SCHEMES: dict[str, dict[str, str]] = {
    "personalToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A personal token, created under Your account, or an access token from `POST /api/login`: `Authorization: "
        "Bearer …`. It has the permissions of its owner.",
    },
    "personalTokenAsToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The same token as `Authorization: Token …`, for clients that use this form.",
    },
    "requestTrackerToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A Request Tracker token, if Request Tracker is configured. Its owner has the role of the linked account.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "rtutils",
        "description": "The session of a signed-in browser. Ignored if an Authorization header is sent.",
    },
    "csrfToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "The CSRF token of the session, required for requests that change something.",
    },
}
DESCRIPTION = """Assets, tags, students and devices as a JSON API. Send a personal token with each request. All responses, including
errors, are JSON.

Requests can be repeated: repeating one that has already succeeded succeeds again. After a `503`, retry in a moment.

`GET` requests to `/api/` are rejected if they have a query parameter that is not documented, and the error names the known parameters."""


def install(app: Flask) -> None:
    """To be called after `auth.install`: callers are authenticated first."""
    app.before_request(_reject_unknown_parameters)


class _SecuritySchemes(dict[str, dict[str, str]]):
    """Schemes that features add."""


def add_security_scheme(app: Flask, name: str, scheme: dict[str, str]) -> None:
    """Adds a security scheme for routes that check a secret of their own; their blueprint names it in `abp_security`."""
    registry = registry_of(app)
    if registry.find(_SecuritySchemes) is None:
        registry.provide(_SecuritySchemes, _SecuritySchemes())
    registry.get(_SecuritySchemes)[name] = scheme


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of all JSON routes of this installation."""
    spec = deepcopy(cast(OpenAPI, current_app).api_doc)
    spec["info"] |= {"summary": "Asset tags, labels and student devices for Request Tracker.", "description": DESCRIPTION}
    spec["servers"] = [{"url": settings().public_address(), "description": "This installation"}]
    schemas = spec["components"]["schemas"]
    del schemas["ValidationErrorModel"]  # flask-openapi3's own error shape, which is never sent
    add_examples(schemas)
    schemas |= {shape.name: dict(shape.schema) for shape in map(shape_of, current_app.view_functions.values())}
    for path, method, operation in operations(spec):
        _complete(spec, path, method, operation)
    spec["components"] = {"schemas": schemas, "securitySchemes": _USER_SCHEMES | (registry().find(_SecuritySchemes) or {})}
    return spec


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, uppercase method, and operation."""
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _complete(spec: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> None:
    endpoint = _endpoints()[path, method]
    route, access = current_app.view_functions[endpoint], access_of(current_app, endpoint) or Access()
    summary, _, more = (getdoc(route) or "").partition("\n\n")
    operation["operationId"] = endpoint.replace(".", "_")
    operation["summary"] = " ".join(summary.split()).removesuffix(".")
    operation["description"] = "\n\n".join(filter(None, (" ".join(more.split()), _required_access(access))))
    secret = operation.get("security", [])
    operation["security"] = secret if access.public else _security(access, method)
    contents = [answer["content"] for answer in operation["responses"].values() if "content" in answer]
    if "requestBody" in operation:
        contents.append(operation["requestBody"]["content"])
    for content in contents:
        _show_whole_example(spec, content)
    takes_input = "requestBody" in operation or bool(operation.get("parameters")) or _is_strict(path, method, access)
    declared = {status: answer for status, answer in operation["responses"].items() if status != "400"}  # flask-openapi3's own
    errors = error_responses_of(route, access, method, takes_input=takes_input, has_secret=bool(secret))
    operation["responses"] = dict(sorted((errors | declared).items()))


def _is_strict(path: str, method: str, access: Access) -> bool:
    """Whether unknown query parameters are rejected. Public routes accept them: load balancers add parameters to health checks."""
    return path.startswith("/api/") and method in ("GET", "HEAD") and not access.public


def _reject_unknown_parameters() -> None:
    """A misspelled or unsupported parameter that is ignored would return the wrong rows. Raises Invalid."""
    if not request.args or request.endpoint is None or not isinstance(current_app.blueprints.get(request.blueprint or ""), APIBlueprint):
        return
    if not _is_strict(request.path, request.method, access_of(current_app, request.endpoint) or Access()):
        return
    known = _query_parameters(current_app.view_functions[request.endpoint])
    unknown = [name for name in request.args if name not in known]
    if unknown:
        problem = _("unknown parameter")
        hint = _("The known parameters are %(names)s.", names=", ".join(known)) if known else _("This address takes no parameters.")
        message = _("%(name)s: %(problem)s. %(hint)s", name=unknown[0], problem=problem, hint=hint)
        raise Invalid(message, field=unknown[0], details=[{"field": name, "problem": problem} for name in unknown])


@lru_cache(maxsize=1_000)
def _query_parameters(route: RouteCallable) -> tuple[str, ...]:
    """The names that the route's query model has."""
    model: type[BaseModel] | None = get_type_hints(route).get("query")
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model else ()


def _security(access: Access, method: str) -> list[dict[str, list[str]]]:
    """The permission is written as a role, which OpenAPI 3.1 allows for all schemes."""
    needed = [str(access.permission)] if access.permission else []
    session: dict[str, list[str]] = {"session": needed}
    if method not in SAFE_METHODS:
        session["csrfToken"] = []
    by_token = [{name: needed} for name in ("personalToken", "personalTokenAsToken", "requestTrackerToken")]
    return [*(by_token if access.by_token else []), session]


def _required_access(access: Access) -> str:
    if access.public:
        return ""
    if access.permission is None:
        return "Requires authentication."
    roles = [role for role, granted in registry().grants.items() if access.permission in granted]
    return f"Requires the permission `{access.permission}`. Roles: {', '.join(sorted(roles))}."


def _endpoints() -> dict[tuple[str, str], str]:
    """(OpenAPI path, method) → endpoint."""
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


PACKAGE = __name__.split(".", maxsplit=1)[0]


def add_examples(schemas: dict[str, Any]) -> None:
    """Adds examples to the schemas: each field gets its own, and each object one built from them."""
    models = _models(BaseModel)
    for name, schema in schemas.items():
        for field, information in models[name].model_fields.items() if name in models else ():
            if information.examples:
                described = schema if issubclass(models[name], RootModel) else schema["properties"][field]
                described["examples"] = information.examples
    for schema in schemas.values():
        schema["examples"] = [_example(schema, schemas)]


def _models(base: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """This program's models by name."""
    found: dict[str, type[BaseModel]] = {}
    for model in base.__subclasses__():
        found |= {model.__name__: model} if model.__module__.startswith(PACKAGE) else {}
        found |= _models(model)
    return found


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Fields without an example are built if they are objects or lists of objects, and left out otherwise."""
    if "examples" in schema or "enum" in schema:
        return [*schema.get("examples", []), *schema.get("enum", [])][0]
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    return {name: _example(field, schemas) for name, field in schema.get("properties", {}).items() if _has_example(field)}


def _has_example(field: dict[str, Any]) -> bool:
    return "examples" in field or "$ref" in field or "$ref" in field.get("items", {})
