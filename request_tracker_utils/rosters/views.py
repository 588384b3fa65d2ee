"""The pages of the rollover and of students who left school with devices, and the downloads of students, devices and their history."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.rosters import rollover as service
from request_tracker_utils.rosters.errors import RolloverExists
from request_tracker_utils.rosters.export import BATCH, DEVICES, LOGS, STUDENTS, Export, export_rows
from request_tracker_utils.rosters.permissions import RosterPermission
from request_tracker_utils.students.grades import ORDERED_GRADES, grade_label
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.registry import settings

STUDENTS_SHOWN = 200
"""The CSV file has all."""

pages = Blueprint("rollover", __name__, url_prefix="/students")
exports = Blueprint("exports", __name__)


class RolloverForm(FlaskForm):  # type: ignore[misc]
    name = StringField(lazy_gettext("New school year"), [InputRequired()])
    last_grade = SelectField(lazy_gettext("Last grade"), choices=ORDERED_GRADES)


@pages.get("/rollover")
@require(RosterPermission.ROLL_OVER)
def rollover() -> str:
    """Previews the rollover with the last grade in the query."""
    last_grade = request.args.get("last_grade", service.LAST_GRADE)
    return _page(RolloverForm(data={"name": service.default_name(utc_now()), "last_grade": last_grade}), last_grade)


@pages.post("/rollover")
@require(RosterPermission.ROLL_OVER)
def roll_over() -> ResponseReturnValue:
    form = RolloverForm()
    last_grade = form.last_grade.data or service.LAST_GRADE
    try:
        with transaction() as session:
            year = service.roll_over(session, form.name.data or "", last_grade, actor=current_actor(), now=utc_now())
    except (Invalid, RolloverExists) as error:
        add_error(form, error)
        return _page(form, last_grade), error.status
    counts = {"promoted": f"{year.promoted:,}", "left": f"{year.leavers:,}"}
    flash(_("%(name)s: %(promoted)s promoted, %(left)s left school.", name=year.name, **counts), "success")
    return redirect(url_for(".rollover"), 303)


@pages.post("/rollover/<int:year_id>/undo")
@require(RosterPermission.ROLL_OVER)
def undo(year_id: int) -> ResponseReturnValue:
    try:
        with transaction() as session:
            year = service.undo(session, year_id, actor=current_actor(), now=utc_now())
    except AppError as error:
        flash(error.message, "danger")
    else:
        flash(_("Rollover %(name)s undone. Students are in their former grades.", name=year.name), "success")
    return redirect(url_for(".rollover"), 303)


@pages.get("/leavers")
@require(RosterPermission.EXPORT)
def leavers() -> str:
    """Students who left school and have devices; with `last_grade`, those who will leave at the rollover."""
    last_grade = request.args.get("last_grade", "")
    with reading() as session:
        found = service.list_leavers(session, _grades(last_grade), limit=STUDENTS_SHOWN + 1)
    more = len(found) > STUDENTS_SHOWN
    record_list("students who left school with devices", min(len(found), STUDENTS_SHOWN))
    return render_template("rosters/leavers.html", found=found[:STUDENTS_SHOWN], more=more, last_grade=last_grade, grade_label=grade_label)


@pages.get("/leavers.csv")
@require(RosterPermission.EXPORT)
def leavers_file() -> Response:
    rows = service.leaver_rows(reading, _grades(request.args.get("last_grade", "")))
    return csv_response("leavers", service.LEAVERS_HEADER, rows, what="students who left school with devices", batch=BATCH)


@exports.get("/students/export.csv", endpoint="students")
@require(RosterPermission.EXPORT)
def export_students() -> Response:
    return _export(STUDENTS)


@exports.get("/devices/export.csv", endpoint="devices")
@require(RosterPermission.EXPORT)
def export_devices() -> Response:
    return _export(DEVICES)


@exports.get("/devices/logs.csv", endpoint="logs")
@require(RosterPermission.EXPORT)
def export_logs() -> Response:
    return _export(LOGS)


def _export(export: Export) -> Response:
    rows = export_rows(reading, export, settings().zone)
    return csv_response(export.name, export.header, rows, what=export.title, batch=BATCH)


def _grades(last_grade: str) -> list[str]:
    """Raises Invalid."""
    return list(service.leaving_grades(service.parse_last_grade(last_grade))) if last_grade else []


def _page(form: RolloverForm, last_grade: str) -> str:
    with reading() as session:
        preview = service.preview(session, last_grade)
        with_devices = service.list_leavers(session, service.leaving_grades(preview.last_grade), limit=STUDENTS_SHOWN)
        years = service.all_years(session)
    record_list("students who leave school with devices", len(with_devices))
    return render_template(
        "rosters/rollover.html", form=form, preview=preview, with_devices=with_devices, years=years, grade_label=grade_label
    )
