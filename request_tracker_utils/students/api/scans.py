"""What the scan station asks over JSON. Request Tracker is not needed: it is told afterwards."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students import station
from request_tracker_utils.students.current import known
from request_tracker_utils.students.errors import (
    ChangeNotFound,
    ChangeNotUndoable,
    CodeUnknown,
    CodeUnreadable,
    DeviceNotAvailable,
    DeviceNotFound,
    FieldUnfit,
    NobodyChosen,
    NotHeld,
    ScansTogether,
    ScanTwice,
    SerialAmbiguous,
    StudentInactive,
    StudentNotFound,
)
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.schemas.scans import (
    Change,
    Code,
    RecentChanges,
    RecentQuery,
    Scanned,
    ScanToAssign,
    ScanToReturn,
    ScanToUndo,
    StudentAtTable,
)
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import may_raise

OF_SCANS = Tag(name="scans", description="The scan station: what a scanner reads, done at once, and never twice.")
UNREAD = (CodeUnreadable, CodeUnknown, ScansTogether, SerialAmbiguous, DeviceNotFound)

api = APIBlueprint("scan_api", __name__, abp_tags=[OF_SCANS])


@api.post("/api/scan/resolve", responses={200: Scanned})
@require(StudentPermission.READ)
@may_raise(*UNREAD)
def resolve(body: Code) -> Answer:
    """Tell what a code means, and how things stand; nothing changes."""
    return Scanned.of(station.look_up(reading, body.code, known()))


@api.post("/api/scan/assign", responses={200: Scanned})
@require(StudentPermission.HAND_OUT)
@may_raise(*UNREAD, NobodyChosen, StudentNotFound, StudentInactive, DeviceNotAvailable, ScanTwice)
def assign(body: ScanToAssign) -> Answer:
    """Choose a student by the student's code, or give a device to who was chosen."""
    outcome = station.assign(reading, transaction, body.scan(), known(), actor=current_actor(), now=utc_now())
    return Scanned.of(outcome)


@api.post("/api/scan/return", responses={200: Scanned})
@require(StudentPermission.HAND_OUT)
@may_raise(*UNREAD, NotHeld, FieldUnfit, ChangeNotUndoable, ScanTwice)
def take_back(body: ScanToReturn) -> Answer:
    """Take a device back from whoever has it."""
    outcome = station.take_back(reading, transaction, body.scan(), known(), actor=current_actor(), now=utc_now())
    return Scanned.of(outcome)


@api.post("/api/scan/undo", responses={200: Scanned})
@require(StudentPermission.HAND_OUT)
@may_raise(ChangeNotFound, ChangeNotUndoable, DeviceNotFound, StudentNotFound, ScanTwice)
def undo(body: ScanToUndo) -> Answer:
    """Take a change back, while it is the device's last one."""
    outcome = station.undo(reading, transaction, body.scan_id, body.log_id, actor=current_actor(), now=utc_now())
    return Scanned.of(outcome)


@api.get("/api/scan/recent", responses={200: RecentChanges})
@require(StudentPermission.READ)
def recent(query: RecentQuery) -> Answer:
    """List what changed since, at this table and at others."""
    with reading() as session:
        logs, after = station.recent(session, after=query.after, now=utc_now())
        student = station.student_at_table(session, query.student_id)
    return {"changes": [Change.of(log) for log in logs], "after": after, "student": StudentAtTable.of(student)}
