"""Pages: search for assets, one asset, creating assets one by one, and importing a list of them."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import AssetNotFound
from request_tracker_utils.assets import checks, imports, lists
from request_tracker_utils.assets.creations import count_created, midnight, recent_creations
from request_tracker_utils.assets.current import OwnAssets, creator
from request_tracker_utils.assets.errors import AssetImportDeleted, AssetImportStarted, AssetImportUnchecked
from request_tracker_utils.assets.fields import FIELDS, MAX_LENGTHS, validate
from request_tracker_utils.assets.forms import WITH_DEFAULTS, AssetForm, ImportForm, asset_form, column_choices, import_form
from request_tracker_utils.assets.lists import Listed
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.schemas import ASSET_STORE_ERRORS
from request_tracker_utils.assets.search import AssetQuery, search as search_assets
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.core.keyboard_layouts import other_keyboard_language
from request_tracker_utils.core.scanned_text import clean_serial
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports.current import quota
from request_tracker_utils.imports.errors import ImportQuotaExceeded
from request_tracker_utils.imports.permissions import ImportPermission
from request_tracker_utils.labels import print_history
from request_tracker_utils.labels.current import installed_formats
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.service import qr_address_warnings
from request_tracker_utils.tags import audit, duplicates, lookup, tagging
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.web.access_log import record_list, record_lookup, rt_user
from request_tracker_utils.web.auth import admit, current_actor, require
from request_tracker_utils.web.error_responses import TooLarge, add_error, handle_app_error
from request_tracker_utils.web.paging import requested_page, row_id
from request_tracker_utils.web.registry import registry, settings

IMPORT_PAGE_SIZE = 500
SAMPLE_ROWS = 3
"""Shown where columns are mapped."""
LISTS_SHOWN = 50
COLUMN = "column_"
"""Begins the names of choices of columns, beside the defaults of the same fields."""

pages = Blueprint("assets", __name__)
import_pages = Blueprint("asset_imports", __name__, url_prefix="/assets/import")


@pages.get("/assets")
@require(AssetPermission.READ)
def search() -> str:
    """Search by tag, name, serial number or model, by holder and by catalog."""
    query = AssetQuery(*(request.args.get(name, "").strip()[:200] for name in ("q", "catalog", "holder")))
    if query.holder:
        admit(AssetPermission.HOLDERS)
    page = requested_page()
    own_address = settings().public_address()
    result = search_assets(reading, asset_store(), query, prefix=settings().prefix, page=page, own_address=own_address)
    shown = [*result.page.assets, *([result.exact] if result.exact else [])]
    record_lookup("assets of a holder", rt_user(query.holder))
    record_list("assets and their holders", sum(bool(asset.holders) for asset in shown))
    return render_template(
        "assets/search.html",
        query=query,
        shows_holders=current_actor().may(AssetPermission.HOLDERS),
        found=result.page,
        tags=result.tags,
        exact=result.exact,
        keyboard_problem=other_keyboard_language(query.text, str(result.tag_behind_layout)) if result.tag_behind_layout else "",
        addresses={asset.id: asset_store().page_address(asset.id) for asset in result.page.assets} if asset_store().kind == "rt" else {},
        catalogs=asset_store().catalogs(),
        formats=installed_formats().all(),
    )


@pages.get("/assets/<int:asset_id>")
@require(AssetPermission.OPEN)
def show(asset_id: int) -> ResponseReturnValue:
    """One asset, its tag, and the tag's history. Students are led to the page of their own device; other assets do not exist for them."""
    if not current_actor().may(AssetPermission.READ):
        address = registry().get(OwnAssets).address_of(asset_id)
        if address is None:
            raise AssetNotFound(_("Asset not found"), asset_id=asset_id)
        return redirect(address)
    asset = asset_store().get(asset_id)
    shows_holders = current_actor().may(AssetPermission.HOLDERS)
    for holder in asset.holders if shows_holders else ():
        record_lookup("holder of an asset", rt_user(holder))
    with reading() as session:
        tag = lookup.tag_of_asset(session, asset_id)
        events = audit.history(session, asset_id)
        found = (event for event in reversed(events) if event.action == "duplicate")
        duplicate = next((event for event in found if duplicates.is_news(session, event, now=utc_now())), None)
        label, prints = print_history.label_of_asset(session, asset_id), print_history.prints_of_asset(session, asset_id)
    address = asset_store().page_address(asset_id) if asset_store().kind == "rt" else None
    formats = installed_formats()
    return render_template(
        "assets/asset.html",
        asset=asset,
        shows_holders=shows_holders,
        tag=tag,
        events=events,
        duplicate=duplicate,
        label=label,
        prints=prints,
        address=address,
        formats=formats.by_name,
        default=formats.for_asset(asset),
    )


