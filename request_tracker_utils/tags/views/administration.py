"""Pages for administrators: sequences and their prefixes, the prefixes of catalogs, and the webhook."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import legacy_log, legacy_tags, prefixes, sequence, webhook
from request_tracker_utils.tags.forms import CatalogForm, PrefixForm, ResetForm
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.registry import settings

pages = Blueprint("asset_tags", __name__, url_prefix="/admin/asset-tags")
webhook_pages = Blueprint("webhook_page", __name__)


@pages.get("")
@require(TagPermission.READ)
def show() -> str:
    """The sequences, the prefixes of catalogs, and the imports of legacy logs."""
    return _page()


@pages.route("/reset/<prefix>", methods=["GET", "POST"])
@require(TagPermission.ADMINISTER)
def reset_sequence(prefix: str) -> ResponseReturnValue:
    """Continues a sequence at another number."""
    form, status = ResetForm(), 200
    if form.validate_on_submit():
        change = {"number": form.start_number.data, "reason": form.reason.data.strip(), "expected": int(form.expected.data)}
        try:
            with transaction() as session:
                result = sequence.reset(session, prefix, **change, actor=current_actor(), now=utc_now())
            flash(result.message, "success")
            return redirect(url_for(".show"), 303)
        except AppError as error:
            add_error(form, error)
            status = error.status
    with reading() as session:
        summary = prefixes.summary(session, prefix)
    form.expected.data = str(summary.next_number)  # after a conflict, the person decides again with the current number
    return render_template("tags/reset.html", form=form, summary=summary), status if status != 200 or not form.errors else 400


@pages.post("/prefixes")
@require(TagPermission.ADMINISTER)
def add_prefix() -> ResponseReturnValue:
    """Adds a prefix. Its sequence is ready once the existing tags are imported."""
    form = PrefixForm()
    if not form.validate_on_submit():
        return _page(form), 400
    try:
        with transaction() as session:
            prefixes.create(session, form.prefix.data, actor=current_actor(), now=utc_now())
    except AppError as error:
        add_error(form, error)
        return _page(form), error.status
    prefix = form.prefix.data
    flash(_("The prefix %(prefix)s was added. It is ready once the existing tags are imported, within a minute.", prefix=prefix), "success")
    return redirect(url_for(".show"), 303)


@pages.post("/catalogs")
@require(TagPermission.ADMINISTER)
def set_catalog_prefix() -> ResponseReturnValue:
    """Sets the prefix for new assets in a catalog."""
    form = CatalogForm()
    _set_choices(form, asset_store().catalogs())
    if not form.validate_on_submit():
        return _page(form), 400
    catalog, prefix = form.catalog.data, form.of_prefix.data
    with transaction() as session:
        prefixes.set_for_catalog(session, catalog, prefix, actor=current_actor(), now=utc_now())
    flash(_("New assets in %(catalog)s now get %(prefix)s tags.", catalog=catalog, prefix=prefix), "success")
    return redirect(url_for(".show"), 303)


@pages.post("/catalogs/remove")
@require(TagPermission.ADMINISTER)
def remove_catalog_prefix() -> ResponseReturnValue:
    """Uses PREFIX for new assets in a catalog again."""
    catalog = request.form.get("catalog", "").replace("\0", "")
    with transaction() as session:
        prefixes.remove_for_catalog(session, catalog, actor=current_actor(), now=utc_now())
    flash(_("%(catalog)s uses the default prefix again.", catalog=catalog[:60]), "success")
    return redirect(url_for(".show"), 303)


@webhook_pages.get("/webhook", endpoint="show")
@require(TagPermission.WEBHOOK, by_token=False)
def show_webhook() -> str:
    """The webhook's address and secret, and the snippets for Request Tracker."""
    address = f"{settings().public_address()}/webhook/asset-created"
    with reading() as session:
        secret = webhook.secret(session, settings())
    return render_template("tags/webhook.html", address=address, secret=secret, snippets=webhook.snippets(address, secret))


def _set_choices(form: CatalogForm, catalogs: list[str]) -> None:
    with reading() as session:
        form.of_prefix.choices = sequence.prefixes(session)
    form.catalog.choices = [name for name in catalogs if len(name) <= prefixes.LONGEST_CATALOG]


def _page(sent: FlaskForm | None = None) -> str:
    """`sent` is a submitted form with errors."""
    try:
        catalogs, problem = asset_store().catalogs(), ""
    except AppError as error:
        catalogs, problem = [], error.message
    catalog_form = sent if isinstance(sent, CatalogForm) else CatalogForm(formdata=None)
    _set_choices(catalog_form, catalogs)
    with reading() as session:
        return render_template(
            "tags/administration.html",
            sequences=prefixes.summaries(session),
            catalog_prefixes=prefixes.catalog_prefixes(session),
            catalogs=catalogs,
            problem=problem,
            log_imports=[
                (record, legacy_log.summary(record.report), legacy_log.problem_lines(record.report))
                for record in legacy_tags.log_imports(session)
            ],
            prefix_form=sent if isinstance(sent, PrefixForm) else PrefixForm(formdata=None),
            catalog_form=catalog_form,
        )
