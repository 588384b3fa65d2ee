"""Students, devices and the record of devices as CSV files, sent as they are read."""

from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, Response, stream_with_context

from request_tracker_utils.core.db import reading
from request_tracker_utils.rosters.export import DEVICES, LOGS, STUDENTS, Export, rows, together
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.csv import csv_lines
from request_tracker_utils.web.registry import settings

pages = Blueprint("exports", __name__)


@pages.get("/students/export.csv")
@require(StudentPermission.READ)
def students() -> Response:
    return _file(STUDENTS)


@pages.get("/devices/export.csv")
@require(StudentPermission.READ)
def devices() -> Response:
    return _file(DEVICES)


@pages.get("/devices/logs.csv")
@require(StudentPermission.READ)
def logs() -> Response:
    return _file(LOGS)


def lines(export: Export) -> Iterator[str]:
    """The file, some lines at a time; times are in the installation's zone."""
    zone = settings().zone

    def told(instant: datetime) -> str:
        return instant.astimezone(zone).isoformat(timespec="seconds")

    return together(csv_lines(export.head, rows(reading, export, told)))


def _file(export: Export) -> Response:
    headers = {"Content-Disposition": f"attachment; filename={export.name}.csv"}
    return Response(stream_with_context(lines(export)), mimetype="text/csv", headers=headers)
