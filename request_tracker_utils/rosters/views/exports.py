"""Students, devices and the history of devices as CSV files, streamed."""

from flask import Blueprint, Response, stream_with_context

from request_tracker_utils.rosters.current import export_lines
from request_tracker_utils.rosters.export import DEVICES, LOGS, STUDENTS, Export
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.web.auth import require

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


def _file(export: Export) -> Response:
    headers = {"Content-Disposition": f"attachment; filename={export.name}.csv"}
    return Response(stream_with_context(export_lines(export)), mimetype="text/csv", headers=headers)
