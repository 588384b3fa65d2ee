"""Devices over JSON."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students import assignments, batch, devices, history, service
from request_tracker_utils.students.api.students import begin_of, page_of
from request_tracker_utils.students.batch import Operation, Outcome
from request_tracker_utils.students.errors import DeviceExists, DeviceHeld, DeviceNotFound, FieldUnfit, StudentNotFound
from request_tracker_utils.students.finding import DevicesWanted, count_devices, find_devices
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.schemas.devices import (
    BatchCheckIn,
    BatchDone,
    ChangedDevice,
    DevicePage,
    DevicePath,
    DeviceRow,
    DevicesQuery,
    HistoryOfDevice,
    HistoryQuery,
    LogRow,
    NewDevice,
    Overridden,
    Override,
)
from request_tracker_utils.students.schemas.students import Deleted
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import settings

OF_DEVICES = Tag(name="devices", description="Devices that are given to students, and their record.")

api = APIBlueprint("devices_api", __name__, abp_tags=[OF_DEVICES])


@api.get("/api/devices", responses={200: DevicePage})
@require(StudentPermission.READ)
def list_devices(query: DevicesQuery) -> Answer:
    """List devices, by tag unless sorted otherwise."""
    wanted, prefix = DevicesWanted(query.search, query.status, query.sort), settings().prefix
    with reading() as session:
        offset = (query.page - 1) * query.page_size
        page = find_devices(session, wanted, prefix=prefix, size=query.page_size, after=begin_of(query), offset=offset)
        count = count_devices(session, wanted, prefix=prefix)
    return page_of(query, count, page.following, [DeviceRow.of(device) for device in page.rows])


@api.post("/api/devices", responses={201: DeviceRow})
@require(StudentPermission.EDIT)
@may_raise(FieldUnfit, DeviceExists)
def register_device(body: NewDevice) -> Answer:
    """Register a device."""
    with transaction() as session:
        device = devices.register(session, body.model_dump(), now=utc_now())
    return DeviceRow.of(device), 201


@api.post("/api/devices/batch-checkin", responses={200: BatchDone})
@require(StudentPermission.HAND_OUT)
def batch_check_in(body: BatchCheckIn) -> Answer:
    """Give many devices to their students. Each operation stands or falls by itself; the answer has them in the same order."""
    operations = [Operation(each.student_id, each.asset_tag, each.notes) for each in body.operations]
    with transaction() as session:
        outcomes = batch.check_in(session, operations, actor=current_actor(), now=utc_now())
    results = [_told(outcome) for outcome in outcomes]
    return {"batch_operation": "checkin", "total_operations": len(operations), "results": results}


@api.get("/api/devices/<asset_tag>", responses={200: DeviceRow})
@require(StudentPermission.READ)
@may_raise(DeviceNotFound)
def get_device(path: DevicePath) -> Answer:
    """Show a device."""
    with reading() as session:
        return DeviceRow.of(devices.get(session, path.asset_tag))


@api.put("/api/devices/<asset_tag>", responses={200: DeviceRow})
@require(StudentPermission.EDIT)
@may_raise(DeviceNotFound, DeviceExists, DeviceHeld, FieldUnfit)
def change_device(path: DevicePath, body: ChangedDevice) -> Answer:
    """Change a device; what is not sent stays. A device that nobody has can be set to maintenance, retired, or available."""
    values, now = body.model_dump(exclude_unset=True), utc_now()
    with transaction() as session:
        device = devices.get(session, path.asset_tag, lock=True)
        devices.change(session, device, values, now=now)
        if body.status:
            assignments.set_status(session, device, body.status, actor=current_actor(), now=now, notes=body.notes)
    return DeviceRow.of(device)


@api.delete("/api/devices/<asset_tag>", responses={200: Deleted})
@require(StudentPermission.EDIT)
@may_raise(DeviceNotFound, DeviceHeld)
def delete_device(path: DevicePath) -> Answer:
    """Delete a device that nobody has; its record stays."""
    with transaction() as session:
        device = devices.get(session, path.asset_tag, lock=True)
        devices.delete(session, device)
    return {"message": f"Device {device.asset_tag} was deleted"}


@api.get("/api/devices/<asset_tag>/history", responses={200: HistoryOfDevice})
@require(StudentPermission.READ)
@may_raise(DeviceNotFound)
def device_history(path: DevicePath, query: HistoryQuery) -> Answer:
    """Show all hands that a device went through, the newest first."""
    with reading() as session:
        device = devices.get(session, path.asset_tag)
        holder = service.find(session, device.current_student_id) if device.current_student_id else None
        logs = history.of_device(session, device.asset_tag, limit=query.page_size, offset=(query.page - 1) * query.page_size)
        count = history.count_of_device(session, device.asset_tag)
    return {
        "device": device.asset_tag,
        "model": device.model,
        "current_status": device.status,
        "current_student": holder.name if holder else None,
        "count": count,
        "history": [LogRow.of(log) for log in logs],
    }


@api.post("/api/devices/<asset_tag>/override", responses={200: Overridden})
@require(StudentPermission.OVERRIDE)
@may_raise(DeviceNotFound, StudentNotFound, FieldUnfit)
def override_device(path: DevicePath, body: Override) -> Answer:
    """Set who has a device, in spite of what stands against it. The record keeps the reason."""
    with transaction() as session:
        device = devices.get(session, path.asset_tag, lock=True)
        student, former = service.get(session, body.student_id) if body.student_id else None, device.current_student_id
        log = assignments.override(session, device, student, reason=body.reason, status=body.status, actor=current_actor(), now=utc_now())
    where = f"with {student.name}" if student else device.status
    return {
        "message": f"Device {device.asset_tag} is {where} now",
        "device": device.asset_tag,
        "student": student.student_id if student else None,
        "previous_student": former,
        "status": device.status,
        "log_id": log.id,
    }


def _told(outcome: Outcome) -> dict[str, object]:
    """In the words that programs know; `reason` says more."""
    told = {"asset_tag": outcome.operation.asset_tag, "student_id": outcome.operation.student_id}
    error = outcome.error
    if error is None:
        return {**told, "status": "success", "message": "Device checked in successfully"}
    message = "Device not available" if error.code == "device_not_available" else error.message
    return {**told, "status": "error", "message": message, "reason": error.fields.get("reason")}
