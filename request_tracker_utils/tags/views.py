"""Pages: sequences and prefixes, the webhook, the audit log, assets without a tag, and pending tags."""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Regexp

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.core.keyboard_layouts import other_keyboard_language
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.tags import adoption, audit, legacy_log, lookup, prefixes, sequence, service, tagging, webhook
from request_tracker_utils.tags.models import TagEvent
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.tagging import PREVIEW_SWEEP, TAG_ASSETS
from request_tracker_utils.tasks.service import open_task, start
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import row_id
from request_tracker_utils.web.registry import settings

MAX_LISTED = 500
"""Assets that the page lists. Search finds the others."""
YEARS = range(1970, 9000)

pages = Blueprint("asset_tags", __name__, url_prefix="/admin/asset-tags")
sweep_pages = Blueprint("tag_sweep", __name__, url_prefix="/admin/asset-tags/sweep")
untagged_pages = Blueprint("untagged", __name__, url_prefix="/tags/untagged")
pending_pages = Blueprint("pending_tags", __name__, url_prefix="/tags/pending")
webhook_pages = Blueprint("webhook_page", __name__)


class ResetForm(FlaskForm):  # type: ignore[misc]
    """`expected` is the sequence's next number when the form was loaded."""

    expected = HiddenField(validators=[Regexp(r"[0-9]{1,10}\Z", message=lazy_gettext("Reload the page and try again."))])
    start_number = IntegerField(lazy_gettext("Next number"), [InputRequired(lazy_gettext("Enter a whole number."))])
    reason = StringField(lazy_gettext("Reason"), [DataRequired(lazy_gettext("Enter a reason for the audit log.")), Length(max=200)])


class PrefixForm(FlaskForm):  # type: ignore[misc]
    prefix = StringField(
        lazy_gettext("Prefix"),
        [InputRequired(lazy_gettext("Enter a prefix, such as LAB-."))],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "maxlength": 16},
    )


class CatalogForm(FlaskForm):  # type: ignore[misc]
    catalog = SelectField(lazy_gettext("Catalog"))
    of_prefix = SelectField(lazy_gettext("Prefix for its new assets"))


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
    flash(
        _("The prefix %(prefix)s was added. It is ready once the existing tags are imported, which takes about a minute.", prefix=prefix),
        "success",
    )
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


@pages.get("/audit")
@require(TagPermission.READ)
def audit_log() -> ResponseReturnValue:
    """Who changed which tag, newest first."""
    before, problem = request.args.get("before", type=row_id), ""
    found: list[TagEvent] = []
    try:
        with reading() as session:
            found = audit.newest(session, audit.search(session, _filter()), before=before, limit=audit.PAGE + 1)
    except Invalid as error:
        problem = error.message
    page = render_template(
        "tags/audit.html",
        events=found[: audit.PAGE],
        more=len(found) > audit.PAGE,
        filters={name: request.args.get(name, "").strip()[:500] for name in ("q", "action", "from", "until")},
        before=before,
        problem=problem,
        actions=audit.ACTIONS,
    )
    return page, 400 if problem else 200


@pages.get("/audit.csv")
@require(TagPermission.READ)
def export_audit_log() -> Response:
    """All entries that match the same filters."""
    return csv_response("asset-tags", audit.EXPORT_COLUMNS, _export_rows(_filter()), what="audit log of tags")


@untagged_pages.get("")
@require(TagPermission.ASSIGN)
def choose() -> str:
    """Assets in a catalog without a tag, with checkboxes."""
    text, catalogs = request.args.get("q", "").strip()[:200], asset_store().catalogs()
    catalog = request.args.get("catalog", "")
    if catalog not in catalogs:
        catalog = settings().rt_catalog if settings().rt_catalog in catalogs else next(iter(catalogs), "")
    query = {"catalog": catalog, "text": text, "own_address": settings().public_address()}
    found = tagging.search_untagged(reading, asset_store(), **query, most=MAX_LISTED + 1) if catalog else []
    tag_behind_layout = None
    if text and not found:
        with reading() as session:
            tag_behind_layout = lookup.tag_behind_layout(session, text)
    return render_template(
        "tags/untagged.html",
        assets=found[:MAX_LISTED],
        more=len(found) > MAX_LISTED,
        text=text,
        keyboard_problem=other_keyboard_language(text, str(tag_behind_layout)) if tag_behind_layout else "",
        catalog=catalog,
        catalogs=catalogs,
    )


