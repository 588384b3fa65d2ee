"""Pages of devices: the list, and one device with all hands that it went through."""

from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Conflict, Invalid
from request_tracker_utils.students import assignments, devices, finding, history, loans, service
from request_tracker_utils.students.errors import told
from request_tracker_utils.students.finding import DevicesWanted
from request_tracker_utils.students.forms import DeviceForm, device_form
from request_tracker_utils.students.models import DeviceStatus
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.views.students import ENTRIES, PAGE, asked_page, today
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.forms import add_error
from request_tracker_utils.web.registry import settings

pages = Blueprint("devices", __name__, url_prefix="/devices")


@pages.get("")
@require(StudentPermission.READ)
def listed() -> str:
    """Devices by tag or serial number and by status; or the loaners that should be back."""
    text, status = request.args.get("q", "").strip()[:100], request.args.get("status", "")
    wanted = DevicesWanted(text, status if status in list(DeviceStatus) else "")
    page, after = asked_page()
    prefix = settings().prefix
    with reading() as session:
        found = finding.find_devices(session, wanted, prefix=prefix, size=PAGE, after=after, offset=(page - 1) * PAGE)
        count = finding.count_devices(session, wanted, prefix=prefix)
        holders = loans.holders_of(session, found.rows)
    seen = {"found": found.rows, "following": found.following, "count": count, "page": page, "holders": holders}
    return render_template("students/devices.html", wanted=wanted, statuses=list(DeviceStatus), **seen)


@pages.get("/overdue")
@require(StudentPermission.READ)
def overdue() -> str:
    """Loaners that should be back, those that are late longest first."""
    page, _ = asked_page()
    with reading() as session:
        late = loans.overdue(session, today(), limit=PAGE + 1, offset=(page - 1) * PAGE)
        holders, count = loans.holders_of(session, late), loans.count_overdue(session, today())
    seen = {"late": late[:PAGE], "holders": holders, "count": count, "page": page, "more": len(late) > PAGE}
    return render_template("students/overdue.html", today=today(), **seen)


@pages.get("/new")
@require(StudentPermission.EDIT)
def new() -> str:
    """The form of a device that is not registered yet."""
    return render_template("students/device-edit.html", form=device_form(), device=None)


@pages.post("/new")
@require(StudentPermission.EDIT)
def register() -> ResponseReturnValue:
    """Registers a device."""
    form = DeviceForm()
    if not form.validate_on_submit():
        return render_template("students/device-edit.html", form=form, device=None), 400
    try:
        with transaction() as session:
            device = devices.register(session, form.values(), now=utc_now())
    except (Invalid, Conflict) as error:
        add_error(form, error)
        return render_template("students/device-edit.html", form=form, device=None), error.status
    flash(f"{device.asset_tag} is registered.", "success")
    return _to(device.asset_tag)


@pages.get("/<asset_tag>")
@require(StudentPermission.READ)
def show(asset_tag: str) -> str:
    """One device: who has it, and its record."""
    with reading() as session:
        device = devices.get(session, asset_tag)
        holder = service.find(session, device.current_student_id) if device.current_student_id else None
        logs = history.of_device(session, device.asset_tag, limit=ENTRIES + 1)
    address = asset_store().page_address(device.asset_id) if device.asset_id and asset_store().kind == "rt" else None
    seen = {"holder": holder, "logs": logs[:ENTRIES], "more": len(logs) > ENTRIES, "address": address}
    return render_template("students/device.html", device=device, today=today(), **seen)


@pages.get("/<asset_tag>/edit")
@require(StudentPermission.EDIT)
def edit(asset_tag: str) -> str:
    """The form of a device."""
    with reading() as session:
        device = devices.get(session, asset_tag)
    return render_template("students/device-edit.html", form=device_form(device), device=device)


@pages.post("/<asset_tag>/edit")
@require(StudentPermission.EDIT)
def change(asset_tag: str) -> ResponseReturnValue:
    """Changes a device."""
    form = DeviceForm()
    with reading() as session:
        device = devices.get(session, asset_tag)
    form.asset_tag.data = device.asset_tag
    if not form.validate_on_submit():
        return render_template("students/device-edit.html", form=form, device=device), 400
    try:
        with transaction() as session:
            devices.change(session, devices.get(session, asset_tag, lock=True), form.values(), now=utc_now())
    except (Invalid, Conflict) as error:
        add_error(form, error)
        return render_template("students/device-edit.html", form=form, device=device), error.status
    flash("The changes are saved.", "success")
    return _to(device.asset_tag)


