"""Versions of the default hours: a change of WORK_START_TIME or WORK_END_TIME applies from its day on, not to days before it."""

from datetime import date, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.workdays.changed_days import DAY, EVERYBODY
from request_tracker_utils.workdays.models import ScheduleHours, ScheduleVersion
from request_tracker_utils.workdays.schedule_days import ALWAYS, DefaultHours


def record(session: Session, default: DefaultHours, *, today: date, actor: Actor, now: datetime) -> None:
    """Adds a version from today on if the settings have changed; the first one has always been valid. The caller has locked out others."""
    newest = select(ScheduleVersion).where(ScheduleVersion.group_id.is_(None)).order_by(ScheduleVersion.valid_from.desc()).limit(1)
    version = session.scalar(newest)
    wanted = {(weekday, default.starts_at, default.ends_at) for weekday in range(7)}
    if version is not None:
        hours = select(ScheduleHours.weekday, ScheduleHours.starts_at, ScheduleHours.ends_at).where(ScheduleHours.version_id == version.id)
        if {(day, start, end) for day, start, end in session.execute(hours)} == wanted:
            return
    if version is not None and version.valid_from >= today:
        session.execute(delete(ScheduleHours).where(ScheduleHours.version_id == version.id))
    else:
        version = ScheduleVersion(
            group_id=None, valid_from=ALWAYS if version is None else today, grace_minutes=0, created_by=actor.name, created_at=now
        )
        session.add(version)
        session.flush()
    rows = [{"version_id": version.id, "weekday": day, "starts_at": start, "ends_at": end} for day, start, end in sorted(wanted)]
    session.execute(insert(ScheduleHours), rows)
    if version.valid_from != ALWAYS:  # today may be computed already; and when yesterday ends depends on it
        changed_days.mark(session, EVERYBODY, today - DAY, today, now=now)
