"""JSON routes of the scan station. They do not wait for Request Tracker; jobs update it afterwards."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students import scan_station
from request_tracker_utils.students.current import record_scanned, record_station, scan_context, today, visibility
from request_tracker_utils.students.errors import (
    AmbiguousSerialNumber,
    ChangeNotFound,
    ChangeNotUndoable,
    DeviceNotAssigned,
    DeviceNotAvailable,
    DeviceNotFound,
    DueDatePast,
    DuplicateScan,
    InvalidField,
    MergedScans,
    NoStudentSelected,
    StudentInactive,
    StudentNotFound,
    UnknownCode,
    UnreadableCode,
)
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.schemas.scans import (
    Change,
    Code,
    RecentChanges,
    RecentQuery,
    Scanned,
    ScannedStudent,
    ScanToAssign,
    ScanToReturn,
    ScanToUndo,
)
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.threads import Reserved

SCANS = Tag(name="scans", description="The scan station. Each scan is processed immediately and exactly once.")
NOT_RESOLVED = (UnreadableCode, UnknownCode, MergedScans, AmbiguousSerialNumber, DeviceNotFound)

api = APIBlueprint("scan_api", __name__, abp_tags=[SCANS])


@api.post("/api/scan/resolve", responses={200: Scanned})
@require(StudentPermission.READ, reserved=Reserved.SCAN)
@may_raise(*NOT_RESOLVED)
def resolve(body: Code) -> Answer:
    """Look up a scanned code without changing anything."""
    return Scanned.of(record_scanned(scan_station.look_up(reading, body.code, scan_context())))


@api.post("/api/scan/assign", responses={200: Scanned})
@require(StudentPermission.ASSIGN, reserved=Reserved.SCAN)
@may_raise(*NOT_RESOLVED, NoStudentSelected, StudentNotFound, StudentInactive, DeviceNotAvailable, DueDatePast, DuplicateScan)
def assign(body: ScanToAssign) -> Answer:
    """Select a student by the student’s code, or assign a device to the selected student."""
    result = scan_station.assign(reading, transaction, body.scan(), scan_context(), actor=current_actor(), now=utc_now(), today=today())
    return Scanned.of(record_scanned(result))


@api.post("/api/scan/return", responses={200: Scanned})
@require(StudentPermission.ASSIGN, reserved=Reserved.SCAN)
@may_raise(*NOT_RESOLVED, DeviceNotAssigned, InvalidField, ChangeNotUndoable, DuplicateScan)
def return_device(body: ScanToReturn) -> Answer:
    """Return a device from its student."""
    result = scan_station.return_device(reading, transaction, body.scan(), scan_context(), actor=current_actor(), now=utc_now())
    return Scanned.of(record_scanned(result))


@api.post("/api/scan/undo", responses={200: Scanned})
@require(StudentPermission.ASSIGN, reserved=Reserved.SCAN)
@may_raise(ChangeNotFound, ChangeNotUndoable, DeviceNotFound, StudentNotFound, DuplicateScan)
def undo(body: ScanToUndo) -> Answer:
    """Undo the most recent change of a device."""
    return Scanned.of(scan_station.undo(reading, transaction, body.scan_id, body.log_id, actor=current_actor(), now=utc_now()))


@api.get("/api/scan/recent", responses={200: RecentChanges})
@require(StudentPermission.READ, reserved=Reserved.SCAN)
def recent(query: RecentQuery) -> Answer:
    """List recent changes at all stations."""
    sees = visibility()
    with reading() as session:
        logs, after = scan_station.recent_changes(session, sees, after=query.after, now=utc_now())
        student = scan_station.student_with_devices(session, query.student_id, sees)
    record_station(len(logs), student)
    return {"changes": [Change.of(log) for log in logs], "after": after, "student": ScannedStudent.of(student)}
