"""Turns errors into answers: the only place that does."""

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
from request_tracker_utils.web.refusals import Shape, shape_of
from request_tracker_utils.web.traffic import route

log = structlog.get_logger(__name__)


def wants_page() -> bool:
    """Whether a person's browser asked, and not a program. Programs that accept anything get JSON."""
    if "Authorization" in request.headers or request.is_json or request.path.startswith("/api/"):
        return False
    accepted = request.accept_mimetypes
    return "text/html" in accepted.values() and accepted["text/html"] >= accepted["application/json"]


def install(app: Flask) -> None:
    app.register_error_handler(AppError, of_ours)
    app.register_error_handler(HTTPException, of_http)
    for silence in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(silence, of_database)
    for unstorable in (DataError, OverflowError):
        app.register_error_handler(unstorable, of_unstorable)
    app.register_error_handler(Exception, of_fault)


def of_ours(error: AppError) -> ResponseReturnValue:
    if isinstance(error, Unauthenticated) and wants_page():
        return _to_sign_in()
    if error.status >= 500:
        log.warning("answered with an error", code=error.code, error=error.message)
    headers = error.headers()
    if wants_page():
        return render_template("web/error.html", status=error.status, title=_title(error), message=error.message), error.status, headers
    return _json(error.message, code=error.code, **error.fields), _shape().status(error.status), headers


def of_http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response  # a redirect of the router
    if isinstance(error, CSRFError):
        return of_ours(Forbidden("This form has expired. Go back, load the page again and repeat what you did."))
    status, name = error.code or 500, error.name
    message = "There is no such page." if status == 404 else error.description or name
    kept = {k: v for k, v in error.get_headers() if k.lower() in ("allow", "retry-after")}
    if wants_page():
        return render_template("web/error.html", status=status, title=name, message=message), status, kept
    return _json(message, code=name.lower().replace(" ", "_")), _shape().status(status), kept


def of_database(error: SQLAlchemyError) -> ResponseReturnValue:
    log.error("the database does not answer", error=str(getattr(error, "orig", error)))
    g.setdefault("actor", None)  # the page must not ask the database who is calling
    return of_ours(Unavailable("The database does not answer. Try again in a moment."))


def of_unstorable(error: DataError | OverflowError) -> ResponseReturnValue:
    """PostgreSQL takes no NUL character and no number past its columns' range, SQLite no number of more than 64 bits."""
    log.info("refused what the database cannot store", route=route())
    return of_ours(Invalid("What was sent holds characters or numbers that cannot be stored."))


def of_fault(error: Exception) -> ResponseReturnValue:
    """A fault of ours: the log has it with its trace, the caller gets the number to ask for."""
    log.error("fault", exc_info=error, route=route(), method=request.method)
    g.setdefault("actor", None)  # the page must not stumble over the same fault when it asks who is calling
    message = f"Something went wrong here, and it was written down. If it happens again, tell your administrator: {g.get('request_id', '')}"
    if wants_page():
        return render_template("web/error.html", status=500, title="Something went wrong", message=message), 500
    return _json(message, code="internal_server_error"), 500


def of_validation(error: ValidationError) -> NoReturn:
    """The first field that is wrong, in words; all of them under `details`."""
    details = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"].removeprefix("Value error, ")} for e in error.errors()]
    if error.errors()[0]["type"] in ("model_type", "model_attributes_type"):
        raise Invalid("Send a JSON object.") from error
    first = details[0]
    message = f"{first['field']}: {first['problem']}" if first["field"] else first["problem"]
    raise Invalid(message, field=first["field"], details=details) from error


def _shape() -> Shape:
    return shape_of(current_app.view_functions.get(request.endpoint or ""))


def _json(message: str, **fields: Any) -> Response:
    return jsonify(_shape().body(message, fields))


def _title(error: AppError) -> str:
    return {
        403: "Not allowed",
        404: "Not found",
        409: "That cannot be",
        429: "Too many attempts",
        502: "Refused",
        503: "Not available",
    }.get(error.status, "That did not work")


def _to_sign_in() -> ResponseReturnValue:
    address = url_for("accounts.sign_in")
    if request.method == "GET" and request.path != "/":
        address += "?" + urlencode({"next": request.full_path.rstrip("?")})
    return redirect(address, 303)
