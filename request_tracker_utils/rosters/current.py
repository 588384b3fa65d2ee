"""Exports in this installation's time zone, for entry points."""

from collections.abc import Iterator
from datetime import datetime

from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading
from request_tracker_utils.rosters.export import Export, rows, together
from request_tracker_utils.web.registry import settings


def export_lines(export: Export) -> Iterator[str]:
    """The file, some lines at a time; times are in the installation's zone."""
    zone = settings().zone

    def told(instant: datetime) -> str:
        return instant.astimezone(zone).isoformat(timespec="seconds")

    return together(csv_lines(export.head, rows(reading, export, told)))
