"""Pages on which assets without a tag are selected, the sweep is set up, and pending tags are retried."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.tags import lookup, service, tagging
from request_tracker_utils.tags.names import PREVIEW_SWEEP, TAG_ASSETS
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tasks.service import open_task, start
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.registry import settings

MAX_LISTED = 500
"""Assets that the page lists. Search finds the others."""

pages = Blueprint("untagged", __name__, url_prefix="/tags/untagged")
sweep_pages = Blueprint("tag_sweep", __name__, url_prefix="/admin/asset-tags/sweep")
pending_pages = Blueprint("pending_tags", __name__, url_prefix="/tags/pending")


@pages.get("")
@require(TagPermission.ASSIGN)
def choose() -> str:
    """Assets in a catalog without a tag, with checkboxes."""
    text, catalogs = request.args.get("q", "").strip()[:200], asset_store().catalogs()
    catalog = request.args.get("catalog", "")
    if catalog not in catalogs:
        catalog = settings().rt_catalog if settings().rt_catalog in catalogs else next(iter(catalogs), "")
    chunks = tagging.find_untagged(reading, asset_store(), catalogs=[catalog], text=text)
    found = tagging.take(chunks, MAX_LISTED + 1) if catalog else []
    more = len(found) > MAX_LISTED
    return render_template("tags/untagged.html", assets=found[:MAX_LISTED], more=more, text=text, catalog=catalog, catalogs=catalogs)


@pages.post("")
@require(TagPermission.ASSIGN)
def tag() -> ResponseReturnValue:
    """Starts the task that tags the selected assets, except those that have a tag by now."""
    numbers = [int(text) for text in request.form.getlist("asset_ids") if text.isascii() and text.isdigit() and len(text) <= 10]
    numbers = [number for number in dict.fromkeys(numbers) if 0 < number <= LARGEST_ID]
    if not 0 < len(numbers) <= MAX_LISTED:
        raise Invalid(_("Select at least one asset, and at most %(limit)s.", limit=MAX_LISTED), field="asset_ids")
    assets = [asset for chunk in asset_store().get_many(numbers) for asset in chunk]
    with transaction() as session:
        tagged = lookup.tags_of_assets(session, [asset.id for asset in assets])
        untagged = [asset for asset in assets if asset.id not in tagged]
        if not untagged:
            raise Invalid(_("The selected assets already have tags, or no longer exist."), field="asset_ids")
        title = ngettext("Tag %(num)s asset", "Tag %(num)s assets", len(untagged))
        task = tagging.start_tagging(session, untagged, title=title, actor=current_actor(), now=utc_now())
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@sweep_pages.get("")
@require(TagPermission.READ)
def show() -> str:
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
    """Has a job check the tag now."""
    with transaction() as session:
        service.retry_confirmation(session, tag, now=utc_now())
    flash(_("Retrying %(tag)s. Reload the page in a few seconds to see the result.", tag=tag), "success")
    return redirect(url_for(".list_pending"), 303)
