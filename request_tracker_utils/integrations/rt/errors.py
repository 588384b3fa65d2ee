"""Errors of the Request Tracker client. Each message says what to do; none contains a token or a session cookie."""


class RtError(Exception):
    """`status` is the HTTP status of Request Tracker's answer, if there was one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class RtUnreachable(RtError):
    """No connection, or no response in time. A write may or may not have been carried out."""


class RtRefused(RtError):
    """An invalid token, a missing permission, an internal error of Request Tracker, or a response that is not REST 2.0."""


class RtNotFound(RtError):
    """The record does not exist, or the token's user may not see it."""


class RtConflict(RtError):
    """Another user changed the record, or a write that Request Tracker acknowledged did not take effect."""


class RtInvalid(RtError):
    """Request Tracker rejects the values that were sent."""


class RtSearchFailed(RtInvalid):
    """Request Tracker's database could not run a search. It answers as if it had found nothing."""
