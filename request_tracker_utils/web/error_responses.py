"""Error responses: their shapes, their documentation, and rendering all errors as JSON or as a page."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import getdoc
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, current_app, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from pydantic import ValidationError
from sqlalchemy.exc import DataError, InterfaceError, InternalError, OperationalError, SQLAlchemyError, TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.errors import AppError, Forbidden, Invalid, Unauthenticated, Unavailable
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import SAFE_METHODS, Access
from request_tracker_utils.web.metrics import route
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.threads import TooManyRequests

log = structlog.get_logger(__name__)
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
    fields. `unavailable` is the status if a required system is unreachable."""

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
    errors = {Unavailable, TooManyRequests, *getattr(route, "may_raise", ())}
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


def wants_page() -> bool:
    """Whether to answer with a page: for browsers. Programs that accept anything get JSON."""
    if "Authorization" in request.headers or request.is_json or request.path.startswith("/api/"):
        return False
    return accepts_page()


def accepts_page() -> bool:
    """Whether `Accept` names HTML and does not prefer JSON, whatever the path."""
    accepted = request.accept_mimetypes
    return "text/html" in accepted.values() and accepted["text/html"] >= accepted["application/json"]


def install(app: Flask) -> None:
    app.register_error_handler(AppError, handle_app_error)
    app.register_error_handler(HTTPException, handle_http_error)
    for silence in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(silence, handle_database_error)
    for written in (OSError, InternalError):
        app.register_error_handler(written, handle_write_error)
    for unstorable in (DataError, OverflowError):
        app.register_error_handler(unstorable, handle_unstorable)
    app.register_error_handler(Exception, handle_fault)


def handle_app_error(error: AppError) -> ResponseReturnValue:
    if isinstance(error, Unauthenticated) and wants_page():
        return _to_sign_in()
    if error.status >= 500:
        log.warning("answered with an error", code=error.code, error=error.message)
    headers = error.headers()
    if wants_page():
        message = str(error.fields.get("reason") or error.message)
        return render_template("web/error.html", status=error.status, title=_title(error), message=message), error.status, headers
    return _json(error.message, code=error.code, **error.fields), _shape().status(error.status), headers


def handle_http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response  # a redirect by the router
    if isinstance(error, CSRFError):
        return handle_app_error(Forbidden(_("This form has expired. Go back, reload the page and try again.")))
    status, name = error.code or 500, error.name
    message = _("This page does not exist.") if status == 404 else error.description or name
    headers = {k: v for k, v in error.get_headers() if k.lower() in ("allow", "retry-after")}
    if wants_page():
        return render_template("web/error.html", status=status, title=name, message=message), status, headers
    return _json(message, code=name.lower().replace(" ", "_")), _shape().status(status), headers


def handle_database_error(error: SQLAlchemyError) -> ResponseReturnValue:
    log.error("database unavailable", error=str(getattr(error, "orig", error)))
    g.setdefault("actor", None)  # the page must not query the database for the caller
    return handle_app_error(_disk_problem(error) or Unavailable(_("The database is not available. Try again in a moment.")))


def handle_write_error(error: OSError | InternalError) -> ResponseReturnValue:
    """A file that cannot be written, such as a large upload, or a PostgreSQL server that is read-only. Anything else is a fault."""
    problem = _disk_problem(error)
    if problem is None:
        return handle_fault(error)
    log.error("disk unavailable", error=str(getattr(error, "orig", error)))
    g.setdefault("actor", None)
    return handle_app_error(problem)


def handle_unstorable(error: DataError | OverflowError) -> ResponseReturnValue:
    """PostgreSQL rejects NUL characters and numbers out of its columns' range, SQLite numbers of more than 64 bits."""
    log.info("rejected values that the database cannot store", route=route())
    return handle_app_error(Invalid(_("The input contains characters or numbers that cannot be stored.")))


def handle_fault(error: Exception) -> ResponseReturnValue:
    """An unexpected error: the traceback is logged, and the caller gets the request id."""
    log.error("fault", exc_info=error, route=route(), method=request.method)
    g.setdefault("actor", None)  # rendering the page must not fail for the same reason
    message = _(
        "Something went wrong, and the error was logged. If it happens again, give your administrator this ID: %(id)s",
        id=g.get("request_id", ""),
    )
    if wants_page():
        return render_template("web/error.html", status=500, title=_("Something went wrong"), message=message), 500
    return _json(message, code="internal_server_error"), 500


def raise_invalid(error: ValidationError) -> NoReturn:
    """Raises Invalid for the first invalid field, with all of them in `details`."""
    details = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"].removeprefix("Value error, ")} for e in error.errors()]
    if error.errors()[0]["type"] in ("model_type", "model_attributes_type"):
        raise Invalid(_("Send a JSON object.")) from error
    first = details[0]
    message = f"{first['field']}: {first['problem']}" if first["field"] else first["problem"]
    raise Invalid(message, field=first["field"], details=details) from error


def add_error(form: FlaskForm, error: AppError) -> None:
    """Adds the error's message to the field that it names, or to the form if it names none of its fields."""
    field = error.fields.get("field")
    if field in form:
        form[field].errors = [*form[field].errors, error.message]
    else:
        form.form_errors.append(error.message)


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


def _disk_problem(error: Exception) -> Unavailable | None:
    file = settings().database_file
    return disk_problem(error, file.parent if file else None)


def _shape() -> ErrorShape:
    return shape_of(current_app.view_functions.get(request.endpoint or ""))


def _json(message: str, **fields: Any) -> Response:
    return jsonify(_shape().body(message, fields))


def _title(error: AppError) -> str:
    return {
        403: _("Not allowed"),
        404: _("Not found"),
        409: _("Conflict"),
        424: _("No answer from another system"),
        429: _("Too many requests") if isinstance(error, TooManyRequests) else _("Too many attempts"),
        502: _("Rejected by another system"),
        503: _("Not available"),
    }.get(error.status, _("Invalid request"))


def _to_sign_in() -> ResponseReturnValue:
    address = url_for("accounts.sign_in")
    if request.method == "GET" and request.path != "/":
        address += "?" + urlencode({"next": request.full_path.rstrip("?")})
    return redirect(address, 303)
