"""What workdays contribute to the app."""

from flask import Flask

from request_tracker_utils.calendars.changes import CalendarChanges
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.page_settings import SettingsGroup
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem, PageLink
from request_tracker_utils.web.registry import registry_of, settings
from request_tracker_utils.workdays import computation_status, current, demo, jobs, status, tasks
from request_tracker_utils.workdays.api import (
    completeness as completeness_api,
    crm as crm_api,
    listing as listing_api,
    missed_punches as missed_punches_api,
    processing as processing_api,
    reviews as reviews_api,
    staff_groups as staff_groups_api,
)
from request_tracker_utils.workdays.cli import commands
from request_tracker_utils.workdays.holidays import mark_holidays
from request_tracker_utils.workdays.missed_punch_messages import REQUEST_DECIDED
from request_tracker_utils.workdays.outlier_digest import OUTLIERS
from request_tracker_utils.workdays.permissions import GRANTS, WorkdayPermission
from request_tracker_utils.workdays.processing import process_changes
from request_tracker_utils.workdays.views import (
    completeness,
    crm,
    missed_punches,
    overview,
    pay_periods,
    people,
    processing,
    reports,
    reviews,
    schedules,
    staff_groups,
)

OUTLIER_SETTINGS = SettingsGroup(
    "workdays",
    gettext_noop("Workdays"),
    {
        "outlier_email_notifications": gettext_noop("Send new outliers by email"),
        "outlier_email_recipients": gettext_noop("Outliers: recipients"),
    },
    help=gettext_noop("One email after each computation, if there are new outliers. Without recipients, all administrators get it."),
    order=45,
)


def install(app: Flask) -> None:
    registry_of(app).get(TaskKinds).add(*tasks.kinds)
    registry_of(app).get(CalendarChanges).add(mark_holidays)


def fill_demo() -> int:
    now = utc_now()
    people = demo.fill(transaction, timezone=settings().timezone, now=now)
    process_changes(current.processor(of_command()))
    demo.correct_some(transaction, now=now)
    return people


feature = Feature(
    name="workdays",
    apis=[
        *(completeness_api.api, crm_api.api, listing_api.api, processing_api.api),
        *(reviews_api.api, missed_punches_api.api, staff_groups_api.api),
    ],
    pages=[
        *(overview.pages, people.pages, reports.pages, crm.pages, processing.pages, completeness.pages),
        *(reviews.pages, missed_punches.own_pages, missed_punches.pages, pay_periods.pages),
        *(staff_groups.pages, schedules.pages),
    ],
    links=[
        PageLink("punch_completeness.show", gettext_noop("Workdays and CRM"), "workday_completeness.show", WorkdayPermission.READ),
    ],
    navigation=[NavItem(gettext_noop("Workdays"), "workdays.listed", WorkdayPermission.READ, order=18)],
    cards=[HomeCard("workdays/card.html", WorkdayPermission.READ, status.card, order=18)],
    commands=commands,
    jobs=jobs.jobs,
    messages=[OUTLIERS, REQUEST_DECIDED],
    page_settings=[OUTLIER_SETTINGS],
    status=[*computation_status.sections, *status.sections],
    gauges=[computation_status.gauges],
    demo=Demo(gettext_noop("people in staff groups"), lambda: demo.is_empty(reading), fill_demo),
    grants=GRANTS,
    install=install,
)
