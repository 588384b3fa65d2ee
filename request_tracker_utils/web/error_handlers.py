"""Renders all errors as JSON or as a page."""

from typing import Any, NoReturn
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, current_app, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from pydantic import ValidationError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from request_tracker_utils.core.errors import AppError, Forbidden, Invalid, Unauthenticated, Unavailable
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.error_responses import ErrorShape, shape_of
from request_tracker_utils.web.traffic import route

log = structlog.get_logger(__name__)


def wants_page() -> bool:
    """Whether to answer with a page: for browsers. Programs that accept anything get JSON."""
    if "Authorization" in request.headers or request.is_json or request.path.startswith("/api/"):
        return False
    accepted = request.accept_mimetypes
    return "text/html" in accepted.values() and accepted["text/html"] >= accepted["application/json"]


def install(app: Flask) -> None:
    app.register_error_handler(AppError, handle_app_error)
    app.register_error_handler(HTTPException, handle_http_error)
    for silence in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(silence, handle_database_error)
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
        return render_template("web/error.html", status=error.status, title=_title(error), message=error.message), error.status, headers
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
    return handle_app_error(Unavailable(_("The database is not available. Try again in a moment.")))


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


def _shape() -> ErrorShape:
    return shape_of(current_app.view_functions.get(request.endpoint or ""))


def _json(message: str, **fields: Any) -> Response:
    return jsonify(_shape().body(message, fields))


def _title(error: AppError) -> str:
    return {
        403: _("Not allowed"),
        404: _("Not found"),
        409: _("Conflict"),
        429: _("Too many attempts"),
        502: _("Rejected by another system"),
        503: _("Not available"),
    }.get(error.status, _("Invalid request"))


def _to_sign_in() -> ResponseReturnValue:
    address = url_for("accounts.sign_in")
    if request.method == "GET" and request.path != "/":
        address += "?" + urlencode({"next": request.full_path.rstrip("?")})
    return redirect(address, 303)
