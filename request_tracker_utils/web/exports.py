"""Exports as CSV and XLSX files: streamed, and recorded with the number of records that were really sent."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

from flask import Response

from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.spreadsheets import write_workbook
from request_tracker_utils.web.access_log import AccessKind, AccessLog, access
from request_tracker_utils.web.body import streamed
from request_tracker_utils.web.registry import registry
from request_tracker_utils.web.threads import take_stream

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CHUNK = 65_536


def csv_response(name: str, header: Iterable[str], rows: Iterable[Iterable[object]], *, what: str, batch: int = 1) -> Response:
    """A download of the file `name`.csv. `what` names its contents in the access log; `batch` lines are sent together: sending them one by
    one costs more than reading them. Raises like `streamed`."""
    export = Export(header, rows, what=what, batch=batch)
    response = streamed(iter(export), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.call_on_close(export.finish)  # also if the client was gone before the first line
    return response


def xlsx_response(name: str, title: str, header: Sequence[str], rows: Iterable[Sequence[object]], *, what: str) -> Response:
    """A download of the file `name`.xlsx, which is written to the disk before it is sent. `title` is the name of its sheet. Cells have
    types, see `core.spreadsheets`. Raises like `streamed`."""
    take_stream()
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 — closed with the response
    try:
        export = FileExport(file, write_workbook(file, title, header, rows), what=what)
    except BaseException:
        file.close()
        raise
    response = streamed(iter(export), mimetype=XLSX)
    response.content_length = export.size
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    response.call_on_close(export.finish)
    return response


def csv_cells(rows: Iterable[Sequence[object]]) -> Iterator[list[object]]:
    """Rows with typed cells, as a CSV file has them: dates and times in ISO format."""
    for row in rows:
        yield [_csv_cell(cell) for cell in row]


def _csv_cell(cell: object) -> object:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell.isoformat() if isinstance(cell, date) else cell


class FileExport:
    """The chunks of a file that is complete. When it was sent, or the client has disconnected, the export is recorded once."""

    def __init__(self, file: IO[bytes], records: int, *, what: str) -> None:
        self._access, self._log = access(AccessKind.EXPORT, what, records=records), registry().get(AccessLog)
        self._file, self._is_complete = file, False
        self.size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(_CHUNK):
            yield chunk
        self._is_complete = True
        self.finish()

    def finish(self) -> None:
        """Records the export, unless that is done, and removes the file."""
        if not self._file.closed:
            self._file.close()
            self._log.add(replace(self._access, complete=self._is_complete))


class Export:
    """The lines of a CSV file. When the last one was sent, or the client has disconnected, the export is recorded once."""

    def __init__(self, header: Iterable[str], rows: Iterable[Iterable[object]], *, what: str, batch: int = 1) -> None:
        self._access, self._log = access(AccessKind.EXPORT, what), registry().get(AccessLog)
        self._taken, self._sent = 0, 0
        self._is_complete = self._is_recorded = False
        self._lines = self._send(csv_lines(header, self._count(rows)), batch)

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def finish(self) -> None:
        """Records the export, unless that is done."""
        if not self._is_recorded:
            self._is_recorded = True
            self._log.add(replace(self._access, records=self._sent, complete=self._is_complete))

    def _count(self, rows: Iterable[Iterable[object]]) -> Iterator[Iterable[object]]:
        for self._taken, row in enumerate(rows, 1):
            yield row

    def _send(self, lines: Iterator[str], batch: int) -> Iterator[str]:
        try:
            while text := "".join(islice(lines, batch)):
                self._sent = self._taken  # lines that were handed to the server count, although the connection may lose the last ones
                yield text
            self._is_complete = True
        finally:
            self.finish()
