"""What the status page and the metrics show of holders."""

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import ngettext
from request_tracker_utils.holders import holder_sync, repair_tickets
from request_tracker_utils.holders.current import RECONCILIATION
from request_tracker_utils.reconciliation.tasks import compared_at
from request_tracker_utils.web.feature import SectionContent, StatusSection

SHOWN = 5


def content() -> SectionContent:
    """What the directory is still to be told, and why it could not be."""
    with reading() as session:
        facts = {**holder_sync.waiting(session), **repair_tickets.waiting(session)}
        found, compared = sum(RECONCILIATION.discrepancies.count_open(session).values()), compared_at(session, RECONCILIATION)
        keeps, stuck = holder_sync.stumbled(session, limit=SHOWN), repair_tickets.stumbled(session, limit=SHOWN)
    problems = []
    if facts["problems"]:
        problems.append(f"{facts['problems']} {'device' if facts['problems'] == 1 else 'devices'} could not be told to the directory.")
    if facts["ticket_problems"]:
        problems.append(f"{facts['ticket_problems']} {'ticket' if facts['ticket_problems'] == 1 else 'tickets'} could not be made yet.")
    if found:
        problems.append(
            ngettext("%(num)s difference between device holders is open.", "%(num)s differences between device holders are open.", found)
        )
    return SectionContent({**facts, "differences": found, "compared_at": compared, "keeps": keeps, "stuck": stuck}, problems)


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        facts = {**holder_sync.waiting(session), **repair_tickets.waiting(session)}
        found = sum(RECONCILIATION.discrepancies.count_open(session).values())
    return {
        "rtutils_holders_to_tell": ("Devices of which the directory does not know yet who has them.", facts["waiting"]),
        "rtutils_holders_with_a_problem": ("Devices of which the directory could not be told.", facts["problems"]),
        "rtutils_repair_tickets_to_make": ("Tickets of returns that are still to be made.", facts["tickets"]),
        "rtutils_holder_differences": ("Open differences between the holders of devices and their assets.", found),
    }


sections = [StatusSection("Who has what", "holders/status.html", content, order=55)]
