"""The files in which server processes share their counters, in the format of the Prometheus library, which reads them."""

import os
import struct
import time
from contextlib import suppress
from pathlib import Path

from request_tracker_utils.core.private_files import create_folder, open_private

RETRY_INTERVAL = 5.0
"""Seconds after a failed write until the next one."""
_LENGTH, _VALUE = struct.Struct("i"), struct.Struct("dd")
_HEADER = 8
"""Bytes at the beginning: the number of bytes in use, and padding."""


class CountsFile:
    """One process's counters of one kind, kept in memory and written with ordinary writes. Takes the place of the library's class, which
    calls it with a lock.

    The library maps the file into memory. If the disk has no space for a page that is written there, the kernel ends the process with
    SIGBUS. An ordinary write that fails only leaves the file behind: counting goes on in memory, and everything is written later.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._content = bytearray(_HEADER)
        self._positions: dict[str, int] = {}
        self._file: int | None = None
        self._retry_at = 0.0
        self._set_length()
        self._replace()

    def read_value(self, key: str) -> tuple[float, float]:
        """The value and its time. A new key starts with zeros."""
        if key not in self._positions:
            self._add(key)
        value, timestamp = _VALUE.unpack_from(self._content, self._positions[key])
        return value, timestamp

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        if key not in self._positions:
            self._add(key)
        position = self._positions[key]
        _VALUE.pack_into(self._content, position, value, timestamp)
        self._write(position, position + _VALUE.size)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _add(self, key: str) -> None:
        """Appends the length of the key, the key padded to eight bytes, and its value."""
        start, encoded = len(self._content), key.encode()
        padding = b" " * (8 - (len(encoded) + _LENGTH.size) % 8)
        self._content += _LENGTH.pack(len(encoded)) + encoded + padding + _VALUE.pack(0.0, 0.0)
        self._positions[key] = len(self._content) - _VALUE.size
        self._set_length()
        self._write(start, len(self._content))
        self._write(0, _HEADER)  # afterwards: a reader takes this number of bytes for complete

    def _set_length(self) -> None:
        _LENGTH.pack_into(self._content, 0, len(self._content))

    def _write(self, start: int, end: int) -> None:
        if self._file is None:
            if time.monotonic() >= self._retry_at:
                self._replace()
            return
        try:
            complete = os.pwrite(self._file, self._content[start:end], start) == end - start
        except OSError:
            complete = False
        if not complete:
            self._give_up()

    def _replace(self) -> None:
        """Writes everything to a new file. A reader finds the old one or the new one, both complete."""
        fresh = f"{self._path}.{os.getpid()}.new"
        try:
            create_folder(Path(fresh).parent, 0o700)
            self._file = open_private(fresh, os.O_RDWR | os.O_TRUNC)
            if os.pwrite(self._file, self._content, 0) == len(self._content):
                os.replace(fresh, self._path)
                return
        except OSError:
            pass  # the disk is full or read-only, which health checks report
        with suppress(OSError):
            os.unlink(fresh)
        self._give_up()

    def _give_up(self) -> None:
        """Until the next attempt."""
        self.close()
        self._retry_at = time.monotonic() + RETRY_INTERVAL
