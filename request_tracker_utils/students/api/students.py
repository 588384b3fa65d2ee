"""Students over JSON, as other programs know it: a device is checked *in* to a student, and *out* when it is taken back."""

from typing import Any

from flask import request, url_for
from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.counts import counts
from request_tracker_utils.students.errors import (
    DeviceNotAvailable,
    DeviceNotFound,
    FieldUnfit,
    NotWithStudent,
    StudentExists,
    StudentHoldsDevice,
    StudentInactive,
    StudentNotFound,
)
from request_tracker_utils.students.finding import StudentsWanted, count_students, find_students
from request_tracker_utils.students.grades import as_told
from request_tracker_utils.students.keyset import Place
from request_tracker_utils.students.models import DeviceLog, Student
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.schemas.students import (
    ChangedStudent,
    Deleted,
    DevicesOfStudent,
    GiveDevice,
    HandedOver,
    NewStudent,
    Paged,
    ReturnDevice,
    Stats,
    StudentPage,
    StudentPath,
    StudentRow,
    StudentsQuery,
)
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import may_raise

OF_STUDENTS = Tag(name="students", description="Students, and the devices that they are given and return.")

api = APIBlueprint("students_api", __name__, abp_tags=[OF_STUDENTS])


@api.get("/api/students", responses={200: StudentPage})
@require(StudentPermission.READ)
@may_raise(FieldUnfit)
def list_students(query: StudentsQuery) -> Answer:
    """List students, by name unless sorted otherwise."""
    grades = tuple("" if grade.strip() == "none" else grade for grade in query.grade.split(",")) if query.grade else ()
    wanted = StudentsWanted(query.search, grades, query.status, query.sort)
    with reading() as session:
        page = find_students(session, wanted, size=query.page_size, after=begin_of(query), offset=(query.page - 1) * query.page_size)
        count = count_students(session, wanted)
    return page_of(query, count, page.following, [StudentRow.of(student) for student in page.rows])


@api.post("/api/students", responses={201: StudentRow})
@require(StudentPermission.EDIT)
@may_raise(FieldUnfit, StudentExists)
def create_student(body: NewStudent) -> Answer:
    """Enter a student."""
    with transaction() as session:
        student = service.create(session, body.model_dump(), now=utc_now())
    return StudentRow.of(student), 201


@api.get("/api/students/stats", responses={200: Stats})
@require(StudentPermission.READ)
def stats() -> Answer:
    """Count students and devices: all, by grade, by status."""
    with reading() as session:
        return Stats.of(counts(session))


@api.get("/api/students/<student_id>", responses={200: StudentRow})
@require(StudentPermission.READ)
@may_raise(StudentNotFound)
def get_student(path: StudentPath) -> Answer:
    """Show a student."""
    with reading() as session:
        return StudentRow.of(service.get(session, path.student_id))


@api.put("/api/students/<student_id>", responses={200: StudentRow})
@require(StudentPermission.EDIT)
@may_raise(StudentNotFound, FieldUnfit)
def change_student(path: StudentPath, body: ChangedStudent) -> Answer:
    """Change a student; what is not sent stays, and the number stays always."""
    with transaction() as session:
        student = service.locked(session, path.student_id)
        service.change(session, student, body.model_dump(exclude_unset=True), now=utc_now())
    return StudentRow.of(student)


@api.delete("/api/students/<student_id>", responses={200: Deleted})
@require(StudentPermission.EDIT)
@may_raise(StudentNotFound, StudentHoldsDevice)
def delete_student(path: StudentPath) -> Answer:
    """Delete a student who has no device; the record of devices keeps the name."""
    with transaction() as session:
        student = service.locked(session, path.student_id)
        service.delete(session, student)
    return {"message": f"Student {student.student_id} was deleted"}


@api.get("/api/students/<student_id>/devices", responses={200: DevicesOfStudent})
@require(StudentPermission.READ)
@may_raise(StudentNotFound)
def devices_of_student(path: StudentPath) -> Answer:
    """List the devices that a student has."""
    with reading() as session:
        student = service.get(session, path.student_id)
        held = service.devices_of(session, student.student_id)
    told = [
        {
            "asset_tag": device.asset_tag,
            "model": device.model,
            "serial_number": device.serial_number,
            "status": device.status,
            "checked_in_date": device.assigned_at.isoformat() if device.assigned_at else None,
            "due_date": device.due_date.isoformat() if device.due_date else None,
        }
        for device in held
    ]
    who = {"student": student.name, "student_id": student.student_id, "grade": as_told(student.grade)}
    return {**who, "devices": told, "device_count": len(told)}


@api.post("/api/students/<student_id>/checkin", responses={200: HandedOver})
@require(StudentPermission.HAND_OUT)
@may_raise(StudentNotFound, DeviceNotFound, DeviceNotAvailable, StudentInactive, FieldUnfit)
def check_in(path: StudentPath, body: GiveDevice) -> Answer:
    """Give a device to a student: check it in to the student."""
    with transaction() as session:
        student = service.get(session, path.student_id)
        device = devices.get(session, _named(body.asset_tag), lock=True)
        more = {"notes": body.notes, "due": body.due_date, "accessories": body.accessories}
        log = assignments.assign(session, device, student, actor=current_actor(), now=utc_now(), **more)  # type: ignore[arg-type]
    return _handed(f"Device {device.asset_tag} checked in to {student.name}", student, log, "checked_in")


@api.post("/api/students/<student_id>/checkout", responses={200: HandedOver})
@require(StudentPermission.HAND_OUT)
@may_raise(StudentNotFound, NotWithStudent, FieldUnfit)
def check_out(path: StudentPath, body: ReturnDevice) -> Answer:
    """Take a device back: check it out from the student."""
    tag = _named(body.asset_tag)
    with transaction() as session:
        student = service.get(session, path.student_id)
        try:
            device = devices.get(session, tag, lock=True)
        except DeviceNotFound as error:
            raise NotWithStudent("Device not found or not assigned to student", reason=error.fields["reason"]) from None
        more = {"notes": body.notes, "condition": body.condition, "returned": body.accessories}
        log = assignments.take_back(session, device, of=student, actor=current_actor(), now=utc_now(), **more)  # type: ignore[arg-type]
    return _handed(f"Device {device.asset_tag} checked out from {student.name}", student, log, "checked_out")


def begin_of(query: Paged) -> Place | None:
    """Where the page begins. Raises Invalid for what no `next` has said."""
    if not query.after:
        return None
    place = Place.parse(query.after)
    if place is None:
        raise Invalid("after: take it from `next` of the page before", field="after")
    return place


def page_of(query: Paged, count: int, following: Place | None, rows: list[dict[str, object]]) -> Answer:
    """A page as lists have them."""

    def address(page: int, after: str) -> str:
        asked: dict[str, Any] = {**request.args, "page": page, "after": after or None}
        return url_for(str(request.endpoint), _external=True, **asked)

    following_page = address(query.page + 1, str(following)) if following else None
    previous = address(query.page - 1, "") if query.page > 1 else None
    return {"count": count, "next": following_page, "previous": previous, "results": rows}


def _named(asset_tag: str) -> str:
    if not asset_tag.strip():
        raise FieldUnfit("asset_tag is required", field="asset_tag")
    return asset_tag


def _handed(message: str, student: Student, log: DeviceLog, status: str) -> Answer:
    return {"message": message, "student": student.student_id, "device": log.asset_tag, "status": status, "log_id": log.id}
