"""The pages of an import: a list is uploaded, everything that is wrong with it is shown, and a task creates the rest."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import imports, lists
from request_tracker_utils.assets.errors import AssetImportStarted, AssetImportUnchecked
from request_tracker_utils.assets.fields import FIELDS
from request_tracker_utils.assets.forms import ImportForm, column_choices, import_form
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.schemas import ASSET_STORE_ERRORS
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import TooLarge, add_error, handle_app_error

PAGE_SIZE = 500
SAMPLE_ROWS = 3
"""Shown where columns are mapped."""

pages = Blueprint("asset_imports", __name__, url_prefix="/assets/import")


@pages.get("")
@require(AssetPermission.CREATE)
def new() -> str:
    """The form; `again` is an import whose list fills it."""
    again = request.args.get("again", type=int)
    with reading() as session:
        earlier = imports.get(session, again) if again is not None else None
    return _form_page(import_form(earlier))


@pages.post("")
@require(AssetPermission.CREATE)
def add() -> ResponseReturnValue:
    """Stores the list and checks it."""
    form = import_form()
    if not form.validate_on_submit():
        return _form_page(form), 400
    try:
        defaults = form.defaults()
        source, listed = form.listed()
    except Invalid as error:
        add_error(form, error)
        return _form_page(form), error.status
    with transaction() as session:
        stored = imports.store(session, listed, source=source, defaults=defaults, actor=current_actor(), now=utc_now())
    return _checked(stored.id)


@pages.get("/<int:import_id>")
@require(AssetPermission.CREATE)
def show(import_id: int) -> str:
    """The import's rows, those with problems first."""
    page = min(max(1, request.args.get("page", 1, type=int)), lists.MAX_ROWS // PAGE_SIZE)
    with reading() as session:
        asset_import = imports.get(session, import_id)
        task = tasks.get(session, asset_import.task_id) if asset_import.task_id else None
    rows = sorted(imports.row_checks(asset_import), key=lambda row: not row.problems)
    valid = sum(not row.problems for row in rows)
    return render_template(
        "assets/import.html",
        asset_import=asset_import,
        task=task,
        rows=rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        page=page,
        more=len(rows) > page * PAGE_SIZE,
        valid=valid,
        invalid=len(rows) - valid,
        fields=FIELDS,
        sample=asset_import.rows[:SAMPLE_ROWS],
        width=max(map(len, [asset_import.head, *asset_import.rows])),
    )


@pages.post("/<int:import_id>/check")
@require(AssetPermission.CREATE)
def check(import_id: int) -> ResponseReturnValue:
    """Checks the import again."""
    return _checked(import_id)


@pages.post("/<int:import_id>/columns")
@require(AssetPermission.CREATE)
def map_columns(import_id: int) -> ResponseReturnValue:
    """Sets the column of each field, and checks the import again."""
    try:
        columns = column_choices(request.form)
        with transaction() as session:
            imports.map_columns(session, import_id, columns, first_row_is_header="first_row_is_header" in request.form)
    except Invalid as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", import_id=import_id), 303)
    except AssetImportStarted as error:
        return _to_task(error)
    return _checked(import_id)


@pages.post("/<int:import_id>/create")
@require(AssetPermission.CREATE)
def create(import_id: int) -> ResponseReturnValue:
    """Starts the task that creates the valid rows, and redirects to it; so does every later request."""
    try:
        with transaction() as session:
            task = imports.start(session, import_id, actor=current_actor(), now=utc_now())
    except AssetImportStarted as error:
        return _to_task(error)
    except (AssetImportUnchecked, Invalid) as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", import_id=import_id), 303)
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@pages.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    return handle_app_error(TooLarge(_("The list is larger than 1 MB. Remove the columns that are not needed, or split it.")))


def _checked(import_id: int) -> ResponseReturnValue:
    """Checks the import and redirects to it. If the asset store does not answer, the import stays unchecked."""
    try:
        imports.check(transaction, reading, asset_store(), import_id, now=utc_now())
    except ASSET_STORE_ERRORS as error:
        flash(_("The list is saved, but it could not be checked. %(problem)s", problem=error.message), "warning")
    except AssetImportStarted as error:
        return _to_task(error)
    return redirect(url_for(".show", import_id=import_id), 303)


def _to_task(error: AssetImportStarted) -> ResponseReturnValue:
    return redirect(url_for("tasks.show", task_id=error.fields["task_id"]), 303)


def _form_page(form: ImportForm) -> str:
    with reading() as session:
        recent = imports.recent(session, current_actor())
    return render_template("assets/import-new.html", form=form, recent=recent, max_rows=lists.MAX_ROWS)
