"""The proof of completeness over JSON, up to the CRM."""

from typing import Any

from flask_openapi3 import APIBlueprint

from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.registry import settings
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.api.processing import WORKDAYS
from request_tracker_utils.workdays.completeness import MOST_DAYS, chains
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.schemas.completeness import ChainDayList, ChainDayOut, WorkdayCompletenessQuery

api = APIBlueprint("workday_completeness_api", __name__, abp_tags=[WORKDAYS])


@api.get("/api/workday-completeness/", responses={200: ChainDayList})
@require(WorkdayPermission.READ)
@may_raise(Invalid)
def workday_completeness(query: WorkdayCompletenessQuery) -> list[dict[str, Any]]:
    """Follow punches by terminal and day: from the terminal into workdays, and to the CRM.

    The newest day of each terminal is first. A day is that of the punches’ own time, and of the date of workdays.
    """
    if not 0 <= (query.end_date - query.start_date).days < MOST_DAYS:
        raise Invalid(_("Choose at most %(days)s days.", days=MOST_DAYS), field="end_date")
    with reading() as session:
        names = terminal_names(session)
        wanted = [each for each in names if query.device in (None, each)]
        has_crm = settings().crm_api_url is not None
        found = chains(session, wanted, query.start_date, query.end_date, current.how(session), has_crm=has_crm)
    return [ChainDayOut.of(chain, day, names[chain.terminal_id]) for chain in found for day in chain.days]
