"""Sample staff groups with the people of the sample terminals, and corrections of some of their workdays."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people_changes
from request_tracker_utils.attendance.models import AttendancePerson, Terminal, TerminalUserRow
from request_tracker_utils.attendance.people_changes import SiteId
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.workdays import group_members, reviews, schedules, staff_groups
from request_tracker_utils.workdays.models import StaffGroup, Workday
from request_tracker_utils.workdays.schedules import Hours, NewVersion
from request_tracker_utils.workdays.staff_groups import GroupEdit

SINCE = timedelta(days=21)
"""The sample punches begin later."""
MONDAY_TO_FRIDAY = range(5)
GROUPS = (
    ("Office", 5, {day: Hours(time(7, 45), time(15, 45)) for day in MONDAY_TO_FRIDAY}),
    ("Bus drivers", 10, {day: Hours(time(7, 15), time(15, 15)) for day in MONDAY_TO_FRIDAY}),
)
"""Name, minutes of grace, and hours."""


def is_empty(reading: Reading) -> bool:
    with reading() as session:
        return not session.scalar(select(exists().select_from(StaffGroup)))


def fill(transaction: Transaction, *, timezone: str, now: datetime) -> int:
    """Returns the number of people: those on the terminals, in the first group, but the last three in the second one."""
    began = now - SINCE
    by = GroupEdit(of_command(), began, began.astimezone(ZoneInfo(timezone)).date())
    with transaction() as session:
        people_changes.create_all(session, list(_users(session).items()), actor=by.actor, now=began)
        everybody = session.scalars(select(AttendancePerson.id).order_by(AttendancePerson.name_key)).all()
        for (name, grace, hours), people in zip(GROUPS, (everybody[:-3], everybody[-3:]), strict=True):
            group = staff_groups.create_group(session, name, "", by)
            schedules.add_version(session, group.id, NewVersion(by.today, hours, grace), by)
            group_members.assign(session, group.id, people, by.tomorrow, by)
    return len(everybody)


def correct_some(transaction: Transaction, *, now: datetime) -> None:
    """Two people have forgotten to punch when they left. To be called after the workdays were computed."""
    of_days = (Workday.window_ends_at <= now, Workday.clock_out.is_not(None))
    with transaction() as session:
        for row in session.scalars(select(Workday).where(*of_days).order_by(Workday.date.desc(), Workday.id).limit(2)).all():
            if row.clock_in is not None and row.clock_out is not None:
                left, seen = row.clock_out + timedelta(minutes=20), reviews.seen_of(session, row)
                reason = "Forgot to punch after a meeting"
                reviews.correct(session, row.id, seen, row.clock_in, left, reason=reason, actor=of_command(), now=now)


def _users(session: Session) -> dict[str, list[SiteId]]:
    """Names on terminals, with their user IDs at each site."""
    query = select(TerminalUserRow.name, TerminalUserRow.user_id, Terminal.site).join(Terminal, Terminal.id == TerminalUserRow.terminal_id)
    found: dict[str, dict[SiteId, None]] = defaultdict(dict)
    for name, user_id, site in session.execute(query.order_by(TerminalUserRow.name, Terminal.site, TerminalUserRow.user_id)):
        found[name][SiteId(user_id, site)] = None
    return {name: list(ids) for name, ids in found.items()}
