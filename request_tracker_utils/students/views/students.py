"""Pages of students: the dashboard and a student's page."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import EmailField, StringField

from request_tracker_utils.accounts import access_events
from request_tracker_utils.accounts.access_events import Filter as AccessFilter
from request_tracker_utils.accounts.permissions import AccountPermission
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Conflict, Invalid
from request_tracker_utils.core.scanned_text import readings
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students import assignments, devices, scan_codes, search, service
from request_tracker_utils.students.counts import current_counts
from request_tracker_utils.students.current import inventory, scan_context, today, visibility
from request_tracker_utils.students.errors import (
    AmbiguousAsset,
    AssetStoreSilent,
    DeviceNotFound,
    StudentHasDevices,
    UnknownCode,
    UnreadableCode,
    explanation,
)
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.search import DeviceFilter, StudentFilter
from request_tracker_utils.students.visibility import shown_devices, shown_logs
from request_tracker_utils.web.access_log import record_list, record_lookup, student as student_subject
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.paging import requested_cursor, requested_page
from request_tracker_utils.web.registry import settings

PAGE_SIZE = 50
DEVICES_SHOWN = 5
HISTORY_SHOWN = 100
ACCESSES_SHOWN = 10

T = TypeVar("T")

pages = Blueprint("students", __name__, url_prefix="/students")


class RecordForm(FlaskForm):  # type: ignore[misc]
    """`students.fields` validates the values, as it does for the API and files."""

    def values(self) -> dict[str, Any]:
        return {field.name: field.data or "" for field in self if field.name != "csrf_token"}


class StudentForm(RecordForm):
    student_id = StringField(lazy_gettext("Student number"))
    first_name = StringField(lazy_gettext("First name"))
    last_name = StringField(lazy_gettext("Last name"))
    grade = StringField(lazy_gettext("Grade"))
    building = StringField(lazy_gettext("School"))
    homeroom = StringField(lazy_gettext("Homeroom"))
    email = EmailField(lazy_gettext("Email address"))
    rt_user = StringField(lazy_gettext("Request Tracker user"))


@pages.get("")
@require(StudentPermission.READ)
def dashboard() -> str:
    """Progress of the assignment of devices, and the list of students."""
    filters, page = _requested_filter(), requested_page()
    problem, matches, sees = "", list[Device](), visibility()
    with reading() as session:
        counts = current_counts(session, sees)
        for text in search.possible_texts(session, filters.text):
            query, offset = replace(filters, text=text), (page - 1) * PAGE_SIZE
            try:
                found = search.find_students(session, query, sees, size=PAGE_SIZE, after=requested_cursor(), offset=offset)
                count = search.count_students(session, query, sees)
            except Invalid:
                filters = StudentFilter(status="active")
                found, count = search.find_students(session, filters, sees, size=PAGE_SIZE), counts.students.active
                break
            if text:
                matches = search.find_devices(session, DeviceFilter(text), prefix=settings().prefix, size=DEVICES_SHOWN).rows
            if count or matches:
                break
        assigned = devices.by_student(session, [student.student_id for student in found.rows if student.device_count])
        overdue = devices.count_overdue(session, today())
        matches = shown_devices(session, matches, sees)
    if filters.text and not found.rows and not matches:
        try:
            found_asset = scan_codes.find_asset(reading, filters.text, scan_context())
            with reading() as session:
                matches = shown_devices(session, [found_asset], sees) if found_asset else []
        except UnreadableCode as error:
            problem = explanation(error)
        except (AmbiguousAsset, AssetStoreSilent, DeviceNotFound) as error:
            if scan_codes.is_address(filters.text):  # another text may be a student's
                problem = explanation(error)
    record_list("students", len(found.rows))
    return render_template(
        "students/dashboard.html",
        filters=filters,
        counts=counts,
        found=found,
        count=count,
        page=page,
        matches=matches,
        problem=problem,
        assigned=assigned,
        overdue=overdue,
        sees=sees,
    )


@pages.get("/new")
@require(StudentPermission.EDIT)
def new() -> str:
    """The form for adding a student."""
    return render_template("students/edit.html", form=_form(), student=None)


@pages.post("/new")
@require(StudentPermission.EDIT)
def create() -> ResponseReturnValue:
    """Adds a student."""
    form = StudentForm()
    form.student_id.data = readings((form.student_id.data or "").strip())[-1]
    student, status = save(form, lambda session: service.create(session, form.values(), now=utc_now()))
    if student is None:
        return render_template("students/edit.html", form=form, student=None), status
    flash(_("Added %(name)s.", name=student.name), "success")
    return _to(student.student_id)


@pages.get("/<student_id>")
@require(StudentPermission.READ)
def show(student_id: str) -> str:
    """A student, the student's devices and their history."""
    sees = visibility()
    with reading() as session:
        student = service.get_visible(session, student_id, sees)
        assigned = shown_devices(session, service.devices_of(session, student.student_id), sees)
        logs = devices.student_history(session, student.student_id, limit=HISTORY_SHOWN + 1)
        logs = shown_logs(session, logs, sees)
        subject = student_subject(student.student_id)
        may_see_accesses = current_actor().may(AccountPermission.EVENTS)
        accesses = access_events.records.newest(session, AccessFilter(subject=subject), limit=ACCESSES_SHOWN) if may_see_accesses else []
    record_lookup("student", subject)
    return render_template(
        "students/student.html",
        student=student,
        assigned=assigned,
        logs=logs[:HISTORY_SHOWN],
        more=len(logs) > HISTORY_SHOWN,
        rt_username=service.rt_username(student, settings().rt_student_user),
        subject=subject,
        accesses=accesses,
        today=today(),
    )


