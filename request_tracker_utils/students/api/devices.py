"""JSON routes of devices."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students import assignments, devices, search, service
from request_tracker_utils.students.assignments import Assignment, AssignmentResult
from request_tracker_utils.students.current import find_device, inventory, visibility
from request_tracker_utils.students.errors import (
    AmbiguousAsset,
    AssetStoreSilent,
    DeviceAssigned,
    DeviceExists,
    DeviceNotFound,
    InvalidField,
    StudentNotFound,
)
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.schemas.devices import (
    BatchCheckIn,
    BatchDone,
    ChangedDevice,
    DeviceHistory,
    DevicePage,
    DevicePath,
    DeviceRow,
    DevicesQuery,
    HistoryQuery,
    LogRow,
    NewDevice,
    Overridden,
    Override,
)
from request_tracker_utils.students.schemas.students import Deleted
from request_tracker_utils.students.search import DeviceFilter
from request_tracker_utils.students.visibility import shown_devices, shown_logs
from request_tracker_utils.web.access_log import record_list, record_lookup, student as student_subject
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import page_answer
from request_tracker_utils.web.registry import settings

DEVICES = Tag(
    name="devices",
    description="Devices for students, and their history. An asset of DEVICE_CATALOGS is used like a device: its first change adds it. "
    "Responses to teachers leave out notes and students that they may not see; students get only their own devices.",
)
NOT_FOUND = (DeviceNotFound, AmbiguousAsset, AssetStoreSilent)

api = APIBlueprint("devices_api", __name__, abp_tags=[DEVICES])


@api.get("/api/devices", responses={200: DevicePage})
@require(StudentPermission.READ)
def list_devices(query: DevicesQuery) -> Answer:
    """List devices, by tag unless sorted otherwise."""
    filters, prefix = DeviceFilter(query.search, query.status, query.sort), settings().prefix
    with reading() as session:
        page = search.find_devices(session, filters, prefix=prefix, size=query.page_size, after=query.cursor(), offset=query.offset)
        count = search.count_devices(session, filters, prefix=prefix)
        shown = shown_devices(session, page.rows, visibility())
    record_list("devices and their students", sum(device.current_student_id is not None for device in shown))
    return page_answer(query, count, page.next_cursor, [DeviceRow.of(device) for device in shown])


@api.post("/api/devices", responses={201: DeviceRow})
@require(StudentPermission.EDIT)
@may_raise(InvalidField, DeviceExists)
def create_device(body: NewDevice) -> Answer:
    """Add a device. Model and serial number of its asset replace those that are sent, as soon as a job has read them."""
    with transaction() as session:
        device = devices.create(session, body.model_dump(), now=utc_now())
    return DeviceRow.of(device), 201


@api.post("/api/devices/batch-checkin", responses={200: BatchDone})
@require(StudentPermission.ASSIGN)
def batch_check_in(body: BatchCheckIn) -> Answer:
    """Assign many devices to their students. A failed operation does not affect the others. Results are in the order of the operations."""
    operations = [Assignment(each.student_id, each.asset_tag, each.notes) for each in body.operations]
    new = inventory().find_new([each.asset_tag for each in operations])
    with transaction() as session:
        results = assignments.assign_batch(session, operations, new, actor=current_actor(), now=utc_now())
    return {"batch_operation": "checkin", "total_operations": len(operations), "results": [_batch_result(each) for each in results]}


@api.get("/api/devices/<asset_tag>", responses={200: DeviceRow})
@require(StudentPermission.OPEN)
@may_raise(*NOT_FOUND)
def get_device(path: DevicePath) -> Answer:
    """Show a device, or an asset that becomes one with its first change."""
    device = find_device(path.asset_tag)
    record_lookup("student of a device", student_subject(device.current_student_id or ""))
    return DeviceRow.of(device)


@api.put("/api/devices/<asset_tag>", responses={200: DeviceRow})
@require(StudentPermission.EDIT)
@may_raise(*NOT_FOUND, DeviceExists, DeviceAssigned, InvalidField)
def change_device(path: DevicePath, body: ChangedDevice) -> Answer:
    """Change a device. Omitted fields are not changed. An unassigned device can be set to maintenance, retired or available."""
    values, now = body.model_dump(exclude_unset=True), utc_now()
    found = inventory().find(path.asset_tag)
    if not values:
        return DeviceRow.of(found)
    with transaction() as session:
        device = devices.lock(session, found, now=now)
        devices.change(session, device, values, now=now)
        if body.status:
            assignments.set_status(session, device, body.status, actor=current_actor(), now=now, notes=body.notes)
    return DeviceRow.of(device)


@api.delete("/api/devices/<asset_tag>", responses={200: Deleted})
@require(StudentPermission.EDIT)
@may_raise(*NOT_FOUND, DeviceAssigned)
def delete_device(path: DevicePath) -> Answer:
    """Delete an unassigned device. Its history is preserved. Its asset is not a device until it is added again."""
    found, now = inventory().find(path.asset_tag), utc_now()
    with transaction() as session:
        device = devices.lock(session, found, now=now)
        devices.delete(session, device, now=now)
    return {"message": f"Device {device.asset_tag} was deleted"}


@api.get("/api/devices/<asset_tag>/history", responses={200: DeviceHistory})
@require(StudentPermission.READ)
@may_raise(*NOT_FOUND)
def device_history(path: DevicePath, query: HistoryQuery) -> Answer:
    """List the changes of a device, newest first."""
    device, sees = find_device(path.asset_tag), visibility()
    with reading() as session:
        student = service.find_visible(session, device.current_student_id, sees) if device.current_student_id else None
        offset = (query.page - 1) * query.page_size
        logs = devices.device_history(session, device.asset_tag, limit=query.page_size, offset=offset)
        logs = shown_logs(session, logs, sees)
        count = devices.count_device_history(session, device.asset_tag)
    record_list("history of a device", len(logs))
    return {
        "device": device.asset_tag,
        "model": device.model,
        "current_status": device.status,
        "current_student": student.name if student else None,
        "count": count,
        "history": [LogRow.of(log) for log in logs],
    }


@api.post("/api/devices/<asset_tag>/override", responses={200: Overridden})
@require(StudentPermission.OVERRIDE)
@may_raise(*NOT_FOUND, StudentNotFound, InvalidField)
def override_device(path: DevicePath, body: Override) -> Answer:
    """Reassign a device regardless of its status and its current student. The history records the reason."""
    found, now = inventory().find(path.asset_tag), utc_now()
    with transaction() as session:
        device = devices.lock(session, found, now=now)
        student, former = service.get(session, body.student_id) if body.student_id else None, device.current_student_id
        log = assignments.override(session, device, student, reason=body.reason, status=body.status, actor=current_actor(), now=now)
    status = f"assigned to {student.name}" if student else device.status
    return {
        "message": f"Device {device.asset_tag} is {status}",
        "device": device.asset_tag,
        "student": student.student_id if student else None,
        "previous_student": former,
        "status": device.status,
        "log_id": log.id,
    }


def _batch_result(result: AssignmentResult) -> dict[str, object]:
    """`message` has the exact words of the contract; `reason` explains them."""
    row = {"asset_tag": result.assignment.asset_tag, "student_id": result.assignment.student_id}
    error = result.error
    if error is None:
        return {**row, "status": "success", "message": "Device checked in successfully"}
    message = "Device not available" if error.code == "device_not_available" else error.message
    return {**row, "status": "error", "message": message, "reason": error.fields.get("reason")}
