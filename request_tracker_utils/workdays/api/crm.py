"""The JSON route that sends workdays to the CRM."""

from typing import Any

from flask_openapi3 import APIBlueprint

from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.api.processing import WORKDAYS
from request_tracker_utils.workdays.crm.sync import NoCrm
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.schemas.crm import SyncOut, SyncQuery

ANSWER_WITHIN = 60.0
"""Seconds after which nothing more is sent."""

api = APIBlueprint("workdays_crm_api", __name__, abp_tags=[WORKDAYS])


@api.post("/api/processed-attendance/sync/", responses={200: SyncOut})
@require(WorkdayPermission.MANAGE)
@may_raise(NoCrm)
def sync(query: SyncQuery) -> dict[str, Any]:
    """Send workdays to the CRM now that are due: those that have not been sent, and those that wait for another attempt.

    The answer comes when all have ended. What has not begun within a minute is left for later.
    """
    result = current.crm_sync(seconds=ANSWER_WITHIN).run(limit=query.limit)
    record_list("workdays that failed to reach the CRM", len(result.errors))
    return SyncOut.of(result)
