"""Pages of students: the dashboard, and one student."""

from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Conflict, Invalid
from request_tracker_utils.students import assignments, devices, finding, history, loans, service
from request_tracker_utils.students.counts import counts
from request_tracker_utils.students.errors import StudentHoldsDevice, told
from request_tracker_utils.students.finding import DevicesWanted, StudentsWanted
from request_tracker_utils.students.forms import StudentForm, student_form
from request_tracker_utils.students.keyset import Place
from request_tracker_utils.students.models import Student
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.users import rt_user
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.forms import add_error
from request_tracker_utils.web.registry import settings

PAGE, LAST_PAGE = 50, 100_000
DEVICES_SHOWN = 5
ENTRIES = 100
"""Of a record that are shown."""

pages = Blueprint("students", __name__, url_prefix="/students")


@pages.get("")
@require(StudentPermission.READ)
def dashboard() -> str:
    """How far the handing out has come, and the students, filtered."""
    wanted = asked_students()
    page, after = asked_page()
    with reading() as session:
        counted = counts(session)
        try:
            found = finding.find_students(session, wanted, size=PAGE, after=after, offset=(page - 1) * PAGE)
            count = finding.count_students(session, wanted)
        except Invalid:
            wanted = StudentsWanted(status="active")
            found, count = finding.find_students(session, wanted, size=PAGE), counted.students.active
        by_device = DevicesWanted(wanted.text)
        hits = finding.find_devices(session, by_device, prefix=settings().prefix, size=DEVICES_SHOWN).rows if wanted.text else []
        held = loans.held_by(session, [student.student_id for student in found.rows if student.device_count])
        overdue = loans.count_overdue(session, today())
    seen = {"counted": counted, "found": found, "count": count, "page": page, "hits": hits, "held": held, "overdue": overdue}
    return render_template("students/dashboard.html", wanted=wanted, statuses=finding.STUDENT_STATUSES, **seen)


@pages.get("/new")
@require(StudentPermission.EDIT)
def new() -> str:
    """The form of a student who is not entered yet."""
    return render_template("students/edit.html", form=student_form(), student=None)


@pages.post("/new")
@require(StudentPermission.EDIT)
def create() -> ResponseReturnValue:
    """Enters a student."""
    form = StudentForm()
    if not form.validate_on_submit():
        return render_template("students/edit.html", form=form, student=None), 400
    try:
        with transaction() as session:
            student = service.create(session, form.values(), now=utc_now())
    except (Invalid, Conflict) as error:
        add_error(form, error)
        return render_template("students/edit.html", form=form, student=None), error.status
    flash(f"{student.name} is entered.", "success")
    return _to(student)


@pages.get("/<student_id>")
@require(StudentPermission.READ)
def show(student_id: str) -> str:
    """One student: what the student has, and every device that went through the student's hands."""
    with reading() as session:
        student = service.get(session, student_id)
        held = service.devices_of(session, student.student_id)
        logs = history.of_student(session, student.student_id, limit=ENTRIES + 1)
    user = rt_user(student, settings().rt_student_user)
    return render_template(
        "students/student.html", student=student, held=held, logs=logs[:ENTRIES], more=len(logs) > ENTRIES, user=user, today=today()
    )


@pages.get("/<student_id>/edit")
@require(StudentPermission.EDIT)
def edit(student_id: str) -> str:
    """The form of a student."""
    with reading() as session:
        student = service.get(session, student_id)
    return render_template("students/edit.html", form=student_form(student), student=student)


@pages.post("/<student_id>/edit")
@require(StudentPermission.EDIT)
def change(student_id: str) -> ResponseReturnValue:
    """Changes a student."""
    form = StudentForm()
    with reading() as session:
        student = service.get(session, student_id)
    form.student_id.data = student.student_id
    if not form.validate_on_submit():
        return render_template("students/edit.html", form=form, student=student), 400
    try:
        with transaction() as session:
            service.change(session, service.locked(session, student_id), form.values(), now=utc_now())
    except (Invalid, Conflict) as error:
        add_error(form, error)
        return render_template("students/edit.html", form=form, student=student), error.status
    flash("The changes are saved.", "success")
    return _to(student)


@pages.post("/<student_id>/state")
@require(StudentPermission.EDIT)
def set_state(student_id: str) -> ResponseReturnValue:
    """Notes that the student has left, or is at school again."""
    active = request.form.get("active") == "yes"
    with transaction() as session:
        student = service.change(session, service.locked(session, student_id), {"active": active}, now=utc_now())
    flash(f"{student.name} is {'at school again' if active else 'noted as somebody who has left'}.", "success")
    return _to(student)


@pages.post("/<student_id>/delete")
@require(StudentPermission.EDIT)
def delete(student_id: str) -> ResponseReturnValue:
    """Deletes a student who has nothing."""
    try:
        with transaction() as session:
            student = service.locked(session, student_id)
            service.delete(session, student)
    except StudentHoldsDevice as error:
        flash(error.message, "danger")
        return _to(student)
    flash(f"{student.name} is deleted. The record of devices keeps the name.", "success")
    return redirect(url_for(".dashboard"), 303)


@pages.post("/<student_id>/assign")
@require(StudentPermission.HAND_OUT)
def assign(student_id: str) -> ResponseReturnValue:
    """Gives the student a device, named by its tag."""
    with reading() as session:
        student = service.get(session, student_id)
    try:
        with transaction() as session:
            device = devices.get(session, request.form.get("asset_tag", "").strip(), lock=True)
            assignments.assign(session, device, student, actor=current_actor(), now=utc_now())
    except AppError as error:
        flash(told(error), "danger")
        return _to(student)
    flash(f"{student.name} has {device.asset_tag} now.", "success")
    return _to(student)


def today() -> date:
    """As people of this installation have it."""
    return utc_now().astimezone(settings().zone).date()


def asked_page() -> tuple[int, Place | None]:
    """The page that the address asks for, and where it begins if the page before has said so."""
    return min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE), Place.parse(request.args.get("after", ""))


def asked_students() -> StudentsWanted:
    """What the address asks for; without a status those who are at school."""
    grades = tuple("" if grade == "none" else grade[:20] for grade in request.args.getlist("grade"))
    status = request.args.get("status", "active")
    return StudentsWanted(request.args.get("q", "").strip()[:100], grades, "" if status == "all" else status)


def _to(student: Student) -> ResponseReturnValue:
    return redirect(url_for(".show", student_id=student.student_id), 303)
