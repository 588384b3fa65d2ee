"""Error responses of JSON routes, and their documentation."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import getdoc
from typing import Any, TypeVar

from request_tracker_utils.core.errors import AppError, Forbidden, Invalid, Unauthenticated, Unavailable
from request_tracker_utils.web.auth import SAFE_METHODS, Access

Route = TypeVar("Route", bound=Callable[..., Any])

ERROR: dict[str, Any] = {
    "title": "Error",
    "description": "Every error has these fields. Some add fields of their own, such as the asset that has a tag.",
    "type": "object",
    "required": ["error", "code"],
    "properties": {
        "error": {"type": "string", "description": "What is wrong and what to do, in words."},
        "code": {"type": "string", "description": "The same as a stable code for programs."},
        "field": {"type": "string", "description": "The invalid field of the body or the URL."},
        "details": {
            "type": "array",
            "description": "Every invalid field.",
            "items": {
                "type": "object",
                "required": ["field", "problem"],
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
        "permission": {"type": "string", "description": "The permission that the caller's role lacks."},
        "retry_after": {"type": "integer", "description": "Seconds to wait, as in the header Retry-After."},
    },
    "examples": [
        {
            "error": "asset_id: must be the number of an asset",
            "code": "invalid",
            "field": "asset_id",
            "details": [{"field": "asset_id", "problem": "must be the number of an asset"}],
        }
    ],
}


@dataclass(frozen=True)
class ErrorShape:
    """How a route with its own contract renders errors: a schema called `name`, and `body`, which creates the JSON from the message and the
    fields. `unavailable` is the status if a system that is needed cannot be reached."""

    name: str
    schema: Mapping[str, Any]
    body: Callable[[str, Mapping[str, Any]], dict[str, Any]]
    unavailable: int = 503

    def status(self, status: int) -> int:
        return self.unavailable if status == Unavailable.status else status


def _default_body(message: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": message, **fields}


DEFAULT = ErrorShape("Error", ERROR, _default_body)


class TooLarge(AppError):
    """The request body is too large."""

    status, code = 413, "request_entity_too_large"


def may_raise(*errors: type[AppError]) -> Callable[[Route], Route]:
    """Documents errors of the route, in addition to those of authentication, input validation and the database."""

    def decorate(route: Route) -> Route:
        route.may_raise = errors  # type: ignore[attr-defined]
        return route

    return decorate


def error_shape(shape: ErrorShape) -> Callable[[Route], Route]:
    """Renders all errors of the route, including those of authentication and input validation, in this shape."""

    def decorate(route: Route) -> Route:
        route.error_shape = shape  # type: ignore[attr-defined]
        return route

    return decorate


def shape_of(route: Callable[..., Any] | None) -> ErrorShape:
    """The shape of the route's errors."""
    return getattr(route, "error_shape", DEFAULT)


def error_responses_of(route: Callable[..., Any], access: Access, method: str, *, takes_input: bool, has_secret: bool) -> dict[str, Any]:
    """The error responses of an operation by status, each with its codes and examples."""
    errors = {Unavailable, *getattr(route, "may_raise", ())}
    if not access.public or has_secret:
        errors.add(Unauthenticated)
    if access.permission or (access.csrf and method not in SAFE_METHODS):
        errors.add(Forbidden)
    if takes_input:
        errors.add(Invalid)
    if method not in SAFE_METHODS:
        errors.add(TooLarge)
    shape = shape_of(route)
    return {
        str(status): _response(status, [error for error in errors if shape.status(error.status) == status], shape)
        for status in sorted({shape.status(error.status) for error in errors})
    }


def _response(status: int, errors: Iterable[type[AppError]], shape: ErrorShape) -> dict[str, Any]:
    by_code = {error.code: _sentence(error) for error in sorted(errors, key=lambda error: error.code)}
    lines = [f"`{code}`: {sentence}" for code, sentence in by_code.items()]
    schema_ref = {"$ref": f"#/components/schemas/{shape.name}"}
    schema = {"allOf": [schema_ref, {"properties": {"code": {"enum": list(by_code)}}}]} if shape is DEFAULT else schema_ref
    examples = {code: {"summary": sentence, "value": shape.body(sentence, {"code": code})} for code, sentence in by_code.items()}
    return {
        "description": f"{HTTPStatus(status).phrase}. " + " ".join(lines),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _sentence(error: type[AppError]) -> str:
    """The first paragraph of the class's docstring, as one line."""
    return " ".join((getdoc(error) or "").split("\n\n")[0].split())
