"""Errors that a person can act on. Domains derive theirs from these; one handler renders them all."""

from typing import Any, ClassVar


class AppError(Exception):
    """Something the caller did or asked cannot be. `fields` go into the JSON answer beside the message."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message, self.fields = message, fields

    def headers(self) -> dict[str, str]:
        """What HTTP says of it beside the status."""
        if self.status == 401:
            return {"WWW-Authenticate": 'Bearer realm="RequestTracker Utils"'}
        return {"Retry-After": str(self.fields["retry_after"])} if "retry_after" in self.fields else {}


class Invalid(AppError):
    """What was sent does not fit; `field` says where."""

    code = "invalid"


class Unauthenticated(AppError):
    """Nobody was recognised: sign in, or send a valid token or secret."""

    status, code = 401, "unauthenticated"


class Forbidden(AppError):
    """The caller's role does not include it, or the CSRF token of the session's form is missing."""

    status, code = 403, "forbidden"


class NotFound(AppError):
    """What was named does not exist."""

    status, code = 404, "not_found"


class Conflict(AppError):
    """It cannot be as things stand."""

    status, code = 409, "conflict"


class UpstreamRefused(AppError):
    """Another system answered, and said no or said nonsense."""

    status, code = 502, "upstream_refused"


class Unavailable(AppError):
    """What is needed cannot be reached now; asking again later may help."""

    status, code = 503, "unavailable"
