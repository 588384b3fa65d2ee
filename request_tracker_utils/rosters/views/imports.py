"""The pages of lists: a file comes in, its columns are mapped, what it would change is shown, and a task changes it."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.rosters import service
from request_tracker_utils.rosters.errors import RosterBusy, RosterUnchecked
from request_tracker_utils.rosters.fields import TITLES
from request_tracker_utils.rosters.files import pieces_of
from request_tracker_utils.rosters.findings import MOST_PROBLEMS, of_report
from request_tracker_utils.rosters.forms import RosterForm, columns_in
from request_tracker_utils.rosters.models import Subject
from request_tracker_utils.rosters.permissions import RosterPermission
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import OPEN
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_handlers import handle_app_error
from request_tracker_utils.web.error_responses import TooLarge
from request_tracker_utils.web.forms import add_error

LARGEST = 64 * 1024 * 1024
"""Bytes of a file; the form around it needs some more."""
PROBLEMS = 200
"""That the page shows; the file has all that are kept."""

pages = Blueprint("rosters", __name__)


@pages.url_value_preprocessor
def let_in(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Before anybody reads the form: its token stands in the same body as the file."""
    if endpoint == "rosters.add":
        request.max_content_length = LARGEST + 64 * 1024


@pages.get("/students/import", defaults={"subject": Subject.STUDENTS})
@pages.get("/devices/import", defaults={"subject": Subject.DEVICES})
@require(RosterPermission.IMPORT)
def new(subject: str) -> str:
    return _form_page(RosterForm(), subject)


@pages.post("/students/import", defaults={"subject": Subject.STUDENTS})
@pages.post("/devices/import", defaults={"subject": Subject.DEVICES})
@require(RosterPermission.IMPORT)
def add(subject: str) -> ResponseReturnValue:
    """Keeps the file, and leads to its columns."""
    form = RosterForm()
    try:
        file = form.opened()
        pieces = pieces_of(file.stream)
        roster = service.keep(transaction, pieces, subject=subject, source=file.filename, actor=current_actor(), now=utc_now())
    except Invalid as error:
        add_error(form, error)
        return _form_page(form, subject), error.status
    return redirect(url_for(".show", roster_id=roster.id), 303)


@pages.get("/students/imports/<int:roster_id>")
@require(RosterPermission.IMPORT)
def show(roster_id: int) -> str:
    """The list: its columns, what it would change or has changed, and what stands against it."""
    with reading() as session:
        roster = service.get(session, roster_id)
        task = tasks.get(session, roster.task_id) if roster.task_id else None
    found = of_report(roster.report)
    width = max(map(len, [roster.head, *roster.sample]))
    return render_template(
        "rosters/roster.html",
        roster=roster,
        task=task,
        is_busy=task is not None and task.state in OPEN,
        found=found,
        problems=found.problems[:PROBLEMS],
        most=MOST_PROBLEMS,
        titles=TITLES[roster.subject],
        width=width,
    )


@pages.post("/students/imports/<int:roster_id>/check")
@require(RosterPermission.IMPORT)
def check(roster_id: int) -> ResponseReturnValue:
    """Takes the columns as they were mapped, and starts the task that looks through the list."""
    form = request.form
    try:
        with transaction() as session:
            columns = columns_in(form, service.get(session, roster_id).subject)
            wanted = {"deactivate_missing": "deactivate_missing" in form, "first_is_head": "first_is_head" in form}
            service.map_columns(session, roster_id, columns, **wanted)
            task = service.start_check(session, roster_id, actor=current_actor(), now=utc_now())
    except Invalid as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", roster_id=roster_id), 303)
    except RosterBusy as error:
        return _to_task(error.fields["task_id"])
    return _started(task.id)


@pages.post("/students/imports/<int:roster_id>/import")
@require(RosterPermission.IMPORT)
def start_import(roster_id: int) -> ResponseReturnValue:
    """Starts the task that changes what the list changes; who comes second is led to the same."""
    try:
        with transaction() as session:
            task = service.start_import(session, roster_id, actor=current_actor(), now=utc_now())
    except RosterBusy as error:
        return _to_task(error.fields["task_id"])
    except RosterUnchecked as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", roster_id=roster_id), 303)
    return _started(task.id)


@pages.get("/students/imports/<int:roster_id>/problems.csv")
@require(RosterPermission.IMPORT)
def problems(roster_id: int) -> Response:
    with reading() as session:
        found = of_report(service.get(session, roster_id).report)
    lines = csv_lines(("line", "name", "problem"), ((each.line, each.name, each.message) for each in found.problems))
    return Response(lines, mimetype="text/csv", headers={"Content-Disposition": "attachment; filename=problems.csv"})


@pages.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    return handle_app_error(TooLarge("The file is larger than 64 MB. Keep only the columns that are needed, or use the command `rtutils`."))


def _started(task_id: int) -> ResponseReturnValue:
    return _to_task(task_id)


def _to_task(task_id: int) -> ResponseReturnValue:
    return redirect(url_for("tasks.show", task_id=task_id), 303)


def _form_page(form: RosterForm, subject: str) -> str:
    with reading() as session:
        latest = service.latest(session, current_actor(), subject)
    return render_template("rosters/import.html", form=form, subject=subject, titles=TITLES[subject], latest=latest)
