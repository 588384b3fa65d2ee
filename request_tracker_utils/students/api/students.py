"""JSON routes of students. In their terms a device is checked *in* to a student when it is assigned, and *out* when it is returned."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students import assignments, devices, search, service
from request_tracker_utils.students.counts import current_counts
from request_tracker_utils.students.current import inventory, today, visibility
from request_tracker_utils.students.errors import (
    AmbiguousAsset,
    AssetStoreSilent,
    DeviceNotAvailable,
    DeviceNotFound,
    DueDatePast,
    InvalidField,
    NotAssignedToStudent,
    StudentExists,
    StudentHasDevices,
    StudentInactive,
    StudentNotFound,
)
from request_tracker_utils.students.grades import grade_value
from request_tracker_utils.students.models import DeviceLog, Student
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.schemas.students import (
    AssignDevice,
    AssignmentDone,
    ChangedStudent,
    Deleted,
    NewStudent,
    ReturnDevice,
    Stats,
    StudentDevices,
    StudentPage,
    StudentPath,
    StudentRow,
    StudentsQuery,
)
from request_tracker_utils.students.search import StudentFilter
from request_tracker_utils.web.access_log import record_list, record_lookup, student as student_subject
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import page_answer

STUDENTS = Tag(
    name="students",
    description="Students, and the devices that are assigned to them. Teachers get the students that TEACHERS_SEE allows, and students "
    "get their own record; all other students are answered with 404.",
)

api = APIBlueprint("students_api", __name__, abp_tags=[STUDENTS])


@api.get("/api/students", responses={200: StudentPage})
@require(StudentPermission.READ)
@may_raise(InvalidField)
def list_students(query: StudentsQuery) -> Answer:
    """List students, by name unless sorted otherwise."""
    grades = tuple("" if grade.strip() == "none" else grade for grade in query.grade.split(",")) if query.grade else ()
    filters = StudentFilter(query.search, grades, query.status, query.sort)
    with reading() as session:
        page = search.find_students(session, filters, visibility(), size=query.page_size, after=query.cursor(), offset=query.offset)
        count = search.count_students(session, filters, visibility())
    record_list("students", len(page.rows))
    return page_answer(query, count, page.next_cursor, [StudentRow.of(student) for student in page.rows])


@api.post("/api/students", responses={201: StudentRow})
@require(StudentPermission.EDIT)
@may_raise(InvalidField, StudentExists)
def create_student(body: NewStudent) -> Answer:
    """Add a student."""
    with transaction() as session:
        student = service.create(session, body.model_dump(), now=utc_now())
    return StudentRow.of(student), 201


@api.get("/api/students/stats", responses={200: Stats})
@require(StudentPermission.READ)
def stats() -> Answer:
    """Count students and devices: total, by grade and by status."""
    with reading() as session:
        return Stats.of(current_counts(session, visibility()))


@api.get("/api/students/<student_id>", responses={200: StudentRow})
@require(StudentPermission.OPEN)
@may_raise(StudentNotFound)
def get_student(path: StudentPath) -> Answer:
    """Show a student."""
    with reading() as session:
        student = service.get_visible(session, path.student_id, visibility())
    record_lookup("student", student_subject(student.student_id))
    return StudentRow.of(student)


@api.put("/api/students/<student_id>", responses={200: StudentRow})
@require(StudentPermission.EDIT)
@may_raise(StudentNotFound, InvalidField)
def change_student(path: StudentPath, body: ChangedStudent) -> Answer:
    """Change a student. Omitted fields are not changed. The number cannot be changed."""
    with transaction() as session:
        student = service.get(session, path.student_id, lock=True)
        service.change(session, student, body.model_dump(exclude_unset=True), now=utc_now())
    record_lookup("student", student_subject(student.student_id))
    return StudentRow.of(student)


@api.delete("/api/students/<student_id>", responses={200: Deleted})
@require(StudentPermission.EDIT)
@may_raise(StudentNotFound, StudentHasDevices)
def delete_student(path: StudentPath) -> Answer:
    """Delete a student without devices. The history of devices still shows the name."""
    with transaction() as session:
        student = service.get(session, path.student_id, lock=True)
        service.delete(session, student)
    return {"message": f"Student {student.student_id} was deleted"}


@api.get("/api/students/<student_id>/devices", responses={200: StudentDevices})
@require(StudentPermission.OPEN)
@may_raise(StudentNotFound)
def devices_of_student(path: StudentPath) -> Answer:
    """List a student’s devices."""
    with reading() as session:
        student = service.get_visible(session, path.student_id, visibility())
        found = service.devices_of(session, student.student_id)
    record_lookup("devices of the student", student_subject(student.student_id))
    rows = [
        {
            "asset_tag": device.asset_tag,
            "model": device.model,
            "serial_number": device.serial_number,
            "status": device.status,
            "checked_in_date": device.assigned_at.isoformat() if device.assigned_at else None,
            "due_date": device.due_date.isoformat() if device.due_date else None,
        }
        for device in found
    ]
    return {
        "student": student.name,
        "student_id": student.student_id,
        "grade": grade_value(student.grade),
        "devices": rows,
        "device_count": len(rows),
    }


@api.post("/api/students/<student_id>/checkin", responses={200: AssignmentDone})
@require(StudentPermission.ASSIGN)
@may_raise(
    StudentNotFound, DeviceNotFound, AmbiguousAsset, AssetStoreSilent, DeviceNotAvailable, StudentInactive, DueDatePast, InvalidField
)
def check_in(path: StudentPath, body: AssignDevice) -> Answer:
    """Assign a device to a student: check it in to the student."""
    with reading() as session:
        student = service.get(session, path.student_id)
    found, now = inventory().find(_required(body.asset_tag)), utc_now()
    with transaction() as session:
        device = devices.lock(session, found, now=now)
        assignments.check_due_date(body.due_date, today=today(), is_allowed=body.allow_past_due_date)
        details = {"notes": body.notes, "due": body.due_date, "accessories": body.accessories}
        log = assignments.assign(session, device, student, actor=current_actor(), now=now, **details)  # type: ignore[arg-type]
    return _done(f"Device {device.asset_tag} checked in to {student.name}", student, log, "checked_in")


@api.post("/api/students/<student_id>/checkout", responses={200: AssignmentDone})
@require(StudentPermission.ASSIGN)
@may_raise(StudentNotFound, NotAssignedToStudent, InvalidField)
def check_out(path: StudentPath, body: ReturnDevice) -> Answer:
    """Return a device: check it out from the student."""
    tag, actor = _required(body.asset_tag), current_actor()
    with transaction() as session:
        student = service.get(session, path.student_id)
        try:
            device = devices.get(session, tag, lock=True)
        except DeviceNotFound:
            reason = _("%(name)s does not have a device with the tag %(tag)s.", name=student.name, tag=tag[:60])
            raise NotAssignedToStudent("Device not found or not assigned to student", reason=reason) from None
        details = {"notes": body.notes, "condition": body.condition, "returned": body.accessories}
        log = assignments.return_device(session, device, student=student, actor=actor, now=utc_now(), **details)  # type: ignore[arg-type]
    return _done(f"Device {device.asset_tag} checked out from {student.name}", student, log, "checked_out")


def _required(asset_tag: str) -> str:
    if not asset_tag.strip():
        raise InvalidField("asset_tag is required", field="asset_tag")
    return asset_tag


def _done(message: str, student: Student, log: DeviceLog, status: str) -> Answer:
    return {"message": message, "student": student.student_id, "device": log.asset_tag, "status": status, "log_id": log.id}
