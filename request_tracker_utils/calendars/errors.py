"""Errors of calendars and holidays."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class CalendarNotFound(NotFound):
    """No calendar has this ID."""

    code = "calendar_not_found"


class HolidayNotFound(NotFound):
    """No holiday has this ID."""

    code = "holiday_not_found"


class CalendarChangeNotFound(NotFound):
    """No change of calendars has this ID."""

    code = "calendar_change_not_found"


class InvalidCalendarField(Invalid):
    """A field of a calendar or holiday cannot be stored; `field` names it."""

    code = "invalid_calendar_field"


class InvalidCalendarFile(Invalid):
    """The file is not an iCalendar file (.ics) with all-day events."""

    code = "invalid_calendar_file"


class CalendarExists(Conflict):
    """Another calendar has this name."""

    code = "calendar_exists"


class DefaultCalendar(Conflict):
    """The default calendar cannot be deleted. Make another one the default first."""

    code = "default_calendar"


class HolidayOverlaps(Conflict):
    """The calendar has a holiday with this name on some of these days. Change that one instead."""

    code = "holiday_overlaps"


class CalendarChangedSince(Conflict):
    """The change was already undone, or what it changed has been changed again. Undo the later changes first."""

    code = "calendar_changed_since"
