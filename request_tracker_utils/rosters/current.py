"""Exports in this installation's time zone, for entry points."""

from collections.abc import Iterator
from datetime import datetime

from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading
from request_tracker_utils.rosters.export import Export, batched, rows
from request_tracker_utils.web.registry import settings


def export_lines(export: Export) -> Iterator[str]:
    """The CSV file, several lines at a time."""
    zone = settings().zone

    def format_time(instant: datetime) -> str:
        return instant.astimezone(zone).isoformat(timespec="seconds")

    return batched(csv_lines(export.header, rows(reading, export, format_time)))
