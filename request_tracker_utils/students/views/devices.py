"""Pages of devices: the list, overdue loaners, and a device with its history."""

from dataclasses import replace
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from request_tracker_utils.asset_store.current import asset_store, asset_store_name
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Conflict, Invalid
from request_tracker_utils.core.keyboard_layouts import other_keyboard_language
from request_tracker_utils.core.scanned_text import clean_serial, readings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students import assignments, devices, scan_codes, search, service
from request_tracker_utils.students.current import find_device, inventory, scan_context, today, visibility
from request_tracker_utils.students.errors import AmbiguousAsset, AssetStoreSilent, DeviceNotFound, DueDatePast, UnreadableCode, explanation
from request_tracker_utils.students.fields import CONDITIONS
from request_tracker_utils.students.models import Device, DeviceStatus, Student
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.search import DeviceFilter
from request_tracker_utils.students.views.own_record import own_device_page
from request_tracker_utils.students.views.students import HISTORY_SHOWN, PAGE_SIZE, RecordForm, save
from request_tracker_utils.students.visibility import shown_logs
from request_tracker_utils.tags.lookup import tag_behind_layout
from request_tracker_utils.web.access_log import record_list, record_lookup, student as student_subject
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import requested_cursor, requested_page
from request_tracker_utils.web.registry import settings

pages = Blueprint("devices", __name__, url_prefix="/devices")


class DeviceForm(RecordForm):
    asset_tag = StringField(lazy_gettext("Tag"))
    serial_number = StringField(lazy_gettext("Serial number"))
    model = StringField(lazy_gettext("Model"))
    building = StringField(lazy_gettext("School"))
    condition = SelectField(
        lazy_gettext("Condition"),
        choices=[SelectChoice(name, lazy_gettext(label)) for name, label in CONDITIONS.items()],
    )


@pages.get("")
@require(StudentPermission.READ)
def listed() -> str:
    """Devices by tag, serial number and status."""
    text, status = request.args.get("q", "").strip()[:200], request.args.get("status", "")
    filters = DeviceFilter(text, status if status in list(DeviceStatus) else "")
    page, prefix = requested_page(), settings().prefix
    asset, problem = _find_asset(text) if scan_codes.is_address(text) else (None, "")
    filters = replace(filters, device_id=asset.id if asset else None)
    with reading() as session:
        for each in search.possible_texts(session, text):
            query, offset = replace(filters, text=each), (page - 1) * PAGE_SIZE
            found = search.find_devices(session, query, prefix=prefix, size=PAGE_SIZE, after=requested_cursor(), offset=offset)
            count = search.count_devices(session, query, prefix=prefix)
            if count:
                break
        holders = devices.holders_of(session, found.rows, visibility())
    record_list("devices and their students", len(holders))
    if count or filters.status:
        asset, problem = None, ""
    elif not scan_codes.is_address(text):
        asset, problem = _find_asset(text)
    return render_template(
        "students/devices.html",
        filters=filters,
        statuses=list(DeviceStatus),
        found=found,
        count=count,
        page=page,
        holders=holders,
        asset=asset,
        problem=problem,
    )


