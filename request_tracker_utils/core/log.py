"""Structured logging to standard error and, optionally, to a rotating file."""

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from concurrent_log_handler import ConcurrentRotatingFileHandler

from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.private_files import FILE_MODE, create_folder, open_private
from request_tracker_utils.core.settings import Settings, SettingsError


class LineOnce(structlog.stdlib.ProcessorFormatter):
    """Renders each record once for all handlers: rendering is most of the cost of a line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = record.__dict__
        if "line" not in fields:
            fields["line"] = super().format(record)
        return str(fields["line"])


def _printable(_logger: Any, _method: str, fields: Any) -> Any:
    """Escapes control characters and line separators, so that callers cannot forge log lines."""
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in fields.items()}


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text])


def configure(settings: Settings) -> None:
    """Configures logging for this process, replacing an earlier configuration."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.PositionalArgumentsFormatter(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = LineOnce(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _printable,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False),
        ],
    )
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if settings.log_file:
        try:
            handlers.append(_rotating(settings.log_file, settings))
        except OSError as error:
            raise SettingsError([f"LOG_FILE: {error}. Choose a file that this user can write to."]) from None
    root = logging.getLogger()
    for old in [h for h in root.handlers if getattr(h, "ours", False)]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.ours = True  # type: ignore[attr-defined]
        root.addHandler(handler)
    root.setLevel(settings.log_level)
    logging.getLogger("apscheduler").setLevel(max(logging.WARNING, root.level))
    logging.getLogger("alembic").setLevel(max(logging.WARNING, root.level))


class LogFile(ConcurrentRotatingFileHandler):
    """A file that several processes write to and rotate. Lines that cannot be written, because the disk is full, are counted: standard
    error has them too, and the file gets their number before the next line. The parent class prints a traceback for each."""

    _lost = 0

    def do_write(self, msg: str) -> None:
        """Called by `emit`, with the lock that all processes share: a line that could not be written whole is cut off again, so that
        the next one, of any process, begins a line."""
        if self._lost:
            msg = f'level=warning logger={__name__} event="lines lost: the log file could not be written" lines={self._lost}\n{msg}'
        try:
            before = os.stat(self.baseFilename).st_size
        except FileNotFoundError:
            before = 0
        try:
            super().do_write(msg)
        except OSError:
            stream, self.stream = self.stream, None
            if stream is not None:
                with suppress(OSError):
                    stream.close()  # it would write the rest of the line again with the next one
            with suppress(OSError):
                os.truncate(self.baseFilename, before)
            raise
        self._lost = 0

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._lost += 1
        if self._lost == 1:
            with suppress(OSError):
                sys.stderr.write(f"LOG_FILE cannot be written: {error}. Its lines are lost until it can be.\n")


def _rotating(file: Path, settings: Settings) -> logging.Handler:
    """The handler of the log file. Raises OSError if this user cannot write it. One on a full disk is written later."""
    try:
        create_folder(file.parent)
        if not os.access(file.parent, os.W_OK):
            raise PermissionError(f"this user cannot write to {file.parent}, where rotated files are stored")
        os.close(open_private(file, os.O_WRONLY | os.O_APPEND))  # otherwise the first log line would fail
    except OSError as error:
        if disk_problem(error) is None:
            raise
    return LogFile(
        file,
        maxBytes=settings.log_file_megabytes * 1024 * 1024,
        backupCount=settings.log_files_kept,
        encoding="utf-8",
        chmod=FILE_MODE,
    )
