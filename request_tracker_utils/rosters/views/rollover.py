"""The pages of the turn of the year, and of those who have left and still have something."""

from flask import Blueprint, Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.rosters import leavers as leaving, rollover as years
from request_tracker_utils.rosters.errors import YearTaken
from request_tracker_utils.rosters.export import together
from request_tracker_utils.rosters.forms import YearForm
from request_tracker_utils.rosters.permissions import RosterPermission
from request_tracker_utils.students.grades import spoken
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.forms import add_error

SHOWN = 200
"""Students that the page lists; the file has all."""

pages = Blueprint("years", __name__, url_prefix="/students")


@pages.get("/rollover")
@require(RosterPermission.TURN_YEAR)
def rollover() -> str:
    """What a turn would do, with the last grade that the address names."""
    given = {"name": years.next_name(utc_now()), "last_grade": request.args.get("last_grade", years.LAST_GRADE)}
    return _page(YearForm(data=given), given["last_grade"])


@pages.post("/rollover")
@require(RosterPermission.TURN_YEAR)
def turn() -> ResponseReturnValue:
    form = YearForm()
    last_grade = form.last_grade.data or years.LAST_GRADE
    try:
        with transaction() as session:
            year = years.turn(session, form.name.data or "", last_grade, actor=current_actor(), now=utc_now())
    except (Invalid, YearTaken) as error:
        add_error(form, error)
        return _page(form, last_grade), error.status
    flash(f"{year.name}: {year.promoted:,} went up a grade, {year.leavers:,} left.", "success")
    return redirect(url_for(".rollover"), 303)


@pages.post("/rollover/<int:year_id>/undo")
@require(RosterPermission.TURN_YEAR)
def undo(year_id: int) -> ResponseReturnValue:
    try:
        with transaction() as session:
            year = years.take_back(session, year_id, actor=current_actor(), now=utc_now())
    except AppError as error:
        flash(error.message, "danger")
    else:
        flash(f"{year.name} is taken back: everybody has the grade from before.", "success")
    return redirect(url_for(".rollover"), 303)


@pages.get("/leavers")
@require(StudentPermission.READ)
def leavers() -> str:
    """Who has left and still has something; with `last_grade` who is about to leave."""
    last_grade = request.args.get("last_grade", "")
    with reading() as session:
        found = leaving.some(session, _grades(last_grade), limit=SHOWN + 1)
    return render_template("rosters/leavers.html", found=found[:SHOWN], more=len(found) > SHOWN, last_grade=last_grade, spoken=spoken)


@pages.get("/leavers.csv")
@require(StudentPermission.READ)
def leavers_file() -> Response:
    lines = csv_lines(leaving.HEAD, leaving.rows(reading, _grades(request.args.get("last_grade", ""))))
    headers = {"Content-Disposition": "attachment; filename=leavers.csv"}
    return Response(stream_with_context(together(lines)), mimetype="text/csv", headers=headers)


def _grades(last_grade: str) -> list[str]:
    """Raises Invalid."""
    return list(years.leaving_grades(years.last_grade_of(last_grade))) if last_grade else []


def _page(form: YearForm, last_grade: str) -> str:
    with reading() as session:
        preview = years.preview(session, last_grade)
        holding = leaving.some(session, years.leaving_grades(preview.last_grade), limit=SHOWN)
        every = years.all_years(session)
    return render_template("rosters/rollover.html", form=form, preview=preview, holding=holding, years=every, spoken=spoken)
