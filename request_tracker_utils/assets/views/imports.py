"""The pages of a cart at once: a list comes in, everything that stands against it is shown, and a task creates the rest."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import imports, lists
from request_tracker_utils.assets.errors import AssetImportStarted
from request_tracker_utils.assets.fields import FIELDS
from request_tracker_utils.assets.forms import ImportForm, columns_in, import_form
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.schemas import ASSET_STORE_ERRORS
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

pages = Blueprint("asset_imports", __name__, url_prefix="/assets/import")


@pages.get("")
@require(AssetPermission.CREATE)
def new() -> str:
    """The form; `again` names a list with which it is filled in."""
    again = request.args.get("again", type=int)
    with reading() as session:
        earlier = imports.get(session, again) if again is not None else None
    return _form_page(import_form(earlier))


@pages.post("")
@require(AssetPermission.CREATE)
def add() -> ResponseReturnValue:
    """Reads the list, keeps it and checks it."""
    form = import_form()
    if not form.validate_on_submit():
        return _form_page(form), 400
    try:
        defaults = form.held()
        source, listed = form.listed()
    except Invalid as error:
        add_error(form, error)
        return _form_page(form), error.status
    with transaction() as session:
        added = imports.add(session, listed, source=source, defaults=defaults, actor=current_actor(), now=utc_now())
    return _checked(added.id)


@pages.get("/<int:import_id>")
@require(AssetPermission.CREATE)
def show(import_id: int) -> str:
    """Everything that stands against the list, problems first."""
    page = min(max(1, request.args.get("page", 1, type=int)), lists.MOST_ROWS // PAGE)
    with reading() as session:
        asset_import = imports.get(session, import_id)
        task = tasks.get(session, asset_import.task_id) if asset_import.task_id else None
    found = sorted(imports.findings(asset_import), key=lambda finding: not finding.problems)
    good = sum(not finding.problems for finding in found)
    return render_template(
        "assets/import.html",
        asset_import=asset_import,
        task=task,
        found=found[(page - 1) * PAGE : page * PAGE],
        page=page,
        more=len(found) > page * PAGE,
        good=good,
        bad=len(found) - good,
        fields=FIELDS,
        sample=asset_import.rows[:SAMPLE],
        width=max(map(len, [asset_import.head, *asset_import.rows])),
    )


@pages.post("/<int:import_id>/check")
@require(AssetPermission.CREATE)
def check(import_id: int) -> ResponseReturnValue:
    """Looks again."""
    return _checked(import_id)


@pages.post("/<int:import_id>/columns")
@require(AssetPermission.CREATE)
def map_columns(import_id: int) -> ResponseReturnValue:
    """Says which column is what, and looks again."""
    try:
        columns = columns_in(request.form)
        with transaction() as session:
            imports.map_columns(session, import_id, columns, first_is_head="first_is_head" in request.form)
    except Invalid as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", import_id=import_id), 303)
    except AssetImportStarted as error:
        return _to_task(error)
    return _checked(import_id)


@pages.post("/<int:import_id>/create")
@require(AssetPermission.CREATE)
def create(import_id: int) -> ResponseReturnValue:
    """Starts the task that creates what can be created, and leads to it; who comes second is led to the same."""
    try:
        with transaction() as session:
            task = imports.start(session, import_id, actor=current_actor(), now=utc_now())
    except AssetImportStarted as error:
        return _to_task(error)
    except (imports.AssetImportUnchecked, Invalid) as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", import_id=import_id), 303)
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@pages.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    return handle_app_error(TooLarge("The list is larger than 1 MB. Go back and keep only the columns that are needed, or divide it."))


def _checked(import_id: int) -> ResponseReturnValue:
    """To the list, after it was checked; it is kept where the directory does not answer."""
    try:
        imports.check(transaction, reading, asset_store(), import_id, now=utc_now())
    except ASSET_STORE_ERRORS as error:
        flash(f"The list is kept, but could not be checked. {error.message}", "warning")
    except AssetImportStarted as error:
        return _to_task(error)
    return redirect(url_for(".show", import_id=import_id), 303)


def _to_task(error: AssetImportStarted) -> ResponseReturnValue:
    return redirect(url_for("tasks.show", task_id=error.fields["task_id"]), 303)


def _form_page(form: ImportForm) -> str:
    with reading() as session:
        latest = imports.latest(session, current_actor())
    return render_template("assets/import-new.html", form=form, latest=latest, most_rows=lists.MOST_ROWS)
