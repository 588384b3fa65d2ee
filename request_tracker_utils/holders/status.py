"""What the status page and the metrics show of holders."""

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import ngettext
from request_tracker_utils.holders.current import RECONCILIATION
from request_tracker_utils.reconciliation.tasks import compared_at
from request_tracker_utils.students.models import HOLDER_SYNC, REPAIR_TICKETS
from request_tracker_utils.web.feature import SectionContent, StatusSection

SHOWN = 5


def content() -> SectionContent:
    with reading() as session:
        sync, tickets = HOLDER_SYNC.counts(session), REPAIR_TICKETS.counts(session)
        open_differences = sum(RECONCILIATION.discrepancies.count_open(session).values())
        facts = {
            "sync": sync,
            "tickets": tickets,
            "differences": open_differences,
            "compared_at": compared_at(session, RECONCILIATION),
            "failing_devices": HOLDER_SYNC.failing(session, limit=SHOWN),
            "failing_tickets": REPAIR_TICKETS.failing(session, limit=SHOWN),
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
        open_differences = sum(RECONCILIATION.discrepancies.count_open(session).values())
    return {
        "rtutils_holder_sync_pending": ("Devices whose holder is not yet updated in the asset store.", sync["pending"]),
        "rtutils_holder_sync_failing": ("Devices whose holder could not be updated.", sync["failing"]),
        "rtutils_repair_tickets_pending": ("Repair tickets that are not yet created.", tickets["pending"]),
        "rtutils_repair_tickets_failing": ("Repair tickets that could not be created.", tickets["failing"]),
        "rtutils_holder_differences": ("Open differences between the holders of devices and their assets.", open_differences),
    }


sections = [StatusSection("Device holders", "holders/status.html", content, order=55)]
