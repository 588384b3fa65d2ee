"""The task that creates many assets."""

from collections.abc import Sequence

from flask import url_for

from request_tracker_utils.assets import batch
from request_tracker_utils.assets.current import creator
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask

WORKERS = 4
"""Creations under way at once: fewer than threads answer the webhook, which Request Tracker calls inside each of them."""


def create_assets(task: RunningTask) -> str:
    """Creates the task's assets, each under the next tag."""
    making = batch.Batch(creator(task.actor))

    def create(item: TaskItem) -> ItemResult:
        made = making.create(item)
        return ItemResult({"asset_id": made.asset_id, "tag": made.tag}, f"is {made.tag} now")

    try:
        task.each(create, workers=WORKERS, prepare=making.prepare)
    finally:
        making.release()
    return f"{task.done} {'asset is' if task.done == 1 else 'assets are'} created."


def _to_labels(task: Task) -> Sequence[Link]:
    return [Link("Print their labels", url_for("labels.batch", task=task.id))] if task.done else ()


kinds = [TaskKind(batch.KIND, AssetPermission.CREATE, create_assets, _to_labels)]
