"""Errors of reading a terminal. With `left_disabled`, nobody can punch there until the terminal is enabled or restarted."""

from request_tracker_utils.core.errors import AppError, Conflict, Invalid, NotFound, Unavailable


class TerminalError(Unavailable):
    """A terminal could not be read. Try again later."""

    code = "terminal_error"


class TerminalUnreachable(TerminalError):
    """The terminal accepts no connection at its address and port."""

    code = "terminal_unreachable"


class WrongCommKey(TerminalError):
    """The terminal rejected the communication key."""

    code = "wrong_comm_key"


class TerminalTimedOut(TerminalError):
    """The terminal did not answer within its timeout, or the read was not done by its deadline."""

    code = "terminal_timed_out"


class TerminalCutConnection(TerminalError):
    """The terminal closed the connection in the middle of an answer."""

    code = "terminal_cut_connection"


class TerminalRefused(TerminalError):
    """The terminal answered a command with an error, for example because another program is connected."""

    code = "terminal_refused"


class TerminalInvalidAnswer(TerminalError):
    """What answered does not speak the protocol of ZKTeco terminals, or the answer was damaged."""

    code = "terminal_invalid_answer"


class TerminalProcessEnded(TerminalError):
    """The process that read the terminal ended without a result."""

    code = "terminal_process_ended"


class TerminalsNotInstalled(TerminalError):
    """The package pyzk is missing. Install the extra `terminals`."""

    code = "terminals_not_installed"


class TerminalNotFound(NotFound):
    """No terminal has this ID."""

    code = "terminal_not_found"


class InvalidTerminalField(Invalid):
    """A field of a terminal cannot be stored; `field` names it."""

    code = "invalid_terminal_field"


class TerminalExists(Conflict):
    """Another terminal has this name, or is polled at this address and port."""

    code = "terminal_exists"


class TerminalHasPunches(Conflict):
    """Punches are never deleted, so a terminal that has some cannot be. Disable it."""

    code = "terminal_has_punches"


class TerminalNotPolled(Conflict):
    """The terminal is disabled, or has no address because it pushes."""

    code = "terminal_not_polled"


class TerminalBusy(Conflict):
    """The terminal is being polled. Try again when that has ended."""

    code = "terminal_busy"


class TerminalReplaced(Conflict):
    """Another serial number answers at the terminal's address. Nothing is stored until somebody accepts the replacement."""

    code = "terminal_replaced"


class SerialNumberTaken(Conflict):
    """Another terminal has this serial number: one of the two addresses is wrong."""

    code = "serial_number_taken"


class PollTakenOver(Conflict):
    """Another process polls the terminal by now, because this one took longer than its lease."""

    code = "poll_taken_over"


class PollFailed(AppError):
    """The poll failed for a reason that the program does not know. The log of the server has it."""

    status, code = 500, "poll_failed_unexpectedly"


class NotReplaced(Conflict):
    """No other serial number has answered at the terminal's address."""

    code = "not_replaced"


class CommKeyNotDecrypted(Conflict):
    """The communication key was encrypted with another SECRET_KEY. Enter it again."""

    code = "comm_key_not_decrypted"
