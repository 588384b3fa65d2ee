"""Stored punches of people, and the workdays that come out of them."""

from collections.abc import Iterable
from datetime import UTC, datetime, time

from sqlalchemy import select

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.punch_counts import PunchCounts
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays.computing import How
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.processing import Processor, Summary, process_changes
from request_tracker_utils.workdays.schedule_days import DefaultHours, Schedules
from tests.services.attendance import record
from tests.services.punching import store

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
DEFAULT = DefaultHours(time(8), time(18), time(4))


def punch(terminal: Terminal, user_id: str, *times: str) -> None:
    """Stores punches at these times of the terminal, such as `2026-11-16 08:00`."""
    store(terminal, [record(user_id, at) for at in times], received_at=NOW)


def processor(
    *, now: datetime = NOW, repeat: int = 120, joined: bool = True, default: DefaultHours = DEFAULT, holidays: Iterable[int] = ()
) -> Processor:
    """Runs of the computation. `holidays` are numbers of days."""
    named = {None: dict.fromkeys(holidays, "Holiday")}
    return Processor(
        transaction, reading, lambda session: How(Schedules.load(session, default, named), repeat, joined, now), PunchCounts().settled_id
    )


def process(**how: object) -> Summary:
    """Computes what has changed."""
    return process_changes(processor(**how))  # type: ignore[arg-type]


def workdays() -> list[Workday]:
    """All, by user and date."""
    with reading() as session:
        return list(session.scalars(select(Workday).order_by(Workday.user_id, Workday.date, Workday.id)))


def shown(rows: Iterable[Workday]) -> list[tuple[str, str, str, str]]:
    """User, date, clock-in and clock-out in UTC."""
    return [(row.user_id, f"{row.date}", _shown(row.clock_in), _shown(row.clock_out)) for row in rows]


def _shown(at: datetime | None) -> str:
    return "" if at is None else f"{at:%d %H:%M}"
