"""The computation of workdays on the status page, and gauges for Prometheus."""

from sqlalchemy import func, select

from request_tracker_utils.attendance.changed_days import PROCESS
from request_tracker_utils.attendance.models import ChangedDays
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.jobs import JobRun
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.web.feature import SectionContent, StatusSection
from request_tracker_utils.workdays.counts import IS_OPEN, sync_counts
from request_tracker_utils.workdays.models import Workday

MOST = 10_000
"""More rows are not counted."""


def to_compute() -> int:
    """Changes of days that wait for the computation. New punches are not among them."""
    with reading() as session:
        waiting = select(ChangedDays.id).limit(MOST).subquery()
        return session.scalar(select(func.count()).select_from(waiting)) or 0


def to_review() -> int:
    with reading() as session:
        waiting = select(Workday.id).where(IS_OPEN, Workday.window_ends_at <= utc_now()).limit(MOST).subquery()
        return session.scalar(select(func.count()).select_from(waiting)) or 0


def content() -> SectionContent:
    newest = select(JobRun).where(JobRun.job == PROCESS, JobRun.ended_at.is_not(None)).order_by(JobRun.id.desc()).limit(1)
    with reading() as session:
        run = session.scalar(newest)
    problems = [_("The last computation has failed: %(reason)s", reason=run.error)] if run and run.error else []
    facts = {"computed_at": run and run.ended_at, "to_compute": to_compute(), "to_review": to_review(), "most": MOST}
    return SectionContent(facts, problems)


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        counts = sync_counts(session)
    return {
        "rtutils_workday_changes": ("Changes of days that wait for the computation of workdays.", to_compute()),
        "rtutils_workdays_to_review": ("Workdays that wait for a review.", to_review()),
        "rtutils_workdays_unsynced": ("Workdays that the CRM has not accepted.", counts.unsynced),
        "rtutils_workdays_failed": ("Workdays that have failed in three runs or more.", counts.failed),
    }


sections = [StatusSection(gettext_noop("Workdays"), "workdays/computation-status.html", content, order=65)]
