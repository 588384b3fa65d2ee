"""Reads the all-day events of an iCalendar file (.ics), such as a district publishes its calendar."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from icalendar import Calendar as File, Event

from request_tracker_utils.calendars.errors import InvalidCalendarField, InvalidCalendarFile
from request_tracker_utils.calendars.service import NewHoliday
from request_tracker_utils.core.translation import gettext as _

MAX_EVENTS = 1_000
LONGEST_SHOWN = 100
_EVENT = re.compile(rb"^BEGIN:VEVENT\s*$", re.IGNORECASE | re.MULTILINE)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Skipped:
    """An event that cannot become a holiday."""

    name: str
    reason: str


@dataclass
class FileContent:
    holidays: list[NewHoliday] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def read_file(data: bytes) -> FileContent:
    """Raises InvalidCalendarFile."""
    if not data.strip():
        raise InvalidCalendarFile(_("The file is empty. Choose an iCalendar file (.ics)."), field="file")
    if len(_EVENT.findall(data)) > MAX_EVENTS:
        raise InvalidCalendarFile(_("The file has more than %(number)s events. Export one school year.", number=MAX_EVENTS), field="file")
    try:
        files = File.from_ical(data.decode("utf-8-sig"), multiple=True)
        events = [each for file in files if file.name == "VCALENDAR" for each in file.subcomponents if isinstance(each, Event)]
    except ValueError:  # also UnicodeDecodeError, and all errors of icalendar
        raise InvalidCalendarFile(_("This is not an iCalendar file (.ics)."), field="file") from None
    if not files:
        raise InvalidCalendarFile(_("The file is incomplete. Download it again."), field="file")
    if not events:
        raise InvalidCalendarFile(_("The file has no events."), field="file")
    content = FileContent()
    for event in events:
        _add(content, event)
    return content


def _add(content: FileContent, event: Event) -> None:
    given = event.get("SUMMARY") or ""
    name = " ".join(str(given[0] if isinstance(given, list) else given).split())
    try:
        holiday = NewHoliday(name, *_days(event)).checked()
    except (InvalidCalendarField, InvalidCalendarFile) as error:
        content.skipped.append(Skipped(name[:LONGEST_SHOWN], error.message))
        return
    if holiday not in content.holidays:
        content.holidays.append(holiday)


def _days(event: Event) -> tuple[date, date]:
    """The first and the last day. Raises InvalidCalendarFile."""
    if str(event.get("STATUS") or "").upper() == "CANCELLED":
        raise InvalidCalendarFile(_("It was canceled."))
    if "RRULE" in event or "RDATE" in event:
        raise InvalidCalendarFile(_("It is repeated. Add its days yourself."))
    try:
        first, end = event.start, event.end  # the day after the last one
    except (ValueError, OverflowError):
        raise InvalidCalendarFile(_("Its days cannot be read.")) from None
    if not (_is_day(first) and _is_day(end)):
        raise InvalidCalendarFile(_("It has a time of day. Only all-day events are imported."))
    return first, max(first, end - DAY) if end >= first else end  # some programs write the last day itself


def _is_day(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)
