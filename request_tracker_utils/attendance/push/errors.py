"""Why a push was refused. None of the answers contains OK, so that the terminal keeps its data and sends them again."""

from request_tracker_utils.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound


class PushRefused(Forbidden):
    """The terminal may not push: nobody has accepted it, it is disabled, or it pushes from a network that is not allowed."""

    code = "push_refused"


class TerminalPending(PushRefused):
    """Nobody has accepted this serial number. It is listed under Pending terminals."""

    code = "terminal_pending"


class WrongPushKey(PushRefused):
    """The push key of the terminal is missing or wrong."""

    code = "wrong_push_key"


class InvalidPush(Invalid):
    """The request is not one of a terminal that pushes."""

    code = "invalid_push"


class UnsupportedBody(AppError):
    """The body has a form or an encoding in which no terminal pushes."""

    status, code = 415, "unsupported_body"


class PendingTerminalNotFound(NotFound):
    """The terminal is not pending: it was accepted or removed in the meantime."""

    code = "pending_terminal_not_found"


class TerminalPushesAlready(Conflict):
    """Another terminal has this serial number."""

    code = "terminal_pushes_already"