@pages.get("/<student_id>/edit")
@require(StudentPermission.EDIT)
def edit(student_id: str) -> str:
    """The form for changing a student."""
    with reading() as session:
        student = service.get(session, student_id)
    record_lookup("student", student_subject(student.student_id))
    return render_template("students/edit.html", form=_form(student), student=student)


@pages.post("/<student_id>/edit")
@require(StudentPermission.EDIT)
def change(student_id: str) -> ResponseReturnValue:
    """Changes a student."""
    form = StudentForm()
    with reading() as session:
        student = service.get(session, student_id)
    form.student_id.data = student.student_id

    def change_locked(session: Session) -> Student:
        return service.change(session, service.get(session, student_id, lock=True), form.values(), now=utc_now())

    changed, status = save(form, change_locked)
    if changed is None:
        return render_template("students/edit.html", form=form, student=student), status
    flash(_("Saved the changes."), "success")
    return _to(student.student_id)


@pages.post("/<student_id>/status")
@require(StudentPermission.EDIT)
def set_status(student_id: str) -> ResponseReturnValue:
    """Deactivates or reactivates a student."""
    active = request.form.get("active") == "yes"
    with transaction() as session:
        student = service.change(session, service.get(session, student_id, lock=True), {"active": active}, now=utc_now())
    flash(_("Reactivated %(name)s.", name=student.name) if active else _("Deactivated %(name)s.", name=student.name), "success")
    return _to(student.student_id)


@pages.post("/<student_id>/delete")
@require(StudentPermission.EDIT)
def delete(student_id: str) -> ResponseReturnValue:
    """Deletes a student without devices."""
    try:
        with transaction() as session:
            student = service.get(session, student_id, lock=True)
            service.delete(session, student)
    except StudentHasDevices as error:
        flash(error.message, "danger")
        return _to(student_id)
    flash(_("Deleted %(name)s. The history of devices still shows the name.", name=student.name), "success")
    return redirect(url_for(".dashboard"), 303)


@pages.post("/<student_id>/assign")
@require(StudentPermission.ASSIGN)
def assign(student_id: str) -> ResponseReturnValue:
    """Assigns a device, by its tag or a scanned code, to the student."""
    with reading() as session:
        student = service.get(session, student_id)
    try:
        found, now = _scanned_device(request.form.get("asset_tag", "").strip()), utc_now()
        with transaction() as session:
            device = devices.lock(session, found, now=now)
            assignments.assign(session, device, student, actor=current_actor(), now=now)
    except AppError as error:
        flash(explanation(error), "danger")
        return _to(student.student_id)
    flash(_("Assigned %(tag)s to %(name)s.", tag=device.asset_tag, name=student.name), "success")
    return _to(student.student_id)


def _scanned_device(text: str) -> Device:
    """The device with this tag, or the one that a scanner meant by the text. Raises like `scan_codes.resolve` and `Inventory.find`."""
    with reading() as session:
        known = devices.get_many(session, [text]).get(search_key(text))
    if known is not None:
        return known
    try:
        found = scan_codes.resolve(reading, text, scan_context()).device
    except UnknownCode:
        found = None
    return found or inventory().find(text)


def save(form: RecordForm, write: Callable[[Session], T]) -> tuple[T | None, int]:
    """Writes a valid form in a transaction. Returns the record, or None and the status of the page that shows the form's errors."""
    if not form.validate_on_submit():
        return None, 400
    try:
        with transaction() as session:
            return write(session), 200
    except (Invalid, Conflict) as error:
        add_error(form, error)
        return None, error.status


def _requested_filter() -> StudentFilter:
    """The filter in the address; active students by default."""
    grades = tuple("" if grade == "none" else grade[:20] for grade in request.args.getlist("grade"))
    status = request.args.get("status", "active")
    return StudentFilter(request.args.get("q", "").strip()[:200], grades, "" if status == "all" else status)


def _to(student_id: str) -> ResponseReturnValue:
    return redirect(url_for(".show", student_id=student_id), 303)


def _form(student: Student | None = None) -> StudentForm:
    """Empty, or filled in for an existing student."""
    form = StudentForm(obj=student)
    for name in ("student_id", "first_name", "last_name"):
        form[name].flags.required = True  # only marks the field on the page; `fields` validates
    return form
