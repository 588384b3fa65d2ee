"""The pages of a cart at once: a list comes in, everything that stands against it is shown, and a task creates the rest."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import intakes, lists
from request_tracker_utils.assets.errors import IntakeStarted
from request_tracker_utils.assets.fields import FIELDS
from request_tracker_utils.assets.forms import IntakeForm, columns_in, intake_form
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.schemas.contract import OF_DIRECTORY
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_handlers import handle_app_error
from request_tracker_utils.web.error_responses import TooLarge
from request_tracker_utils.web.forms import add_error

PAGE = 500
SAMPLE = 3
"""Rows that are shown where columns are mapped."""

pages = Blueprint("intake", __name__, url_prefix="/assets/intake")


@pages.get("")
@require(AssetPermission.CREATE)
def new() -> str:
    """The form; `again` names a list with which it is filled in."""
    again = request.args.get("again", type=int)
    with reading() as session:
        earlier = intakes.get(session, again) if again is not None else None
    return _form_page(intake_form(earlier))


@pages.post("")
@require(AssetPermission.CREATE)
def add() -> ResponseReturnValue:
    """Reads the list, keeps it and checks it."""
    form = intake_form()
    if not form.validate_on_submit():
        return _form_page(form), 400
    try:
        defaults = form.held()
        source, listed = form.listed()
    except Invalid as error:
        add_error(form, error)
        return _form_page(form), error.status
    with transaction() as session:
        added = intakes.add(session, listed, source=source, defaults=defaults, actor=current_actor(), now=utc_now())
    return _checked(added.id)


@pages.get("/<int:intake_id>")
@require(AssetPermission.CREATE)
def show(intake_id: int) -> str:
    """Everything that stands against the list, problems first."""
    page = min(max(1, request.args.get("page", 1, type=int)), lists.MAX_ROWS // PAGE)
    with reading() as session:
        intake = intakes.get(session, intake_id)
        task = tasks.get(session, intake.task_id) if intake.task_id else None
    found = sorted(intakes.findings(intake), key=lambda finding: not finding.problems)
    good = sum(not finding.problems for finding in found)
    return render_template(
        "assets/intake-list.html",
        intake=intake,
        task=task,
        found=found[(page - 1) * PAGE : page * PAGE],
        page=page,
        more=len(found) > page * PAGE,
        good=good,
        bad=len(found) - good,
        fields=FIELDS,
        sample=intake.rows[:SAMPLE],
        width=max(map(len, [intake.head, *intake.rows])),
    )


@pages.post("/<int:intake_id>/check")
@require(AssetPermission.CREATE)
def check(intake_id: int) -> ResponseReturnValue:
    """Looks again."""
    return _checked(intake_id)


@pages.post("/<int:intake_id>/columns")
@require(AssetPermission.CREATE)
def map_columns(intake_id: int) -> ResponseReturnValue:
    """Says which column is what, and looks again."""
    try:
        columns = columns_in(request.form)
        with transaction() as session:
            intakes.map_columns(session, intake_id, columns, first_is_head="first_is_head" in request.form)
    except Invalid as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", intake_id=intake_id), 303)
    except IntakeStarted as error:
        return _to_task(error)
    return _checked(intake_id)


@pages.post("/<int:intake_id>/create")
@require(AssetPermission.CREATE)
def create(intake_id: int) -> ResponseReturnValue:
    """Starts the task that creates what can be created, and leads to it; who comes second is led to the same."""
    try:
        with transaction() as session:
            task = intakes.start(session, intake_id, actor=current_actor(), now=utc_now())
    except IntakeStarted as error:
        return _to_task(error)
    except (intakes.IntakeUnchecked, Invalid) as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", intake_id=intake_id), 303)
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@pages.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    return handle_app_error(TooLarge("The list is larger than 1 MB. Go back and keep only the columns that are needed, or divide it."))


def _checked(intake_id: int) -> ResponseReturnValue:
    """To the list, after it was checked; it is kept where the directory does not answer."""
    try:
        intakes.check(transaction, reading, asset_store(), intake_id, now=utc_now())
    except OF_DIRECTORY as error:
        flash(f"The list is kept, but could not be checked. {error.message}", "warning")
    except IntakeStarted as error:
        return _to_task(error)
    return redirect(url_for(".show", intake_id=intake_id), 303)


def _to_task(error: IntakeStarted) -> ResponseReturnValue:
    return redirect(url_for("tasks.show", task_id=error.fields["task_id"]), 303)


def _form_page(form: IntakeForm) -> str:
    with reading() as session:
        latest = intakes.latest(session, current_actor())
    return render_template("assets/intake.html", form=form, latest=latest, most_rows=lists.MAX_ROWS)
