"""Exports as CSV files: streamed, and recorded with the number of records that were really sent."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from flask import Response

from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.web.access_log import AccessKind, AccessLog, access
from request_tracker_utils.web.body import streamed
from request_tracker_utils.web.registry import registry


def csv_response(name: str, header: Iterable[str], rows: Iterable[Iterable[object]], *, what: str, batch: int = 1) -> Response:
    """A download of the file `name`.csv. `what` names its contents in the access log; `batch` lines are sent together: sending them one by
    one costs more than reading them. Raises like `streamed`."""
    export = Export(header, rows, what=what, batch=batch)
    response = streamed(iter(export), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.call_on_close(export.finish)  # also if the client was gone before the first line
    return response


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
