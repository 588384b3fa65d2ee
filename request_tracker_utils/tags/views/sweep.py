"""The page of the sweep: which catalogs, what it would tag, and its switch."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags import tagging, untagged
from request_tracker_utils.tags.errors import NotTried
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tasks.service import open_task, start
from request_tracker_utils.web.auth import current_actor, require

pages = Blueprint("tag_sweep", __name__, url_prefix="/admin/asset-tags/sweep")


@pages.get("")
@require(TagPermission.READ)
def show() -> str:
    """How the sweep is set, what its last look found, and what goes on now."""
    catalogs = asset_store().catalogs()
    with reading() as session:
        sweep = untagged.state(session)
        running = open_task(session, untagged.TRY) or open_task(session, tagging.KIND)
    chosen = sweep.catalogs if sweep else []
    gone = [name for name in chosen if name not in catalogs]
    return render_template("tags/sweep.html", sweep=sweep, catalogs=catalogs, chosen=chosen, gone=gone, running=running)


@pages.post("/try")
@require(TagPermission.ADMINISTER)
def try_dry() -> ResponseReturnValue:
    """Looks which assets of the chosen catalogs have no tag, and changes nothing."""
    chosen = request.form.getlist("catalogs")
    if not chosen:
        raise Invalid("Tick at least one catalog.", field="catalogs")
    with transaction() as session:
        sweep = untagged.choose(session, chosen, actor=current_actor(), now=utc_now())
        arguments = {"catalogs": sweep.catalogs}
        title = "Look for assets without a tag"
        task = start(session, untagged.TRY, title=title, arguments=arguments, actor=current_actor(), now=utc_now())
    return redirect(url_for("tasks.show", task_id=task.id), 303)


@pages.post("/switch")
@require(TagPermission.ADMINISTER)
def switch() -> ResponseReturnValue:
    """Has the sweep run by itself from now on, or no more."""
    on = request.form.get("on") == "1"
    with transaction() as session:
        untagged.switch(session, on=on, actor=current_actor(), now=utc_now())
    flash("The sweep is on. It looks every ten minutes, and now." if on else "The sweep is off.", "success")
    return redirect(url_for(".show"), 303)


@pages.post("/run")
@require(TagPermission.ADMINISTER)
def run_once() -> ResponseReturnValue:
    """Tags once what has no tag in the catalogs that were tried, whether the sweep is on or not."""
    with transaction() as session:
        sweep = untagged.state(session)
        if sweep is None or sweep.tried_at is None:
            raise NotTried("Choose catalogs and try the sweep dry first: it then shows which assets it would tag.")
        arguments = {"catalogs": sweep.catalogs}
        title = f"Tag what has no tag in {', '.join(sweep.catalogs)}"
        task = start(session, tagging.KIND, title=title, arguments=arguments, actor=current_actor(), now=utc_now())
    return redirect(url_for("tasks.show", task_id=task.id), 303)
