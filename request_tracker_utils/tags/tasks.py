"""Background work: scheduled jobs, and the tasks that tag assets and preview the sweep."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from flask import url_for

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.reconciliation.tasks import comparison_job
from request_tracker_utils.tags import adoption, confirmation, tagging, webhook
from request_tracker_utils.tags.allocation import NameSearch
from request_tracker_utils.tags.current import RECONCILIATION
from request_tracker_utils.tags.duplicates import PrintedLabels
from request_tracker_utils.tags.models import CONFIRM_TAGS
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.sequence import ADOPT_TAGS
from request_tracker_utils.tags.tagging import PREVIEW_SWEEP, SWEEP_UNTAGGED, TAG_ASSETS
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import ItemState, Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import registry, settings

log = structlog.get_logger(__name__)

WATCH_WEBHOOK = "watch-webhook"
NAMES_PER_SEARCH = 500
"""Names of the next tags that a task searches for at once."""


def adopt_tags() -> int:
    return adoption.adopt_configured(transaction, asset_store(), settings(), actor=of_job(ADOPT_TAGS), now=utc_now())


def confirm_tags() -> int:
    labels = registry().get(PrintedLabels)
    max_age = timedelta(hours=settings().webhook_max_age_hours)
    actor = of_job(CONFIRM_TAGS)
    return confirmation.confirm_due(transaction, asset_store(), actor=actor, clock=utc_now, labels=labels, max_age=max_age)


def sweep_untagged() -> int:
    task = tagging.start_sweep(transaction, reading, asset_store(), actor=of_job(SWEEP_UNTAGGED), now=utc_now())
    return (task.total or 0) if task else 0


def watch_webhook() -> int:
    """Logs a warning for each minute in which the webhook has assigned many tags. Returns how many it has assigned in the last minute."""
    now, limit = utc_now(), settings().webhook_tags_per_minute
    with reading() as session:
        count = webhook.count_assigned(session, since=now - webhook.MINUTE)
        busiest = webhook.busiest_moment(session, limit=limit, since=now - 2 * webhook.MINUTE)
    if busiest is not None:
        log.warning("the webhook assigns many tags", limit=limit, at=busiest.isoformat(timespec="seconds"))
    return count


jobs = [
    Job(ADOPT_TAGS, "Import existing tags before the first one is assigned", timedelta(minutes=1), adopt_tags),
    Job(CONFIRM_TAGS, "Rename assets to their tags, and check their names", timedelta(seconds=15), confirm_tags),
    Job(SWEEP_UNTAGGED, "Tag the untagged assets in the catalogs of the sweep", timedelta(minutes=10), sweep_untagged),
    Job(WATCH_WEBHOOK, "Count the tags that the webhook assigns", webhook.MINUTE, watch_webhook),
    comparison_job(RECONCILIATION),
]


def tag_assets(task: RunningTask) -> str:
    """Tags the task's assets. With the argument `catalogs`, it finds the untagged assets first."""
    if "catalogs" in task.arguments and not task.arguments.get("found"):
        task.remove_items()
        for assets in tagging.find_untagged(reading, asset_store(), catalogs=task.arguments["catalogs"], brief=True):
            task.add([NewItem(tagging.item_label(asset), tagging.item_data(asset)) for asset in assets])
        task.save_arguments(found=True)

    names = NameSearch(asset_store(), size=NAMES_PER_SEARCH)

    def tag(item: TaskItem) -> ItemResult:
        asset, prefix = tagging.asset_from_item(item.data), settings().prefix
        tag = tagging.tag_asset(transaction, asset_store(), asset, prefix=prefix, actor=task.actor, now=utc_now(), names=names)
        return ItemResult({"asset_id": asset.id, "tag": tag.tag}, _("renamed to %(tag)s", tag=tag.tag))

    task.each(tag, workers=asset_store().workers())
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