@pages.post("/assets/<int:asset_id>/tag")
@require(TagPermission.ASSIGN)
def assign_tag(asset_id: int) -> ResponseReturnValue:
    """Assigns the next tag to an asset without one."""
    asset = asset_store().get(asset_id)
    tag = tagging.tag_asset(transaction, asset_store(), asset, prefix=settings().prefix, actor=current_actor(), now=utc_now())
    flash(_("Tag %(tag)s assigned. Print its label.", tag=tag.tag), "success")
    return redirect(url_for(".show", asset_id=asset_id), 303)


@pages.get("/assets/create")
@require(AssetPermission.CREATE)
def create() -> str:
    """The form, and recent creations."""
    return _creation_page(asset_form())


@pages.post("/assets/new")
@require(AssetPermission.CREATE)
def add() -> ResponseReturnValue:
    """The form as posted by a browser without JavaScript."""
    form = asset_form()
    if not form.validate_on_submit():
        return _creation_page(form), 400
    try:
        values = {field: form[field].data or "" for field in FIELDS}
        created = creator().create(validate({**values, "serial_number": clean_serial(values["serial_number"].strip())}))
    except AppError as error:
        add_error(form, error)
        return _creation_page(form), error.status
    flash(_("Asset %(tag)s created. Print its label.", tag=created.tag), "success")
    return redirect(url_for("assets.show", asset_id=created.asset_id), 303)


@import_pages.get("")
@require(AssetPermission.CREATE)
def new_import() -> str:
    """The form; `again` is an import whose list fills it."""
    again = request.args.get("again", type=int)
    with reading() as session:
        earlier = imports.get(session, again, reader=current_actor()) if again is not None else None
    return _import_form_page(import_form(earlier))


@import_pages.post("")
@require(AssetPermission.CREATE)
def add_import() -> ResponseReturnValue:
    """Stores the mapped columns of the list and checks them. If they are to be chosen, nothing is stored: the page that asks for them has
    the list."""
    form = import_form()
    if not form.validate_on_submit():
        return _import_form_page(form), 400
    try:
        defaults = form.defaults()
        source, text = form.text()
        listed = form.listed(text)
    except Invalid as error:
        add_error(form, error)
        return _import_form_page(form), error.status
    sent = request.form
    if "chosen" in sent:
        columns = listed.columns
        try:
            columns = column_choices(sent, COLUMN)
            listed = lists.with_columns(listed, columns, first_row_is_header="first_row_is_header" in sent)
        except Invalid as error:
            add_error(form, error)
            return _choose_columns_page(form, source, text, listed, columns), error.status
    elif "choose" in sent or not listed.has_serials:
        suggested = {field: number for field, number in listed.columns.items() if field != lists.SERIAL_NUMBER or listed.has_serials}
        return _choose_columns_page(form, source, text, listed, suggested)
    try:
        with transaction() as session:
            stored = imports.store(session, listed, source=source, defaults=defaults, actor=current_actor(), now=utc_now(), quota=quota())
    except ImportQuotaExceeded as error:
        add_error(form, error)
        return _import_form_page(form), error.status
    for remark in lists.remarks(listed):
        flash(remark, "warning")
    return _check_and_show(stored.id)


@import_pages.get("/<int:import_id>")
@require(AssetPermission.CREATE)
def show_import(import_id: int) -> str:
    """The import's rows, those with problems first."""
    page = requested_page()
    with reading() as session:
        asset_import = imports.get(session, import_id, reader=current_actor())
        task = tasks.get(session, asset_import.task_id) if asset_import.task_id else None
    shared = checks.shared_problems(imports.row_checks(asset_import))
    rows = sorted(
        imports.row_checks(asset_import), key=lambda row: (row.is_valid, row.is_likely_duplicate, len(row.problems) <= len(shared))
    )
    valid, likely_duplicates = sum(row.is_valid for row in rows), sum(row.is_likely_duplicate for row in rows)
    return render_template(
        "assets/import.html",
        asset_import=asset_import,
        task=task,
        rows=rows[(page - 1) * IMPORT_PAGE_SIZE : page * IMPORT_PAGE_SIZE],
        shared=shared,
        page=page,
        more=len(rows) > page * IMPORT_PAGE_SIZE,
        valid=valid,
        invalid=len(rows) - valid - likely_duplicates,
        likely_duplicates=likely_duplicates,
        fields=FIELDS,
        sample=asset_import.rows[:SAMPLE_ROWS],
        width=len(asset_import.columns),
    )


@import_pages.post("/<int:import_id>/check")
@require(AssetPermission.CREATE)
def check_import(import_id: int) -> ResponseReturnValue:
    """Checks the import again."""
    _require_own(import_id)
    return _check_and_show(import_id)


