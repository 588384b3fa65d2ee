"""Errors that tell a person what to do. Domains derive theirs from these; `web/error_responses` renders them."""

from typing import Any, ClassVar


class AppError(Exception):
    """Base of errors that are shown to the caller. `fields` are added to the JSON response beside the message."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message, self.fields = message, fields

    def headers(self) -> dict[str, str]:
        """Response headers that belong to the error."""
        if self.status == 401:
            return {"WWW-Authenticate": 'Bearer realm="RequestTracker Utils"'}
        return {"Retry-After": str(self.fields["retry_after"])} if "retry_after" in self.fields else {}


class Invalid(AppError):
    """The input is invalid; `field` names the field."""

    code = "invalid"


class Unauthenticated(AppError):
    """Not authenticated: sign in, or send a valid token or secret."""

    status, code = 401, "unauthenticated"


class Forbidden(AppError):
    """The caller's role lacks the permission, or the form's CSRF token is missing."""

    status, code = 403, "forbidden"


class NotFound(AppError):
    """The object does not exist."""

    status, code = 404, "not_found"


class Conflict(AppError):
    """The request conflicts with the current state."""

    status, code = 409, "conflict"


class UpstreamRefused(AppError):
    """Another system rejected the request or sent an invalid response."""

    status, code = 502, "upstream_refused"


class Unavailable(AppError):
    """A required system is unreachable. Retry later."""

    status, code = 503, "unavailable"
