"""The tasks that give tags to assets, and the one that only looks which assets have none."""

from collections.abc import Sequence

from flask import url_for

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import tagging, untagged
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import ItemState, Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import settings

WORKERS = 4
"""Renames under way at once: Request Tracker has about as many processes, and people want some of them."""


def tag_assets(task: RunningTask) -> str:
    """Tags the task's assets; with `catalogs` for an argument it first finds those that have none."""
    if "catalogs" in task.arguments and not task.arguments.get("found"):
        task.remove_items()
        for assets in untagged.find(reading, asset_store(), catalogs=task.arguments["catalogs"], brief=True):
            task.add([NewItem(tagging.label_of(asset), tagging.as_data(asset)) for asset in assets])
        task.save_arguments(found=True)

    def tag(item: TaskItem) -> ItemResult:
        asset = tagging.of_data(item.data)
        given = tagging.give_tag(transaction, asset_store(), asset, prefix=settings().prefix, actor=task.actor, now=utc_now())
        return ItemResult({"asset_id": asset.id, "tag": given.tag}, f"is called {given.tag} now")

    task.each(tag, workers=WORKERS)
    if not task.total:
        return "Every asset has its tag already."
    return f"{task.done} {'asset has its tag' if task.done == 1 else 'assets have their tags'}."


def try_sweep(task: RunningTask) -> str:
    """Finds what the sweep would tag, and tags nothing."""
    catalogs: list[str] = task.arguments["catalogs"]
    missing, found = untagged.vanished(asset_store(), catalogs), 0
    task.remove_items()
    for assets in untagged.find(reading, asset_store(), catalogs=[name for name in catalogs if name not in missing]):
        task.add([NewItem(tagging.label_of(asset)) for asset in assets], state=ItemState.DONE)
        found += len(assets)
    with transaction() as session:
        untagged.note_look(session, found=found, missing=missing, catalogs=catalogs, now=utc_now(), dry=True)
    vanished = f" The directory has no catalog {', '.join(missing)}." if missing else ""
    return f"{found} {'asset has' if found == 1 else 'assets have'} no tag. Nothing was changed.{vanished}"


def _to_labels(task: Task) -> Sequence[Link]:
    return [Link("Print their labels", url_for("labels.batch", task=task.id))] if task.done else ()


def _to_sweep(_task: Task) -> Sequence[Link]:
    return [Link("Back to the sweep", url_for("tag_sweep.show"))]


kinds = [
    TaskKind(tagging.KIND, TagPermission.ASSIGN, tag_assets, _to_labels),
    TaskKind(untagged.TRY, TagPermission.ADMINISTER, try_sweep, _to_sweep),
]
