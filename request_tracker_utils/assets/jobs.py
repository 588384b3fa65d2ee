"""Background work: the task that creates many assets, and scheduled jobs."""

from collections.abc import Sequence
from datetime import timedelta

from flask import url_for

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import creations, imports, recovery
from request_tracker_utils.assets.batch import CREATE_ASSETS, BatchCreator
from request_tracker_utils.assets.current import creator
from request_tracker_utils.assets.models import RECOVER_CREATIONS
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask

DELETE_OLD_CREATIONS = "delete-old-creations"
DELETE_OLD_IMPORTS = "delete-old-asset-imports"
DELETE_WAITING = "delete-waiting-asset-imports"


def create_assets(task: RunningTask) -> str:
    """Creates the task's assets, each with the next tag."""
    batch = BatchCreator(creator(task.actor))

    def create(item: TaskItem) -> ItemResult:
        created = batch.create(item)
        return ItemResult({"asset_id": created.asset_id, "tag": created.tag}, _("created as %(tag)s", tag=created.tag))

    try:
        task.each(create, workers=asset_store().workers(), prepare=batch.prepare)
    finally:
        batch.release()
    if not task.failed and not task.count_pending():
        with transaction() as session:
            imports.delete_created(session, task.id)
    return ngettext("%(num)s asset created.", "%(num)s assets created.", task.done)


def _to_labels(task: Task) -> Sequence[Link]:
    return [Link(_("Print labels"), url_for("labels.batch", task=task.id))] if task.done else ()


kinds = [TaskKind(CREATE_ASSETS, AssetPermission.CREATE, create_assets, _to_labels)]


def recover_creations() -> int:
    return recovery.recover_due(transaction, reading, asset_store(), actor=of_job(RECOVER_CREATIONS), clock=utc_now)


def delete_old_creations() -> int:
    with transaction(durable=False) as session:  # the next run deletes them again
        return creations.delete_old(session, now=steady_now(session, DELETE_OLD_CREATIONS, utc_now()))


def delete_old_imports() -> int:
    with transaction(durable=False) as session:  # the next run deletes them again
        return imports.delete_old(session, now=steady_now(session, DELETE_OLD_IMPORTS, utc_now()))


def delete_waiting_imports() -> int:
    with transaction() as session:
        return imports.delete_waiting(session, now=steady_now(session, DELETE_WAITING, utc_now()))


jobs = [
    Job(
        RECOVER_CREATIONS,
        "Check whether assets were created although Request Tracker did not answer",
        timedelta(seconds=30),
        recover_creations,
    ),
    Job(DELETE_OLD_CREATIONS, "Delete records of completed creations after 90 days", timedelta(days=1), delete_old_creations),
    Job(DELETE_OLD_IMPORTS, "Delete imports of assets after 90 days", timedelta(days=1), delete_old_imports),
    Job(
        DELETE_WAITING,
        gettext_noop("Delete the rows of lists of assets when all assets were created, or after a day"),
        timedelta(hours=1),
        delete_waiting_imports,
    ),
]