@import_pages.post("/<int:import_id>/columns")
@require(AssetPermission.CREATE)
def map_columns(import_id: int) -> ResponseReturnValue:
    """Sets the column of each field, deletes the others, and checks the import again."""
    _require_own(import_id)
    try:
        columns = column_choices(request.form)
        with transaction() as session:
            imports.map_columns(session, import_id, columns)
    except (AssetImportDeleted, Invalid) as error:
        flash(error.message, "danger")
        return redirect(url_for(".show_import", import_id=import_id), 303)
    except AssetImportStarted as error:
        return _to_task(error)
    return _check_and_show(import_id)


@import_pages.post("/<int:import_id>/create")
@require(AssetPermission.CREATE)
def start_import(import_id: int) -> ResponseReturnValue:
    """Starts the task that creates the valid rows, and redirects to it. Later requests redirect to the same task."""
    _require_own(import_id)
    try:
        with transaction() as session:
            decided = "with_likely_duplicates" in request.form
            task = imports.start(session, import_id, actor=current_actor(), now=utc_now(), with_likely_duplicates=decided)
    except AssetImportStarted as error:
        return _to_task(error)
    except (AssetImportDeleted, AssetImportUnchecked, Invalid) as error:
        flash(error.message, "danger")
        return redirect(url_for(".show_import", import_id=import_id), 303)
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@import_pages.post("/<int:import_id>/delete")
@require(AssetPermission.CREATE)
def discard_import(import_id: int) -> ResponseReturnValue:
    """Deletes a list, or the rows of one whose task has ended."""
    try:
        with transaction() as session:
            name = imports.name_of(imports.get(session, import_id, reader=current_actor()))
            imports.discard(session, import_id)
        flash(_("%(file)s was deleted.", file=name), "success")
    except AssetImportStarted as error:
        flash(error.message, "danger")
    return redirect(url_for(".all_imports"), 303)


@import_pages.get("/lists")
@require(AssetPermission.CREATE)
def all_imports() -> str:
    """The person's lists; for administrators, everybody's."""
    before, actor = request.args.get("before", type=row_id), current_actor()
    with reading() as session:
        found = imports.newest(session, reader=actor, before=before, limit=LISTS_SHOWN + 1)
        size = quota().used(session, actor)
    return render_template(
        "assets/imports.html",
        imports=found[:LISTS_SHOWN],
        more=len(found) > LISTS_SHOWN,
        before=before,
        size=size,
        quota=quota(),
        of_all=actor.may(ImportPermission.MANAGE_ALL),
    )


@import_pages.errorhandler(RequestEntityTooLarge)
def import_too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    return handle_app_error(TooLarge(_("The list is larger than 1 MB. Remove the columns that are not needed, or split it.")))


def _creation_page(form: AssetForm) -> str:
    actor = current_actor()
    since = midnight(utc_now(), settings().zone)
    with reading() as session:
        rows, count = recent_creations(session, actor, since), count_created(session, actor, since)
    return render_template(
        "assets/create.html",
        form=form,
        max_lengths=MAX_LENGTHS,
        rows=rows,
        count=count,
        formats=installed_formats().all(),
        may_print=actor.may(LabelPermission.PRINT),
        warnings=qr_address_warnings(asset_store()),
    )


def _require_own(import_id: int) -> None:
    """Raises AssetImportNotFound for an import of another person, unless the caller administers all."""
    with reading() as session:
        imports.get(session, import_id, reader=current_actor())


def _check_and_show(import_id: int) -> ResponseReturnValue:
    """Checks the import and redirects to it. If the asset store does not answer, the import stays unchecked."""
    try:
        imports.check(transaction, reading, asset_store(), import_id, now=utc_now())
    except ASSET_STORE_ERRORS as error:
        flash(_("The list is saved, but it could not be checked. %(problem)s", problem=error.message), "warning")
    except AssetImportDeleted as error:
        flash(error.message, "danger")
    except AssetImportStarted as error:
        return _to_task(error)
    return redirect(url_for(".show_import", import_id=import_id), 303)


def _to_task(error: AssetImportStarted) -> ResponseReturnValue:
    return redirect(url_for("tasks.show", task_id=error.fields["task_id"]), 303)


def _import_form_page(form: ImportForm) -> str:
    with reading() as session:
        recent = imports.recent(session, current_actor())
    chooses = "choose" in request.values
    return render_template("assets/import-new.html", form=form, recent=recent, max_rows=lists.MAX_ROWS, chooses=chooses)


def _choose_columns_page(form: ImportForm, source: str, text: str, listed: Listed, columns: Mapping[str, int]) -> str:
    """Asks for the columns. The page has the whole list, which is stored nowhere, and sends it back with them."""
    return render_template(
        "assets/import-columns.html",
        form=form,
        source=source,
        text=text,
        listed=listed,
        columns=columns,
        sample=listed.rows[:SAMPLE_ROWS],
        prefix=COLUMN,
        with_defaults=WITH_DEFAULTS,
    )
