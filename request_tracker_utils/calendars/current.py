"""Changes of calendars in this app, for entry points, and its local day."""

from datetime import date

from request_tracker_utils.calendars.changes import CalendarChanges
from request_tracker_utils.calendars.history import CalendarEdit
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, settings


def calendar_edit() -> CalendarEdit:
    """A change by the caller, now."""
    return CalendarEdit(current_actor(), utc_now(), registry().get(CalendarChanges))


def today() -> date:
    return utc_now().astimezone(settings().zone).date()
