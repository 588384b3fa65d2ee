"""Errors of reading a terminal. With `left_disabled`, nobody can punch there until the terminal is enabled or restarted."""

from request_tracker_utils.core.errors import Unavailable


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
