"""The page on which somebody chooses assets without a tag, and has them tagged."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags import service, tagging, untagged
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.registry import settings

SHOWN = 500
"""Assets that the page lists: a search finds the others."""

pages = Blueprint("untagged", __name__, url_prefix="/tags/untagged")


@pages.get("")
@require(TagPermission.ASSIGN)
def choose() -> str:
    """Assets of a catalog that have no tag, to be ticked."""
    text, catalogs = request.args.get("q", "").strip()[:200], asset_store().catalogs()
    catalog = request.args.get("catalog", "")
    if catalog not in catalogs:
        catalog = settings().rt_catalog if settings().rt_catalog in catalogs else next(iter(catalogs), "")
    found = untagged.take(untagged.find(reading, asset_store(), catalogs=[catalog], text=text), SHOWN + 1) if catalog else []
    more = len(found) > SHOWN
    return render_template("tags/untagged.html", assets=found[:SHOWN], more=more, text=text, catalog=catalog, catalogs=catalogs)


@pages.post("")
@require(TagPermission.ASSIGN)
def tag() -> ResponseReturnValue:
    """Starts the task that tags the assets that were ticked; those that have a tag by now are left out."""
    numbers = [int(text) for text in request.form.getlist("asset_ids") if text.isascii() and text.isdigit() and len(text) <= 10]
    numbers = [number for number in dict.fromkeys(numbers) if 0 < number <= LARGEST_ID]
    if not 0 < len(numbers) <= SHOWN:
        raise Invalid(f"Tick at least one asset, and at most {SHOWN} at once.", field="asset_ids")
    assets = [asset for chunk in asset_store().get_many(numbers) for asset in chunk]
    with transaction() as session:
        known = service.tags_of_assets(session, [asset.id for asset in assets])
        wanting = [asset for asset in assets if asset.id not in known]
        if not wanting:
            raise Invalid("Each of these assets has its tag already, or is no longer there.", field="asset_ids")
        title = f"Tag {len(wanting)} {'asset' if len(wanting) == 1 else 'assets'}"
        task = tagging.start_tagging(session, wanting, title=title, actor=current_actor(), now=utc_now())
    return redirect(url_for("tasks.show", task_id=task.id), 303)