@pages.get("/overdue")
@require(StudentPermission.READ)
def overdue() -> str:
    """Overdue loaners, the oldest due date first."""
    page = requested_page()
    with reading() as session:
        late = devices.overdue(session, today(), limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
        holders, count = devices.holders_of(session, late, visibility()), devices.count_overdue(session, today())
    record_list("devices and their students", len(holders))
    return render_template(
        "students/overdue.html",
        late=late[:PAGE_SIZE],
        holders=holders,
        count=count,
        page=page,
        more=len(late) > PAGE_SIZE,
        today=today(),
    )


@pages.get("/new")
@require(StudentPermission.EDIT)
def new() -> str:
    """The form for adding a device."""
    return render_template("students/device-edit.html", form=_form(), device=None)


@pages.post("/new")
@require(StudentPermission.EDIT)
def create() -> ResponseReturnValue:
    """Adds a device."""
    form = DeviceForm()
    for field in (form.asset_tag, form.serial_number):
        field.data = clean_serial((field.data or "").strip())

    def add(session: Session) -> Device:
        if tag := tag_behind_layout(session, form.asset_tag.data):
            raise Invalid(other_keyboard_language(form.asset_tag.data, str(tag)), field="asset_tag")
        return devices.create(session, form.values(), now=utc_now())

    device, status = save(form, add)
    if device is None:
        return render_template("students/device-edit.html", form=form, device=None), status
    return _done(device.asset_tag, _("Added %(tag)s.", tag=device.asset_tag))


@pages.get("/<asset_tag>")
@require(StudentPermission.OPEN)
def show(asset_tag: str) -> str:
    """A device, its student and its history; for students one of their own, with what concerns them."""
    device, sees = find_device(asset_tag), visibility()
    if not current_actor().may(StudentPermission.READ):
        return own_device_page(device)
    with reading() as session:
        holder = service.find_visible(session, device.current_student_id, sees) if device.current_student_id else None
        logs = devices.device_history(session, device.asset_tag, limit=HISTORY_SHOWN + 1)
        logs = shown_logs(session, logs, sees)
    record_lookup("student of a device", student_subject(device.current_student_id or ""))
    record_list("history of a device", min(len(logs), HISTORY_SHOWN))
    address = asset_store().page_address(device.asset_id) if device.asset_id and asset_store().kind == "rt" else None
    return render_template(
        "students/device.html",
        device=device,
        holder=holder,
        logs=logs[:HISTORY_SHOWN],
        more=len(logs) > HISTORY_SHOWN,
        address=address,
        store=asset_store_name(),
        today=today(),
        student_id=request.args.get("student_id", "")[:50],
        due_date=request.args.get("due_date", "")[:10],
    )


@pages.get("/<asset_tag>/edit")
@require(StudentPermission.EDIT)
def edit(asset_tag: str) -> str:
    """The form for changing a device."""
    device = inventory().find(asset_tag)
    return render_template("students/device-edit.html", form=_form(device), device=device)


@pages.post("/<asset_tag>/edit")
@require(StudentPermission.EDIT)
def change(asset_tag: str) -> ResponseReturnValue:
    """Changes a device."""
    form = DeviceForm()
    device, now = inventory().find(asset_tag), utc_now()
    form.asset_tag.data = device.asset_tag

    def change_locked(session: Session) -> Device:
        return devices.change(session, devices.lock(session, device, now=now), form.values(), now=now)

    changed, status = save(form, change_locked)
    if changed is None:
        return render_template("students/device-edit.html", form=form, device=device), status
    return _done(device.asset_tag, _("Saved the changes."))


@pages.post("/<asset_tag>/status")
@require(StudentPermission.ASSIGN)
def set_status(asset_tag: str) -> ResponseReturnValue:
    """Sets the status of an unassigned device."""
    status, notes = request.form.get("status", ""), request.form.get("notes", "")
    try:
        found, now = inventory().find(asset_tag), utc_now()
        with transaction() as session:
            device = devices.lock(session, found, now=now)
            assignments.set_status(session, device, status, actor=current_actor(), now=now, notes=notes)
    except (Invalid, Conflict) as error:
        return _failed(asset_tag, error)
    label = _(assignments.STATUS_LABELS[DeviceStatus(device.status)])
    return _done(device.asset_tag, _("%(tag)s is now %(status)s.", tag=device.asset_tag, status=label))


@pages.post("/<asset_tag>/assign")
@require(StudentPermission.ASSIGN)
def assign(asset_tag: str) -> ResponseReturnValue:
    """Assigns the device to a student."""
    try:
        due = date.fromisoformat(request.form.get("due_date") or "") if request.form.get("due_date") else None
        found, now = inventory().find(asset_tag), utc_now()
        with transaction() as session:
            device = devices.lock(session, found, now=now)
            student = _scanned_student(session, request.form.get("student_id", "").strip())
            assignments.check_due_date(due, today=today(), is_allowed="allow_past_due_date" in request.form)
            assignments.assign(session, device, student, actor=current_actor(), now=now, due=due)
    except DueDatePast as error:
        flash(explanation(error), "danger")
        return redirect(url_for(".show", asset_tag=asset_tag, student_id=request.form["student_id"], due_date=due), 303)
    except ValueError:
        return _failed(asset_tag, Invalid(_("The due date is not valid. Enter a date such as 2027-06-01.")))
    except AppError as error:
        return _failed(asset_tag, error)
    return _done(asset_tag, _("Assigned %(tag)s to %(name)s.", tag=device.asset_tag, name=student.name))


@pages.post("/<asset_tag>/return")
@require(StudentPermission.ASSIGN)
def return_device(asset_tag: str) -> ResponseReturnValue:
    """Returns the device from its student."""
    condition, notes = "damaged" if request.form.get("damaged") else "", request.form.get("notes", "")
    try:
        found, now = inventory().find(asset_tag), utc_now()
        with transaction() as session:
            device = devices.lock(session, found, now=now)
            log = assignments.return_device(session, device, actor=current_actor(), now=now, notes=notes, condition=condition)
    except AppError as error:
        return _failed(asset_tag, error)
    return _done(asset_tag, _("%(name)s returned %(tag)s.", name=log.student_name, tag=device.asset_tag))


@pages.post("/<asset_tag>/override")
@require(StudentPermission.OVERRIDE)
def override(asset_tag: str) -> ResponseReturnValue:
    """Reassigns the device regardless of its status and its current student."""
    number, reason, status = (request.form.get(name, "").strip() for name in ("student_id", "reason", "status"))
    try:
        found, now = inventory().find(asset_tag), utc_now()
        with transaction() as session:
            device = devices.lock(session, found, now=now)
            student = _scanned_student(session, number) if number else None
            assignments.override(session, device, student, reason=reason, status=status, actor=current_actor(), now=now)
    except AppError as error:
        return _failed(asset_tag, error)
    if student:
        return _done(asset_tag, _("Assigned %(tag)s to %(name)s.", tag=device.asset_tag, name=student.name))
    return _done(asset_tag, _("Unassigned %(tag)s.", tag=device.asset_tag))


@pages.post("/<asset_tag>/undo/<int:log_id>")
@require(StudentPermission.ASSIGN)
def undo(asset_tag: str, log_id: int) -> ResponseReturnValue:
    """Undoes the device's last change."""
    try:
        with transaction() as session:
            assignments.undo(session, log_id, actor=current_actor(), now=utc_now())
    except AppError as error:
        return _failed(asset_tag, error)
    return _done(asset_tag, _("Undid the change."))


@pages.post("/<asset_tag>/delete")
@require(StudentPermission.EDIT)
def delete(asset_tag: str) -> ResponseReturnValue:
    """Deletes an unassigned device."""
    try:
        found, now = inventory().find(asset_tag), utc_now()
        with transaction() as session:
            device = devices.lock(session, found, now=now)
            devices.delete(session, device, now=now)
    except Conflict as error:
        return _failed(asset_tag, error)
    flash(_("Deleted %(tag)s. Its history is preserved.", tag=device.asset_tag), "success")
    return redirect(url_for(".listed"), 303)


def _find_asset(text: str) -> tuple[Device | None, str]:
    """See `scan_codes.find_asset`; or why there is none."""
    try:
        return scan_codes.find_asset(reading, text, scan_context()), ""
    except (AmbiguousAsset, AssetStoreSilent, DeviceNotFound, UnreadableCode) as error:
        return None, explanation(error)


def _scanned_student(session: Session, text: str) -> Student:
    """The student with this number, or the one that a scanner meant by the text. Raises StudentNotFound."""
    return next(filter(None, (service.find(session, each) for each in readings(text))), None) or service.get(session, text)


def _done(asset_tag: str, message: str) -> ResponseReturnValue:
    flash(message, "success")
    return redirect(url_for(".show", asset_tag=asset_tag), 303)


def _failed(asset_tag: str, error: AppError) -> ResponseReturnValue:
    flash(explanation(error), "danger")
    return redirect(url_for(".show", asset_tag=asset_tag), 303)


def _form(device: Device | None = None) -> DeviceForm:
    """Empty, or filled in for an existing device."""
    form = DeviceForm(obj=device)
    form.asset_tag.flags.required = True
    return form
