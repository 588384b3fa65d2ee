"""Times that people enter, by the clocks of the place where the workday was."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.review_errors import InvalidCorrection

LONGEST_WINDOW = timedelta(hours=36)
NEAR_DAYS = 3


def local(workday: Workday, at: datetime) -> datetime:
    """By the clocks of the place."""
    return at.astimezone(ZoneInfo(workday.timezone))


def instant_of(workday: Workday, entered: time, *, field: str, again: bool = False) -> datetime:
    """When the clocks show this time, within the 24 hours before the day's window ends: 02:00 is after midnight. A time that is already one
    of the day's keeps its seconds. `again` is the second pass of an hour that the clocks repeat. Raises InvalidCorrection."""
    for known in (workday.first_at, workday.last_at, workday.clock_in, workday.clock_out):
        if known is not None and local(workday, known).time().replace(second=0, microsecond=0) == entered:
            return known
    end = local(workday, workday.window_ends_at).replace(tzinfo=None)
    naive = datetime.combine(end.date(), entered)
    return _placed(workday, naive if naive < end else naive - timedelta(days=1), field, again=again)


def exact_instant(workday: Workday, entered: datetime, *, field: str) -> datetime:
    """A time with an offset from UTC, or else by the clocks of the place. Raises InvalidCorrection."""
    if abs((entered.date() - workday.date).days) > NEAR_DAYS:  # years 1 and 9999 have no UTC
        raise InvalidCorrection(_("This time does not belong to the workday %(day)s.", day=workday.date), field=field)
    return entered.astimezone(UTC) if entered.tzinfo is not None else _placed(workday, entered, field)


def check_times(workday: Workday, clock_in: datetime, clock_out: datetime | None) -> None:
    """Raises InvalidCorrection for times that are not in the day's window, or in the wrong order."""
    begin = workday.window_ends_at - LONGEST_WINDOW
    for field, at in (("clock_in", clock_in), ("clock_out", clock_out)):
        if at is not None and not begin <= at < workday.window_ends_at:
            raise InvalidCorrection(_("This time does not belong to the workday %(day)s.", day=workday.date), field=field)
    if clock_out is not None and clock_out < clock_in:
        raise InvalidCorrection(_("The clock-out is before the clock-in."), field="clock_out")


def repeats_hour(workday: Workday) -> bool:
    """Whether the clocks are set back in the day's window, so that some times occur twice."""
    zone = ZoneInfo(workday.timezone)
    end = workday.window_ends_at.astimezone(zone)
    begin = (workday.window_ends_at - timedelta(hours=24)).astimezone(zone)
    before, after = begin.utcoffset(), end.utcoffset()
    return before is not None and after is not None and after < before


def day_of_place(zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def _placed(workday: Workday, naive: datetime, field: str, *, again: bool = False) -> datetime:
    zone = ZoneInfo(workday.timezone)
    at = naive.replace(tzinfo=zone, fold=1 if again else 0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != naive:
        raise InvalidCorrection(_("The clocks have skipped this time."), field=field)
    return at
