"""What the attendance bridge contributes to the app."""

from flask import Flask

from request_tracker_utils.attendance import cli, demo, jobs, status, tasks
from request_tracker_utils.attendance.alert_messages import ALERT_BEGAN, ALERT_ENDED
from request_tracker_utils.attendance.api import (
    pending_terminals as pending_api,
    people as people_api,
    people_review as people_review_api,
    punches as punches_api,
    terminals as terminals_api,
)
from request_tracker_utils.attendance.people_import import PeopleRows
from request_tracker_utils.attendance.permissions import GRANTS, AttendancePermission
from request_tracker_utils.attendance.punch_counts import PunchCounts
from request_tracker_utils.attendance.reading import TerminalReader
from request_tracker_utils.attendance.views import (
    people,
    people_review,
    punches,
    punches_completeness,
    punches_repairs,
    punches_review,
    push,
    push_pending,
    terminals,
    terminals_form,
)
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.page_settings import SettingsGroup
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.imports.row_types import RowTypes
from request_tracker_utils.imports.tasks import import_kinds
from request_tracker_utils.imports.views import import_pages
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem, PageLink
from request_tracker_utils.web.registry import registry_of, settings

TERMINAL_SETTINGS = SettingsGroup(
    "terminals",
    gettext_noop("Terminals"),
    {
        "polling_interval_minutes": gettext_noop("Polling interval, in minutes"),
        "terminal_silent_minutes": gettext_noop("Alert: silence, in minutes"),
        "terminal_drift_seconds": gettext_noop("Alert: clock error, in seconds"),
        "terminal_alert_recipients": gettext_noop("Alert: recipients"),
    },
    help=gettext_noop("A new interval starts at the last poll of each terminal. Without recipients, all administrators get the alerts."),
    order=40,
)
"""Settings that decide who may reach the program, and what it may reach, are not changed on a page."""

IMPORT = {"row_type": PeopleRows.name}
IMPORTS = "attendance_people_imports"
imports = import_pages(
    IMPORTS, permission=AttendancePermission.MANAGE, uploads={PeopleRows.name: "/punches/people/import"}, files="/punches/people/imports"
)


def install(app: Flask) -> None:
    registry_of(app).provide(TerminalReader, TerminalReader())
    registry_of(app).get(TaskKinds).add(*tasks.kinds)
    registry_of(app).provide(PunchCounts, PunchCounts())
    people_rows = PeopleRows()
    registry_of(app).get(RowTypes).add(people_rows)
    registry_of(app).get(TaskKinds).add(*import_kinds(people_rows, permission=AttendancePermission.MANAGE, endpoint=f"{IMPORTS}.show"))


def fill_demo() -> int:
    return demo.fill(transaction, timezone=settings().timezone, now=utc_now())


feature = Feature(
    name="attendance",
    apis=[people_api.api, people_review_api.api, punches_api.api, terminals_api.api, pending_api.api],
    pages=[
        *(terminals.pages, terminals_form.pages, push.pages, push_pending.pages),
        *(punches.pages, punches_review.review_pages, punches_review.quarantine_pages),
        *(punches_completeness.pages, punches_repairs.pages),
        *(people.pages, people_review.pages, imports),
    ],
    links=[
        PageLink(f"{IMPORTS}.upload_form", gettext_noop("People"), "attendance_people.listed", AttendancePermission.READ, 5),
        PageLink(
            "attendance_people.listed", gettext_noop("Import people"), f"{IMPORTS}.upload_form", AttendancePermission.MANAGE, 10, IMPORT
        ),
    ],
    navigation=[
        NavItem(gettext_noop("Punches"), "punches.listed", AttendancePermission.READ, order=19),
        NavItem(gettext_noop("Terminals"), "terminals.listed", AttendancePermission.READ, order=20),
    ],
    administration=[NavItem(gettext_noop("Pending terminals"), "push_pending.listed", AttendancePermission.MANAGE, order=90)],
    commands=[cli.terminals, cli.poll_devices, cli.test_device],
    jobs=jobs.jobs,
    messages=[ALERT_BEGAN, ALERT_ENDED],
    page_settings=[TERMINAL_SETTINGS],
    cards=[HomeCard("attendance/card.html", AttendancePermission.READ, status.card, order=19)],
    status=status.sections,
    demo=Demo(gettext_noop("punches of terminals"), lambda: demo.is_empty(reading), fill_demo),
    grants=GRANTS,
    install=install,
)
