"""What the status page shows of tags."""

from request_tracker_utils.core.db import reading
from request_tracker_utils.tags import differences, sequence, service
from request_tracker_utils.tags.errors import SequenceNotReady
from request_tracker_utils.tags.tasks import differences as difference_tasks
from request_tracker_utils.web.feature import SectionContent, StatusSection
from request_tracker_utils.web.registry import settings

SHOWN = 5


def content() -> SectionContent:
    """What waits for the directory, and why."""
    problems = []
    with reading() as session:
        compared = {"differences": sum(differences.RECORD.counts(session).values()), "compared_at": difference_tasks.compared_at(session)}
        counts, assets = service.waiting(session), service.assets_waiting(session)
        keeps = [tag for tag in service.stumbled(session) if tag.problem][:SHOWN]
        try:
            next_tag = str(sequence.preview(session, settings().prefix))
        except SequenceNotReady as error:
            next_tag = None
            problems.append(error.message)
    if counts["problems"]:
        problems.append(f"{counts['problems']} {'tag needs' if counts['problems'] == 1 else 'tags need'} a look.")
    if compared["differences"]:
        problems.append(f"The directory and our tags differ: {compared['differences']} to settle.")
    return SectionContent({"next_tag": next_tag, "assets": assets, "keeps": keeps, **counts, **compared}, problems)


sections = [StatusSection("Asset tags", "tags/status.html", content, order=50)]
