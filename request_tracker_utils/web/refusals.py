"""The errors that JSON routes answer with, as their documentation has them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import getdoc
from typing import Any, TypeVar

from request_tracker_utils.core.errors import AppError, Forbidden, Invalid, Unauthenticated, Unavailable
from request_tracker_utils.web.auth import SAFE_METHODS, Access

Route = TypeVar("Route", bound=Callable[..., Any])

REFUSAL: dict[str, Any] = {
    "title": "Refusal",
    "description": "Every error is answered in this shape. Some add fields of their own, such as the asset that has a tag.",
    "type": "object",
    "required": ["error", "code"],
    "properties": {
        "error": {"type": "string", "description": "What is wrong and what to do, for a person to read."},
        "code": {"type": "string", "description": "The same for a program; it does not change."},
        "field": {"type": "string", "description": "The field of the body or of the address that does not fit."},
        "details": {
            "type": "array",
            "description": "Every field that does not fit.",
            "items": {
                "type": "object",
                "required": ["field", "problem"],
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
        "permission": {"type": "string", "description": "The permission that the caller's role does not include."},
        "retry_after": {"type": "integer", "description": "Seconds to wait. The header Retry-After says the same."},
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
class Shape:
    """The errors of routes whose contract was written elsewhere: a schema called `name`, and `body` makes an error's JSON from its message
    and its fields. `silence` is the status where what is needed cannot be reached."""

    name: str
    schema: Mapping[str, Any]
    body: Callable[[str, Mapping[str, Any]], dict[str, Any]]
    silence: int = 503

    def status(self, status: int) -> int:
        return self.silence if status == Unavailable.status else status


def _in_our_words(message: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": message, **fields}


OURS = Shape("Refusal", REFUSAL, _in_our_words)


class TooLarge(AppError):
    """The body is larger than this program takes."""

    status, code = 413, "request_entity_too_large"


def may_refuse(*errors: type[AppError]) -> Callable[[Route], Route]:
    """Tells the documentation which errors the route has beside those that the door, its body and the database bring."""

    def decorate(route: Route) -> Route:
        route.refusals = errors  # type: ignore[attr-defined]
        return route

    return decorate


def refuses_as(shape: Shape) -> Callable[[Route], Route]:
    """Has the route's errors, also those that the door and its body bring, answered in another shape than everywhere."""

    def decorate(route: Route) -> Route:
        route.refusal_shape = shape  # type: ignore[attr-defined]
        return route

    return decorate


def shape_of(route: Callable[..., Any] | None) -> Shape:
    """In which shape the route says no."""
    return getattr(route, "refusal_shape", OURS)


def refusals_of(route: Callable[..., Any], access: Access, method: str, *, takes_input: bool, has_secret: bool) -> dict[str, Any]:
    """The error answers of an operation by status, each with its codes and an example of each."""
    errors = {Unavailable, *getattr(route, "refusals", ())}
    if not access.public or has_secret:
        errors.add(Unauthenticated)
    if access.permission or (access.forms and method not in SAFE_METHODS):
        errors.add(Forbidden)
    if takes_input:
        errors.add(Invalid)
    if method not in SAFE_METHODS:
        errors.add(TooLarge)
    shape = shape_of(route)
    return {
        str(status): _answer(status, [error for error in errors if shape.status(error.status) == status], shape)
        for status in sorted({shape.status(error.status) for error in errors})
    }


def _answer(status: int, errors: Iterable[type[AppError]], shape: Shape) -> dict[str, Any]:
    by_code = {error.code: _sentence(error) for error in sorted(errors, key=lambda error: error.code)}
    lines = [f"`{code}`: {sentence}" for code, sentence in by_code.items()]
    of_shape = {"$ref": f"#/components/schemas/{shape.name}"}
    schema = {"allOf": [of_shape, {"properties": {"code": {"enum": list(by_code)}}}]} if shape is OURS else of_shape
    examples = {code: {"summary": sentence, "value": shape.body(sentence, {"code": code})} for code, sentence in by_code.items()}
    return {
        "description": f"{HTTPStatus(status).phrase}. " + " ".join(lines),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _sentence(error: type[AppError]) -> str:
    """Of the class's own documentation the first paragraph, as one line."""
    return " ".join((getdoc(error) or "").split("\n\n")[0].split())
