"""What can go wrong with Request Tracker. Each message says what to do, and none holds a token."""


class RtError(Exception):
    """`status` is the HTTP status that Request Tracker answered with, where it answered."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class RtUnreachable(RtError):
    """No answer in time, or no connection. A write may or may not have been carried out."""


class RtRefused(RtError):
    """An answer that is no help: the token or its rights do not do, an error inside Request Tracker, or not REST 2.0 at all."""


class RtNotFound(RtError):
    """Request Tracker has no such thing, or hides it from the token's user."""


class RtConflict(RtError):
    """The record changed meanwhile, or a write was answered as done and reads back otherwise."""


class RtInvalid(RtError):
    """Request Tracker does not take what was sent."""
