"""Pages: search for assets, and one asset."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.search import AssetQuery, search as search_assets
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels import print_history
from request_tracker_utils.labels.current import installed_formats
from request_tracker_utils.tags import audit, lookup, tagging
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.registry import settings

LAST_PAGE = 10_000

pages = Blueprint("assets", __name__)


@pages.get("/assets")
@require(AssetPermission.READ)
def search() -> str:
    """Search by tag, name, serial number or model, by holder and by catalog."""
    query = AssetQuery(*(request.args.get(name, "").strip()[:200] for name in ("q", "catalog", "holder")))
    page = min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE)
    result = search_assets(reading, asset_store(), query, prefix=settings().prefix, page=page)
    return render_template(
        "assets/search.html",
        query=query,
        found=result.page,
        tags=result.tags,
        exact=result.exact,
        addresses={asset.id: asset_store().page_address(asset.id) for asset in result.page.assets} if asset_store().kind == "rt" else {},
        catalogs=asset_store().catalogs(),
        formats=installed_formats().all(),
    )


@pages.get("/assets/<int:asset_id>")
@require(AssetPermission.READ)
def show(asset_id: int) -> str:
    """One asset, its tag, and the tag's history."""
    asset = asset_store().get(asset_id)
    with reading() as session:
        tag = lookup.tag_of_asset(session, asset_id)
        events = audit.history(session, asset_id)
        label, prints = print_history.label_of_asset(session, asset_id), print_history.prints_of_asset(session, asset_id)
    address = asset_store().page_address(asset_id) if asset_store().kind == "rt" else None
    formats = installed_formats()
    return render_template(
        "assets/asset.html",
        asset=asset,
        tag=tag,
        events=events,
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
