"""What the status page shows of tags."""

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import ngettext
from request_tracker_utils.reconciliation.tasks import compared_at
from request_tracker_utils.tags import sequence, service
from request_tracker_utils.tags.current import RECONCILIATION
from request_tracker_utils.tags.errors import SequenceNotReady
from request_tracker_utils.web.feature import SectionContent, StatusSection
from request_tracker_utils.web.registry import settings

SHOWN = 5


def content() -> SectionContent:
    """What waits for the directory, and why."""
    problems = []
    with reading() as session:
        differences, compared = sum(RECONCILIATION.discrepancies.count_open(session).values()), compared_at(session, RECONCILIATION)
        counts, assets = service.waiting(session), service.assets_waiting(session)
        keeps = [tag for tag in service.stumbled(session) if tag.problem][:SHOWN]
        try:
            next_tag = str(sequence.preview(session, settings().prefix))
        except SequenceNotReady as error:
            next_tag = None
            problems.append(error.message)
    if counts["problems"]:
        problems.append(f"{counts['problems']} {'tag needs' if counts['problems'] == 1 else 'tags need'} a look.")
    if differences:
        problems.append(
            ngettext(
                "%(num)s difference between tags and asset names is open.",
                "%(num)s differences between tags and asset names are open.",
                differences,
            )
        )
    return SectionContent(
        {"next_tag": next_tag, "assets": assets, "keeps": keeps, **counts, "differences": differences, "compared_at": compared}, problems
    )


sections = [StatusSection("Asset tags", "tags/status.html", content, order=50)]
