"""Today's workdays on the home page, and the CRM on the status page: what it has accepted, and what keeps workdays from it."""

from collections.abc import Mapping

from sqlalchemy import func, select

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.jobs import JobRun
from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.web.feature import SectionContent, StatusSection
from request_tracker_utils.web.registry import settings
from request_tracker_utils.workdays.counts import IS_OPEN, sync_counts
from request_tracker_utils.workdays.crm import outbox
from request_tracker_utils.workdays.crm.outbox import SYNC_TO_CRM
from request_tracker_utils.workdays.current import today
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.presence import presence

MOST = 1_000
"""More workdays to review are not counted."""


def card() -> Mapping[str, object]:
    """The numbers of today on the home page."""
    now = utc_now()
    day = today(now)
    with reading() as session:
        waiting = select(Workday.id).where(IS_OPEN, Workday.window_ends_at <= now).limit(MOST).subquery()
        return {"presence": presence(session, day), "to_review": session.scalar(select(func.count()).select_from(waiting)) or 0, "day": day}


def is_configured() -> bool:
    return settings().crm_api_url is not None


def last_error() -> str | None:
    """Why the last scheduled run has ended early, if it has."""
    newest = select(JobRun.error).where(JobRun.job == SYNC_TO_CRM, JobRun.ended_at.is_not(None)).order_by(JobRun.id.desc()).limit(1)
    with reading() as session:
        return session.scalar(newest)


def content() -> SectionContent:
    with reading() as session:
        counts, states = sync_counts(session), outbox.counts(session)
    problems = []
    if is_configured():
        if error := last_error():
            problems.append(_("The last run has ended early: %(reason)s", reason=error))
        if rejected := states["rejected"]:
            one, more = "The CRM has rejected %(num)s workday.", "The CRM has rejected %(num)s workdays."
            problems.append(ngettext(one, more, rejected))
        if counts.failed:
            one, more = "%(num)s workday has failed in three runs or more.", "%(num)s workdays have failed in three runs or more."
            problems.append(ngettext(one, more, counts.failed))
    return SectionContent({"configured": is_configured(), "counts": counts, "states": states}, problems)


sections = [StatusSection(gettext_noop("Workdays in the CRM"), "workdays/crm-status.html", content, order=66)]