@pages.post("/<asset_tag>/status")
@require(StudentPermission.HAND_OUT)
def set_status(asset_tag: str) -> ResponseReturnValue:
    """Takes a device out of service, or puts it back into it."""
    status, notes = request.form.get("status", ""), request.form.get("notes", "")
    try:
        with transaction() as session:
            device = devices.get(session, asset_tag, lock=True)
            assignments.set_status(session, device, status, actor=current_actor(), now=utc_now(), notes=notes)
    except (Invalid, Conflict) as error:
        return _refused(asset_tag, error)
    flash(f"{device.asset_tag} is {assignments.IN_WORDS[DeviceStatus(device.status)]}.", "success")
    return _to(device.asset_tag)


@pages.post("/<asset_tag>/assign")
@require(StudentPermission.HAND_OUT)
def assign(asset_tag: str) -> ResponseReturnValue:
    """Gives the device to a student."""
    try:
        due = date.fromisoformat(request.form.get("due_date") or "") if request.form.get("due_date") else None
        with transaction() as session:
            device = devices.get(session, asset_tag, lock=True)
            student = service.get(session, request.form.get("student_id", "").strip())
            assignments.assign(session, device, student, actor=current_actor(), now=utc_now(), due=due)
    except ValueError:
        return _refused(asset_tag, Invalid("The day is none: write it like 2027-06-01."))
    except AppError as error:
        return _refused(asset_tag, error)
    return _changed(asset_tag, f"{student.name} has {device.asset_tag} now.")


@pages.post("/<asset_tag>/return")
@require(StudentPermission.HAND_OUT)
def take_back(asset_tag: str) -> ResponseReturnValue:
    """Takes the device back from whoever has it."""
    condition = "damaged" if request.form.get("damaged") else ""
    try:
        with transaction() as session:
            device = devices.get(session, asset_tag, lock=True)
            notes = request.form.get("notes", "")
            log = assignments.take_back(session, device, actor=current_actor(), now=utc_now(), notes=notes, condition=condition)
    except AppError as error:
        return _refused(asset_tag, error)
    return _changed(asset_tag, f"{device.asset_tag} is back from {log.student_name}.")


@pages.post("/<asset_tag>/override")
@require(StudentPermission.OVERRIDE)
def override(asset_tag: str) -> ResponseReturnValue:
    """Sets who has the device, in spite of what stands against it."""
    number, reason, status = (request.form.get(name, "").strip() for name in ("student_id", "reason", "status"))
    try:
        with transaction() as session:
            device = devices.get(session, asset_tag, lock=True)
            student = service.get(session, number) if number else None
            assignments.override(session, device, student, reason=reason, status=status, actor=current_actor(), now=utc_now())
    except AppError as error:
        return _refused(asset_tag, error)
    return _changed(asset_tag, f"{device.asset_tag} is with {student.name} now." if student else f"{device.asset_tag} is nobody’s now.")


@pages.post("/<asset_tag>/undo/<int:log_id>")
@require(StudentPermission.HAND_OUT)
def undo(asset_tag: str, log_id: int) -> ResponseReturnValue:
    """Takes the last change back."""
    try:
        with transaction() as session:
            assignments.undo(session, log_id, actor=current_actor(), now=utc_now())
    except AppError as error:
        return _refused(asset_tag, error)
    return _changed(asset_tag, "The change is taken back.")


@pages.post("/<asset_tag>/delete")
@require(StudentPermission.EDIT)
def delete(asset_tag: str) -> ResponseReturnValue:
    """Deletes a device that nobody has."""
    try:
        with transaction() as session:
            device = devices.get(session, asset_tag, lock=True)
            devices.delete(session, device)
    except Conflict as error:
        return _refused(asset_tag, error)
    flash(f"{device.asset_tag} is deleted. Its record stays.", "success")
    return redirect(url_for(".listed"), 303)


def _changed(asset_tag: str, message: str) -> ResponseReturnValue:
    flash(message, "success")
    return _to(asset_tag)


def _refused(asset_tag: str, error: AppError) -> ResponseReturnValue:
    flash(told(error), "danger")
    return _to(asset_tag)


def _to(asset_tag: str) -> ResponseReturnValue:
    return redirect(url_for(".show", asset_tag=asset_tag), 303)
