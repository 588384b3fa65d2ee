"""What calendars contribute to the app."""

from flask import Flask

from request_tracker_utils.calendars import api, demo
from request_tracker_utils.calendars.changes import CalendarChanges
from request_tracker_utils.calendars.permissions import GRANTS, CalendarPermission
from request_tracker_utils.calendars.service import ensure_default
from request_tracker_utils.calendars.views import calendars, holidays, imports
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.web.feature import Demo, Feature, NavItem
from request_tracker_utils.web.registry import registry, registry_of


def install(app: Flask) -> None:
    registry_of(app).provide(CalendarChanges, CalendarChanges())


def fill_demo() -> int:
    return demo.fill(transaction, registry().get(CalendarChanges), now=utc_now())


feature = Feature(
    name="calendars",
    apis=[api.api],
    pages=[calendars.pages, holidays.pages, imports.pages],
    navigation=[NavItem(gettext_noop("Calendars"), "calendars.default", CalendarPermission.READ, order=21)],
    demo=Demo(gettext_noop("holidays of a school year"), lambda: demo.is_empty(reading), fill_demo),
    grants=GRANTS,
    install=install,
    prepare=lambda: ensure_default(reading, transaction),
)
