"""What holders contribute to the app."""

from flask import Flask

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import ngettext
from request_tracker_utils.holders import cli, jobs, views
from request_tracker_utils.holders.api import api
from request_tracker_utils.holders.current import RECONCILIATION
from request_tracker_utils.holders.lookups import AssetCache
from request_tracker_utils.holders.permissions import GRANTS, HolderPermission
from request_tracker_utils.reconciliation.tasks import compared_at, task_kinds
from request_tracker_utils.students.models import HOLDER_SYNC, REPAIR_TICKETS
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Feature, PageLink, SectionContent, StatusSection
from request_tracker_utils.web.registry import registry_of

FAILING = 5
"""Failing devices and tickets on the status page."""


def install(app: Flask) -> None:
    registry = registry_of(app)
    registry.provide(AssetCache, AssetCache())
    registry.get(TaskKinds).add(*task_kinds(RECONCILIATION))


def status() -> SectionContent:
    with reading() as session:
        sync, tickets = HOLDER_SYNC.counts(session), REPAIR_TICKETS.counts(session)
        open_differences = RECONCILIATION.discrepancies.total_open(session)
        facts = {
            "sync": sync,
            "tickets": tickets,
            "differences": open_differences,
            "compared_at": compared_at(session, RECONCILIATION),
            "failing_devices": HOLDER_SYNC.failing(session, limit=FAILING),
            "failing_tickets": REPAIR_TICKETS.failing(session, limit=FAILING),
        }
    problems = []
    if count := sync["failing"]:
        problems.append(ngettext("%(num)s device holder cannot be updated.", "%(num)s device holders cannot be updated.", count))
    if count := tickets["failing"]:
        problems.append(ngettext("%(num)s repair ticket cannot be created.", "%(num)s repair tickets cannot be created.", count))
    if count := open_differences:
        problems.append(ngettext("%(num)s difference of device holders is open.", "%(num)s differences of device holders are open.", count))
    return SectionContent(facts, problems)


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        sync, tickets = HOLDER_SYNC.counts(session), REPAIR_TICKETS.counts(session)
        open_differences = RECONCILIATION.discrepancies.total_open(session)
    return {
        "rtutils_holder_sync_pending": ("Devices with a pending update of the holder in the asset store.", sync["pending"]),
        "rtutils_holder_sync_failing": ("Devices with a failed update of the holder.", sync["failing"]),
        "rtutils_repair_tickets_pending": ("Pending repair tickets.", tickets["pending"]),
        "rtutils_repair_tickets_failing": ("Repair tickets that could not be created.", tickets["failing"]),
        "rtutils_holder_differences": ("Open differences between the holders of devices and their assets.", open_differences),
    }


feature = Feature(
    name="holders",
    apis=[api],
    pages=[views.pages],
    jobs=jobs.jobs,
    commands=[cli.holders],
    links=[
        PageLink("students.dashboard", "Differences", "holder_differences.overview", HolderPermission.COMPARE, order=80),
        PageLink("devices.listed", "Differences", "holder_differences.overview", HolderPermission.COMPARE, order=80),
    ],
    gauges=[gauges],
    status=[StatusSection("Device holders", "holders/status.html", status, order=55)],
    grants=GRANTS,
    install=install,
)
