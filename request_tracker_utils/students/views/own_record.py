"""Pages for students: their own devices and record, and the page of one of their devices, to which its label leads."""

from collections.abc import Mapping

from flask import Blueprint, render_template, url_for

from request_tracker_utils.core.db import reading
from request_tracker_utils.students import devices, service
from request_tracker_utils.students.current import today, visibility
from request_tracker_utils.students.models import Device, DeviceLog, Student
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.visibility import OwnRecord, shown_devices, shown_logs
from request_tracker_utils.web.auth import require

HISTORY_SHOWN = 100

pages = Blueprint("own_record", __name__, url_prefix="/my")


@pages.get("/devices")
@require(StudentPermission.OWN)
def my_devices() -> str:
    """The devices of the student to whom the account belongs."""
    return render_template("students/my-devices.html", **card())


@pages.get("/record")
@require(StudentPermission.OWN)
def my_record() -> str:
    """The record of the student to whom the account belongs, with the history of their devices."""
    student, assigned = _own()
    return render_template("students/my-record.html", student=student, assigned=assigned, logs=_history(student))


def card() -> Mapping[str, object]:
    """The devices, for the home page."""
    student, assigned = _own()
    return {"student": student, "assigned": assigned, "today": today()}


def own_device_page(device: Device) -> str:
    """The page of a device that the caller has, with what concerns them."""
    logs = [log for log in _history(_own()[0]) if log.asset_tag == device.asset_tag]
    return render_template("students/my-device.html", device=device, logs=logs, today=today())


def own_asset_address(asset_id: int) -> str | None:
    """The address of the page for the asset of a device that the caller has; None for any other asset."""
    with reading() as session:
        device = devices.find_own(session, visibility(), asset_id=asset_id)
    return url_for("devices.show", asset_tag=device.asset_tag) if device else None


def _own() -> tuple[Student | None, list[Device]]:
    """The caller's student, None if the account is not linked to one, and the student's devices."""
    sees = visibility()
    with reading() as session:
        student = session.get(Student, sees.student_row_id) if isinstance(sees, OwnRecord) else None
        assigned = shown_devices(session, service.devices_of(session, student.student_id), sees) if student else []
    return student, assigned


def _history(student: Student | None) -> list[DeviceLog]:
    """Newest first, without notes."""
    if student is None:
        return []
    with reading() as session:
        logs = devices.student_history(session, student.student_id, limit=HISTORY_SHOWN)
        return shown_logs(session, logs, visibility())
