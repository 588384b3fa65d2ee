"""Workdays and their computation with this app's settings, for entry points."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from request_tracker_utils.attendance.punch_counts import PunchCounts
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.tasks.jobs import in_context_of_app
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, settings
from request_tracker_utils.workdays import default_hours
from request_tracker_utils.workdays.computing import How
from request_tracker_utils.workdays.crm import cleanup, outbox
from request_tracker_utils.workdays.crm.outbox import Selection
from request_tracker_utils.workdays.crm.sync import CrmSync
from request_tracker_utils.workdays.holidays import group_holidays
from request_tracker_utils.workdays.missed_punches import Approving
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.pay_periods import Clocks
from request_tracker_utils.workdays.processing import Processor
from request_tracker_utils.workdays.schedule_days import DefaultHours, Schedules
from request_tracker_utils.workdays.staff_groups import GroupEdit


def processor(actor: Actor, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Processor:
    """Runs of the computation. Changed default hours are recorded first."""
    _record_default_hours(actor)
    return Processor(
        transaction=transaction,
        reading=reading,
        how=how,
        settled_id=registry().get(PunchCounts).settled_id,
        stopping=registry().stopping,
        progress=progress,
    )


def default() -> DefaultHours:
    given = settings()
    return DefaultHours(given.work_start_time, given.work_end_time, given.workday_begins)


def how(session: Session) -> How:
    """By which rules days are computed now."""
    given = settings()
    schedules = Schedules.load(session, default(), group_holidays(session))
    return How(schedules, given.punch_repeat_seconds, given.workdays_join_terminals, utc_now())


def group_edit() -> GroupEdit:
    """A change of staff groups by the caller, now."""
    now = utc_now()
    return GroupEdit(current_actor(), now, now.astimezone(settings().zone).date())


def approving(session: Session) -> Approving:
    """What approving a request for a missed punch needs."""
    return Approving(how(session).schedules, registry().find(Messenger))


def clocks() -> Clocks:
    """When the workdays of this installation end."""
    return Clocks(settings().workday_begins, settings().zone)


def _record_default_hours(actor: Actor) -> None:
    now = utc_now()
    with transaction() as session:
        default_hours.record(session, default(), today=now.astimezone(settings().zone).date(), actor=actor, now=now)


def today(now: datetime) -> date:
    """The workday that is in progress where this installation is: until WORKDAY_BEGINS, the one of the day before."""
    begins = settings().workday_begins
    return (now.astimezone(settings().zone).replace(tzinfo=None) - timedelta(hours=begins.hour, minutes=begins.minute)).date()


def subject_of(workday: Workday) -> str:
    """The subject of accesses to this workday, for the access log."""
    return subject(workday.person_id, workday.terminal_id, workday.user_id)


def subject(person_id: int | None, terminal_id: int, user_id: str) -> str:
    return f"user {user_id} of terminal {terminal_id}" if person_id is None else f"person with punches {person_id}"


def crm_sync(*, seconds: float | None = None) -> CrmSync:
    """Runs that send workdays to the CRM, each for at most so many seconds. Raises NoCrm."""
    return CrmSync.of(settings(), transaction, utc_now, in_context=in_context_of_app(), stopping=registry().stopping, seconds=seconds)


def count_selected(selection: Selection, limit: int | None) -> int:
    with reading() as session:
        found = outbox.count(session, selection, now=utc_now())
    return found if limit is None else min(limit, found)


def remove_old_answers() -> int:
    with transaction(durable=False) as session:
        now = steady_now(session, "daily-cleanup", utc_now())
    return cleanup.remove_old_answers(transaction, reading, now)
