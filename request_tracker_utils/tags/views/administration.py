"""The page of asset tags: how each sequence stands, setting it, new prefixes, prefixes of catalogs."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.tags import older_log, older_report, overview, prefixes, sequence
from request_tracker_utils.tags.forms import CatalogForm, PrefixForm, ResetForm
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.reset import reset
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.forms import add_error

pages = Blueprint("asset_tags", __name__, url_prefix="/admin/asset-tags")


@pages.get("")
@require(TagPermission.READ)
def show() -> str:
    """Every sequence, the prefixes of catalogs, and what was taken over from an older installation."""
    return _page()


@pages.route("/reset/<prefix>", methods=["GET", "POST"])
@require(TagPermission.ADMINISTER)
def reset_sequence(prefix: str) -> ResponseReturnValue:
    """Has a sequence go on with another number."""
    form, status = ResetForm(), 200
    if form.validate_on_submit():
        wanted = {"number": form.start_number.data, "reason": form.reason.data.strip(), "seen": int(form.seen.data)}
        try:
            with transaction() as session:
                done = reset(session, prefix, **wanted, actor=current_actor(), now=utc_now())
            flash(done.message, "success")
            return redirect(url_for(".show"), 303)
        except AppError as error:
            add_error(form, error)
            status = error.status
    with reading() as session:
        state = overview.sequence_of(session, prefix)
    form.seen.data = str(state.next_number)  # whoever was told what happened meanwhile decides anew, by what is so now
    return render_template("tags/reset.html", form=form, state=state), status if status != 200 or not form.errors else 400


@pages.post("/prefixes")
@require(TagPermission.ADMINISTER)
def add_prefix() -> ResponseReturnValue:
    """Makes a prefix; its sequence opens as soon as the directory's names are read."""
    form = PrefixForm()
    if not form.validate_on_submit():
        return _page(form), 400
    try:
        with transaction() as session:
            prefixes.add(session, form.prefix.data, actor=current_actor(), now=utc_now())
    except AppError as error:
        add_error(form, error)
        return _page(form), error.status
    flash(
        f"The prefix {form.prefix.data} is made. It gives tags as soon as the directory’s names are read, in a minute at most.", "success"
    )
    return redirect(url_for(".show"), 303)


@pages.post("/catalogs")
@require(TagPermission.ADMINISTER)
def map_catalog() -> ResponseReturnValue:
    """Gives a catalog a prefix of its own."""
    form = CatalogForm()
    _offer(form, asset_store().catalogs())
    if not form.validate_on_submit():
        return _page(form), 400
    catalog, prefix = form.catalog.data, form.of_prefix.data
    with transaction() as session:
        prefixes.map_catalog(session, catalog, prefix, actor=current_actor(), now=utc_now())
    flash(f"New assets in {catalog} get {prefix} tags from now on.", "success")
    return redirect(url_for(".show"), 303)


@pages.post("/catalogs/remove")
@require(TagPermission.ADMINISTER)
def unmap_catalog() -> ResponseReturnValue:
    """Takes a catalog's own prefix away."""
    catalog = request.form.get("catalog", "").replace("\0", "")
    with transaction() as session:
        prefixes.unmap_catalog(session, catalog, actor=current_actor(), now=utc_now())
    flash(f"{catalog[:60]} has no prefix of its own any more.", "success")
    return redirect(url_for(".show"), 303)


def _offer(form: CatalogForm, catalogs: list[str]) -> None:
    with reading() as session:
        form.of_prefix.choices = sequence.prefixes(session)
    form.catalog.choices = [name for name in catalogs if len(name) <= prefixes.LONGEST_CATALOG]


def _page(sent: FlaskForm | None = None) -> str:
    """`sent` is the form that somebody sent, with what is wrong with it."""
    try:
        catalogs, problem = asset_store().catalogs(), ""
    except AppError as error:
        catalogs, problem = [], error.message
    catalog_form = sent if isinstance(sent, CatalogForm) else CatalogForm(formdata=None)
    _offer(catalog_form, catalogs)
    with reading() as session:
        return render_template(
            "tags/administration.html",
            sequences=overview.sequences(session),
            mapped=prefixes.of_catalogs(session),
            catalogs=catalogs,
            problem=problem,
            records=[
                (record, older_report.sentences(record.report), older_report.named_lines(record.report))
                for record in older_log.records(session)
            ],
            prefix_form=sent if isinstance(sent, PrefixForm) else PrefixForm(formdata=None),
            catalog_form=catalog_form,
        )
