"""The JSON route that computes workdays."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import accept_no_body
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import settings
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.errors import InvalidDays
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.processing import process_changes, process_range
from request_tracker_utils.workdays.ranges import check_range
from request_tracker_utils.workdays.schemas.processing import ProcessIn, ProcessOut

WORKDAYS = Tag(name="workdays", description="First and last punches of each day, outliers, and what the CRM has accepted. Personal data.")

api = APIBlueprint("workdays_processing_api", __name__, abp_tags=[WORKDAYS])
api.before_request(accept_no_body)


@api.post("/api/processed-attendance/process/", responses={200: ProcessOut})
@require(WorkdayPermission.MANAGE)
@may_raise(InvalidDays)
def process(body: ProcessIn) -> dict[str, object]:
    """Compute workdays now: those that have changed since the last run, or all of a range of days.

    The answer comes when all are computed. A range of several years takes up to a minute; on the page *Compute workdays* it runs as a
    task.
    """
    processor = current.processor(current_actor())
    if body.start_date is None and body.end_date is None:
        return ProcessOut.of(process_changes(processor))
    today = utc_now().astimezone(settings().zone).date()
    return ProcessOut.of(process_range(processor, *check_range(body.start_date, body.end_date, today=today)))
