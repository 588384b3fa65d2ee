"""The task that creates many assets."""

from collections.abc import Sequence

from flask import url_for

from request_tracker_utils.assets.batch import CREATE_ASSETS, BatchCreator
from request_tracker_utils.assets.current import creator
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask

WORKERS = 4
"""Creations at a time: fewer than the threads that answer the webhook, which Request Tracker calls during each of them."""


def create_assets(task: RunningTask) -> str:
    """Creates the task's assets, each with the next tag."""
    batch = BatchCreator(creator(task.actor))

    def create(item: TaskItem) -> ItemResult:
        created = batch.create(item)
        return ItemResult({"asset_id": created.asset_id, "tag": created.tag}, _("created as %(tag)s", tag=created.tag))

    try:
        task.each(create, workers=WORKERS, prepare=batch.prepare)
    finally:
        batch.release()
    return ngettext("%(num)s asset created.", "%(num)s assets created.", task.done)


def _to_labels(task: Task) -> Sequence[Link]:
    return [Link(_("Print labels"), url_for("labels.batch", task=task.id))] if task.done else ()


kinds = [TaskKind(CREATE_ASSETS, AssetPermission.CREATE, create_assets, _to_labels)]
