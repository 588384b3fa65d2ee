"""JSON API for scheduled jobs."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.administration import runs
from request_tracker_utils.administration.permissions import AdministrationPermission
from request_tracker_utils.administration.schemas import JobOut, JobsOut
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.registry import registry, settings

api = APIBlueprint("jobs", __name__, abp_tags=[Tag(name="jobs", description="Scheduled jobs.")])


@api.get("/api/jobs", responses={200: JobsOut})
@require(AdministrationPermission.JOBS)
def jobs() -> Answer:
    """List jobs with their latest runs."""
    with reading() as session:
        rows = runs.overview(session, list(registry().jobs), scheduled=settings().scheduler)
    given = [JobOut.model_validate({**vars(row), "every_seconds": row.every.total_seconds()}) for row in rows]
    return JobsOut(jobs=given).model_dump(mode="json")