@untagged_pages.post("")
@require(TagPermission.ASSIGN)
def tag() -> ResponseReturnValue:
    """Starts the task that tags the selected assets, except those that already have a tag."""
    numbers = [int(text) for text in request.form.getlist("asset_ids") if text.isascii() and text.isdigit() and len(text) <= 10]
    numbers = [number for number in dict.fromkeys(numbers) if 0 < number <= LARGEST_ID]
    if not 0 < len(numbers) <= MAX_LISTED:
        raise Invalid(_("Select at least one asset, and at most %(limit)s.", limit=MAX_LISTED), field="asset_ids")
    assets = [asset for chunk in asset_store().get_many(numbers) for asset in chunk]
    with transaction() as session:
        tagged = lookup.tags_of_assets(session, [asset.id for asset in assets])
        untagged = [asset for asset in assets if asset.id not in tagged]
        if not untagged:
            raise Invalid(_("The selected assets already have tags, or do not exist."), field="asset_ids")
        title = ngettext("Tag %(num)s asset", "Tag %(num)s assets", len(untagged))
        task = tagging.start_tagging(session, untagged, title=title, actor=current_actor(), now=utc_now())
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@sweep_pages.get("", endpoint="show")
@require(TagPermission.READ)
def show_sweep() -> str:
    """The sweep's settings, the result of its last scan, and a task in progress."""
    catalogs = asset_store().catalogs()
    with reading() as session:
        sweep = tagging.sweep_settings(session)
        running = open_task(session, PREVIEW_SWEEP) or open_task(session, TAG_ASSETS)
    selected = sweep.catalogs if sweep else []
    missing = [name for name in selected if name not in catalogs]
    return render_template("tags/sweep.html", sweep=sweep, catalogs=catalogs, selected=selected, missing=missing, running=running)


@sweep_pages.post("/preview")
@require(TagPermission.ADMINISTER)
def preview() -> ResponseReturnValue:
    """Starts the task that finds untagged assets in the selected catalogs, and changes nothing."""
    selected = request.form.getlist("catalogs")
    if not selected:
        raise Invalid(_("Select at least one catalog."), field="catalogs")
    with transaction() as session:
        sweep = tagging.set_sweep_catalogs(session, selected, actor=current_actor(), now=utc_now())
        arguments = {"catalogs": sweep.catalogs}
        title = _("Preview the sweep for untagged assets")
        task = start(session, PREVIEW_SWEEP, title=title, arguments=arguments, actor=current_actor(), now=utc_now())
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@sweep_pages.post("/switch")
@require(TagPermission.ADMINISTER)
def switch() -> ResponseReturnValue:
    """Turns the sweep on or off."""
    on = request.form.get("on") == "1"
    with transaction() as session:
        tagging.turn_sweep(session, on=on, actor=current_actor(), now=utc_now())
    flash(_("The sweep is on. It runs now and every ten minutes.") if on else _("The sweep is off."), "success")
    return redirect(url_for(".show"), 303)


@sweep_pages.post("/run")
@require(TagPermission.ADMINISTER)
def run_once() -> ResponseReturnValue:
    """Starts the task that tags the untagged assets in the previewed catalogs, even if the sweep is off."""
    with transaction() as session:
        sweep = tagging.previewed_sweep(session)
        arguments = {"catalogs": sweep.catalogs}
        title = _("Tag the untagged assets in %(catalogs)s", catalogs=", ".join(sweep.catalogs))
        task = start(session, TAG_ASSETS, title=title, arguments=arguments, actor=current_actor(), now=utc_now())
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@pending_pages.get("")
@require(TagPermission.READ)
def list_pending() -> str:
    """Tags that Request Tracker has not confirmed, with the problem of each."""
    with reading() as session:
        return render_template("tags/pending.html", tags=lookup.pending_tags(session))


@pending_pages.post("/<tag>/retry")
@require(TagPermission.ASSIGN)
def retry(tag: str) -> ResponseReturnValue:
    """Retries the confirmation of the tag now."""
    with transaction() as session:
        service.retry_confirmation(session, tag, now=utc_now())
    flash(_("Retrying %(tag)s. Reload the page in a few seconds to see the result.", tag=tag), "success")
    return redirect(url_for(".list_pending"), 303)


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
                for record in adoption.log_imports(session)
            ],
            prefix_form=sent if isinstance(sent, PrefixForm) else PrefixForm(formdata=None),
            catalog_form=catalog_form,
        )


def _filter() -> audit.AuditFilter:
    """Raises Invalid for an invalid date."""
    since, until = _midnight("from"), _midnight("until")
    text = request.args.get("q", "").strip()[:500].replace("\0", "")
    return audit.AuditFilter(text, request.args.get("action", "").replace("\0", ""), since, until + timedelta(days=1) if until else None)


def _midnight(field: str) -> datetime | None:
    """The start of the day in the query string, in the installation's zone."""
    text = request.args.get(field, "").strip()
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 — the zone follows
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise Invalid(_("“%(text)s” is not a date. Enter a date such as 2026-01-31.", text=text[:40]), field=field)
    return datetime.combine(day, time.min, settings().zone)


def _export_rows(filter_: audit.AuditFilter) -> Iterator[Iterable[object]]:
    zone = settings().zone
    with reading() as session:
        for event in audit.stream(session, audit.search(session, filter_)):
            yield audit.export_row(event, zone)
