"""Tasks: tagging assets, and previewing the sweep."""

from collections.abc import Sequence

from flask import url_for

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.tags import tagging
from request_tracker_utils.tags.names import PREVIEW_SWEEP, TAG_ASSETS
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import ItemState, Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import settings

WORKERS = 4
"""Concurrent renames: Request Tracker has about as many processes, and people need some of them."""


def tag_assets(task: RunningTask) -> str:
    """Tags the task's assets. With the argument `catalogs`, it finds the untagged assets first."""
    if "catalogs" in task.arguments and not task.arguments.get("found"):
        task.remove_items()
        for assets in tagging.find_untagged(reading, asset_store(), catalogs=task.arguments["catalogs"], brief=True):
            task.add([NewItem(tagging.item_label(asset), tagging.item_data(asset)) for asset in assets])
        task.save_arguments(found=True)

    def tag(item: TaskItem) -> ItemResult:
        asset = tagging.asset_from_item(item.data)
        tag = tagging.tag_asset(transaction, asset_store(), asset, prefix=settings().prefix, actor=task.actor, now=utc_now())
        return ItemResult({"asset_id": asset.id, "tag": tag.tag}, _("renamed to %(tag)s", tag=tag.tag))

    task.each(tag, workers=WORKERS)
    if not task.total:
        return _("All assets already have a tag.")
    return ngettext("%(num)s asset was tagged.", "%(num)s assets were tagged.", task.done)


def preview_sweep(task: RunningTask) -> str:
    """Finds the assets that the sweep would tag, and changes nothing."""
    catalogs: list[str] = task.arguments["catalogs"]
    missing, found = tagging.missing_catalogs(asset_store(), catalogs), 0
    task.remove_items()
    for assets in tagging.find_untagged(reading, asset_store(), catalogs=[name for name in catalogs if name not in missing]):
        task.add([NewItem(tagging.item_label(asset)) for asset in assets], state=ItemState.DONE)
        found += len(assets)
    with transaction() as session:
        tagging.record_scan(session, found=found, missing=missing, catalogs=catalogs, now=utc_now(), is_preview=True)
    summary = ngettext("%(num)s asset has no tag. Nothing was changed.", "%(num)s assets have no tag. Nothing was changed.", found)
    if missing:
        summary += " " + _("These catalogs do not exist: %(catalogs)s.", catalogs=", ".join(missing))
    return summary


def _to_labels(task: Task) -> Sequence[Link]:
    return [Link(_("Print labels"), url_for("labels.batch", task=task.id))] if task.done else ()


def _to_sweep(_task: Task) -> Sequence[Link]:
    return [Link(_("Back to the sweep"), url_for("tag_sweep.show"))]


kinds = [
    TaskKind(TAG_ASSETS, TagPermission.ASSIGN, tag_assets, _to_labels),
    TaskKind(PREVIEW_SWEEP, TagPermission.ADMINISTER, preview_sweep, _to_sweep),
]
