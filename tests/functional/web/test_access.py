"""Every route, called by everybody: without an account, by each role, with a session and with a token, against the table below.

What routes do is replaced, so that a call changes nothing; the checks before them are the real ones.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from request_tracker_utils.accounts.models import Role
from request_tracker_utils.core.db import Base
from request_tracker_utils.web import addresses
from request_tracker_utils.web.auth import access_of
from tests.services import roles_table
from tests.services.apps import csrf_token, sign_in, token, user


class May(NamedTuple):
    """The roles that may call a route; `by_token` says whether they may with a token as well as with a session."""

    roles: frozenset[str]
    by_token: bool = True


ALL_ROLES = frozenset(map(str, Role))
ANYBODY = None
"""Also without signing in."""
SIGNED_IN = May(ALL_ROLES)
ONESELF = May(ALL_ROLES, by_token=False)
ADMIN = May(frozenset({"admin"}))
ADMIN_BY_BROWSER = May(frozenset({"admin"}), by_token=False)
NO_STUDENT_BY_BROWSER = May(ALL_ROLES - {"student"}, by_token=False)
"""No phone numbers of children are collected."""
SECRET = May(frozenset())
"""A secret of its own, which no account has."""
SIGNED = May(frozenset())
"""A signature of a provider, or a terminal that pushes, and a setting without which there is nothing."""
STAFF = May(frozenset({"admin", "staff"}))
TEACHER = May(frozenset({"admin", "staff", "teacher"}))
COLLEAGUES = May(ALL_ROLES - {"student"})
STUDENT = May(frozenset({"student"}))
TEACHER_OR_STUDENT = May(TEACHER.roles | STUDENT.roles)
"""Students reach their own record and devices there: see tests/functional/students/test_visibility.py."""

ORDERING = May(ALL_ROLES - {"student"})
"""Everyone who may order cable."""

PUSHING = ("GET /iclock/cdata", "POST /iclock/cdata", "GET /iclock/getrequest", "POST /iclock/devicecmd", "GET /iclock/ping")

PAY_PERIOD_PAGES = ("", "/totals.csv", "/adjustments.csv")

# A new route needs a line here: who may call it?
ROUTES: dict[str, May | None] = {
    "GET /": SIGNED_IN,
    "GET /stock": COLLEAGUES,
    "GET /stock/stock.csv": COLLEAGUES,
    "GET /stock/<int:stock_id>": COLLEAGUES,
    "POST /stock/<int:stock_id>/take-out": STAFF,
    "POST /stock/<int:stock_id>/return": STAFF,
    "POST /stock/<int:stock_id>/adjust": STAFF,
    "GET /stock/take-out": STAFF,
    "POST /stock/take-out": STAFF,
    "GET /stock/receive": STAFF,
    "POST /stock/receive": STAFF,
    "GET /stock/receive/<int:receipt_id>": STAFF,
    "POST /stock/receive/<int:receipt_id>/undo": STAFF,
    "GET /stock/count": STAFF,
    "POST /stock/count": STAFF,
    "GET /stock/count/<int:count_id>": STAFF,
    "POST /stock/count/<int:count_id>/rows/<int:stock_id>": STAFF,
    "POST /stock/count/<int:count_id>/finish": STAFF,
    "GET /stock/movements": COLLEAGUES,
    "GET /stock/movements/movements.csv": COLLEAGUES,
    "POST /stock/movements/<int:movement_id>/reverse": STAFF,
    "GET /stock/reorder": STAFF,
    "POST /stock/reorder": STAFF,
    "GET /stock/reorder/order.csv": STAFF,
    "GET /stock/cable-types": STAFF,
    "POST /stock/cable-types": STAFF,
    "POST /stock/cable-types/<int:type_id>": STAFF,
    **{f"POST /api/processed-attendance/{do}/": ADMIN for do in ("process", "sync")},
    "GET /workdays/sync": STAFF,
    **{f"POST /workdays/sync/{do}": ADMIN for do in ("run", "again")},
    **{f"{method} /workdays/compute": ADMIN for method in ("GET", "POST")},
    **{
        f"GET /api/processed-attendance/{path}": STAFF
        for path in ("", "<int:workday_id>/", "<int:workday_id>/why/", "outliers/", "unsynced/", "stats/")
    },
    "GET /api/processed-attendance/mine/": SIGNED_IN,
    **{f"GET /workdays{path}": STAFF for path in ("", "/<int:workday_id>", "/days/<day>", "/workdays.csv", "/export.xlsx")},
    **{f"GET /workdays{path}": STAFF for path in ("/people/<int:person_id>", "/users/<int:terminal_id>/<user_id>")},
    **{f"GET /workdays/reports{path}": STAFF for path in ("", "/report.csv", "/export.xlsx")},
    "GET /workdays/mine": SIGNED_IN,
    **{f"GET /workdays/review{path}": STAFF for path in ("", "/<int:workday_id>")},
    **{f"{method} /workdays/review/batch": ADMIN for method in ("GET", "POST")},
    "POST /workdays/review/<int:workday_id>": ADMIN,
    **{f"POST /api/processed-attendance/<int:workday_id>/{do}/": ADMIN for do in ("accept", "correct", "undo")},
    **{f"{method} /workdays/mine/requests": SIGNED_IN for method in ("GET", "POST")},
    "POST /workdays/mine/requests/<int:request_id>/withdraw": SIGNED_IN,
    "GET /workdays/requests": ADMIN,
    "POST /workdays/requests/<int:request_id>": ADMIN,
    "GET /api/missed-punch-requests/": ADMIN,
    **{f"{method} /api/missed-punch-requests/mine/": SIGNED_IN for method in ("GET", "POST")},
    "POST /api/missed-punch-requests/<int:request_id>/withdraw/": SIGNED_IN,
    **{f"POST /api/missed-punch-requests/<int:request_id>/{do}/": ADMIN for do in ("approve", "reject")},
    **{f"GET /workdays/pay-periods{path}": STAFF for path in ("", *(f"/<int:period_id>{end}" for end in PAY_PERIOD_PAGES))},
    **{f"POST /workdays/pay-periods{path}": ADMIN for path in ("", "/<int:period_id>/close", "/<int:period_id>/delete")},
    **{f"GET {path}": STAFF for path in ("/workdays/completeness", "/api/workday-completeness/")},
    "GET /api/raw-attendance/": STAFF,
    "GET /api/raw-attendance/mine/": SIGNED_IN,
    "GET /api/punch-completeness/": STAFF,
    **{f"GET /punches{path}": STAFF for path in ("", "/rows", "/punches.csv", "/completeness", "/review", "/quarantine", "/clock-repairs")},
    "GET /punches/quarantine/logs/<int:log_id>": STAFF,
    "GET /punches/clock-repairs/preview": ADMIN,
    **{f"POST /punches/{path}": ADMIN for path in ("review/<int:punch_id>", "quarantine/<int:record_id>", "clock-repairs")},
    "POST /punches/clock-repairs/<int:repair_id>/reverse": ADMIN,
    "GET /terminals": STAFF,
    "GET /terminals/rows": STAFF,
    "POST /terminals/poll": STAFF,
    "GET /terminals/<int:terminal_id>": STAFF,
    **{f"POST /terminals/<int:terminal_id>/{action}": STAFF for action in ("poll", "test")},
    **{f"POST /terminals/<int:terminal_id>/{do}": ADMIN for do in ("clock", "accept-replacement", "enable", "disable", "delete")},
    **{f"{method} /terminals/{form}": ADMIN for method in ("GET", "POST") for form in ("new", "<int:terminal_id>/edit")},
    **{f"GET /api/attendance-people/{path}": STAFF for path in ("", "<int:person_id>")},
    "POST /api/attendance-people/": ADMIN,
    **{f"GET /api/attendance-people/{rows}/": STAFF for rows in ("conflicts", "unassigned", "changes")},
    **{f"POST /api/attendance-people/<int:person_id>/{do}": ADMIN for do in ("merge", "split")},
    **{f"POST /api/attendance-people/{path}": ADMIN for path in ("conflicts/<fingerprint>", "unassigned/", "changes/<int:change_id>/undo")},
    **{f"{method} /api/attendance-people/<int:person_id>": ADMIN for method in ("PATCH", "DELETE")},
    "GET /punches/mine": SIGNED_IN,
    **{f"GET /punches/people{path}": STAFF for path in ("", "/<int:person_id>", "/conflicts", "/changes")},
    "GET /punches/people/new": ADMIN,
    **{f"{method} /punches/people/import": ADMIN for method in ("GET", "POST")},
    **{f"GET /punches/people/imports{path}": ADMIN for path in ("", "/<int:file_id>", "/<int:file_id>/problems.csv")},
    **{f"POST /punches/people/imports/<int:file_id>/{do}": ADMIN for do in ("preview", "import", "delete", "imports/<int:import_id>/undo")},
    **{f"POST /punches/people{path}": ADMIN for path in ("", "/<int:person_id>", "/create-from-terminals")},
    **{f"POST /punches/people/{path}": ADMIN for path in ("conflicts/<fingerprint>", "changes/<int:change_id>/undo")},
    **{f"GET /workdays/groups{path}": STAFF for path in ("", "/<int:group_id>")},
    **{f"POST /workdays/groups{path}": ADMIN for path in ("", "/<int:group_id>", "/<int:group_id>/members")},
    "POST /workdays/groups/<int:group_id>/members/<int:person_id>/remove": ADMIN,
    "POST /workdays/groups/<int:group_id>/upcoming/<int:change_id>/cancel": ADMIN,
    **{
        f"{method} /workdays/groups/<int:group_id>/hours/{form}": ADMIN
        for method in ("GET", "POST")
        for form in ("new", "<int:version_id>")
    },
    **{f"GET /api/staff-groups/{path}": STAFF for path in ("", "<int:group_id>")},
    **{f"GET /api/staff-groups/<int:group_id>/{rows}/": STAFF for rows in ("versions", "members", "upcoming")},
    **{f"POST /api/staff-groups/{path}": ADMIN for path in ("", "<int:group_id>/versions/", "<int:group_id>/members/")},
    **{f"{method} /api/staff-groups/<int:group_id>": ADMIN for method in ("PATCH", "DELETE")},
    **{f"{method} /api/staff-groups/<int:group_id>/versions/<int:version_id>": ADMIN for method in ("PUT", "DELETE")},
    "DELETE /api/staff-groups/<int:group_id>/members/<int:person_id>": ADMIN,
    "DELETE /api/staff-groups/<int:group_id>/upcoming/<int:change_id>": ADMIN,
    **{f"GET /calendars{path}": COLLEAGUES for path in ("", "/<int:calendar_id>", "/changes")},
    **{
        f"POST /calendars{path}": ADMIN
        for path in ("", "/<int:calendar_id>", "/<int:calendar_id>/holidays", "/changes/<int:change_id>/undo")
    },
    **{f"{method} /calendars/holidays/<int:holiday_id>": ADMIN for method in ("GET", "POST")},
    **{f"{method} /calendars/<int:calendar_id>/import": ADMIN for method in ("GET", "POST")},
    "POST /calendars/<int:calendar_id>/import/add": ADMIN,
    **{f"GET /api/calendars/{path}": COLLEAGUES for path in ("", "<int:calendar_id>")},
    **{f"GET /api/holidays/{path}": COLLEAGUES for path in ("", "<int:holiday_id>")},
    **{f"POST /api/{rows}/": ADMIN for rows in ("calendars", "holidays")},
    **{f"{method} /api/calendars/<int:calendar_id>": ADMIN for method in ("PATCH", "DELETE")},
    **{f"{method} /api/holidays/<int:holiday_id>": ADMIN for method in ("PATCH", "DELETE")},
    "GET /api/calendar-changes/": COLLEAGUES,
    "POST /api/calendar-changes/<int:change_id>/undo": ADMIN,
    "GET /api/terminals": STAFF,
    "POST /api/terminals": ADMIN,
    "GET /api/terminals/<int:terminal_id>": STAFF,
    **{f"{method} /api/terminals/<int:terminal_id>": ADMIN for method in ("PUT", "PATCH", "DELETE")},
    "GET /api/terminals/<int:terminal_id>/info/": STAFF,
    **{f"POST /api/terminals/<int:terminal_id>/{action}/": STAFF for action in ("poll", "test")},
    **{f"POST /api/terminals/<int:terminal_id>/{action}/": ADMIN for action in ("accept-replacement", "clock")},
    **{f"GET /api/terminals/<int:terminal_id>/{rows}/": STAFF for rows in ("polls", "events", "clock-readings")},
    "GET /api/terminals/pending": STAFF,
    **{f"POST /api/terminals/pending/<serial_number>/{do}/": ADMIN for do in ("accept", "reject", "restore")},
    "GET /optics": COLLEAGUES,
    "POST /optics": COLLEAGUES,
    "GET /optics/requests": ADMIN,
    "GET /optics/requests/<int:request_id>": COLLEAGUES,
    "POST /optics/requests/<int:request_id>/status": ADMIN,
    "GET /optics/parts": ADMIN,
    "POST /optics/parts": ADMIN,
    "POST /optics/parts/<int:part_id>": ADMIN,
    "GET /stock/import": STAFF,
    "POST /stock/import": STAFF,
    "GET /stock/receive/import": STAFF,
    "POST /stock/receive/import": STAFF,
    "GET /stock/imports": STAFF,
    "GET /stock/imports/<int:file_id>": STAFF,
    "POST /stock/imports/<int:file_id>/delete": STAFF,
    "POST /stock/imports/<int:file_id>/preview": STAFF,
    "POST /stock/imports/<int:file_id>/import": STAFF,
    "POST /stock/imports/<int:file_id>/imports/<int:import_id>/undo": STAFF,
    "GET /stock/imports/<int:file_id>/problems.csv": STAFF,
    "GET /sign-in": ANYBODY,
    "POST /sign-in": ANYBODY,
    "POST /sign-out": SIGNED_IN,
    "GET /set-up/<key>": ANYBODY,
    "POST /set-up/<key>": ANYBODY,
    "GET /password/<key>": ANYBODY,
    "POST /password/<key>": ANYBODY,
    **{f"{method} {path}": ANYBODY for path in ("/register", "/register/<key>", "/forgot-password") for method in ("GET", "POST")},
    "POST /api/register": ANYBODY,
    "POST /api/login": ANYBODY,
    "GET /api/users": COLLEAGUES,
    "GET /api/users/<user_id>": COLLEAGUES,
    **{
        f"{method} {start}/tickets/<int:ticket_id>/{decision}/<token>": ANYBODY
        for start in ("", "/api")
        for method in ("GET", "POST")
        for decision in ("approve", "reject")
    },
    "GET /me": SIGNED_IN,
    "POST /me/password": ONESELF,
    "GET /me/absences": COLLEAGUES,
    "POST /me/absences": NO_STUDENT_BY_BROWSER,
    "POST /me/absences/<int:absence_id>/end": NO_STUDENT_BY_BROWSER,
    "GET /me/notifications": SIGNED_IN,
    "POST /me/notifications": ONESELF,
    "POST /me/notifications/chat": NO_STUDENT_BY_BROWSER,
    "POST /me/notifications/chat/remove": NO_STUDENT_BY_BROWSER,
    "POST /me/notifications/phone": NO_STUDENT_BY_BROWSER,
    "POST /me/notifications/phone/confirm": NO_STUDENT_BY_BROWSER,
    "POST /me/notifications/phone/remove": NO_STUDENT_BY_BROWSER,
    "GET /notifications": SIGNED_IN,
    "GET /notifications/messages.csv": SIGNED_IN,
    "GET /notifications/<int:message_id>": SIGNED_IN,
    "POST /notifications/<int:message_id>/send-again": ADMIN_BY_BROWSER,
    "POST /notifications/send-again": ADMIN_BY_BROWSER,
    "GET /notifications/test": ADMIN_BY_BROWSER,
    "POST /notifications/test": ADMIN_BY_BROWSER,
    "GET /notifications/suppressed": ADMIN,
    "POST /notifications/suppressed/remove": ADMIN_BY_BROWSER,
    "POST /me/sessions/<int:session_id>/end": ONESELF,
    "POST /me/sessions/end": ONESELF,
    "POST /me/tokens": ONESELF,
    "POST /me/tokens/<int:token_id>/revoke": ONESELF,
    "GET /admin/people": ADMIN,
    "GET /admin/people/new": ADMIN_BY_BROWSER,
    "POST /admin/people/new": ADMIN_BY_BROWSER,
    "GET /admin/people/invitations": ADMIN,
    "POST /admin/people/invitations": ADMIN_BY_BROWSER,
    "POST /admin/people/invitations/<int:link_id>/revoke": ADMIN_BY_BROWSER,
    "GET /admin/people/<int:user_id>": ADMIN,
    "POST /admin/people/<int:user_id>": ADMIN_BY_BROWSER,
    "POST /admin/people/<int:user_id>/password-link": ADMIN_BY_BROWSER,
    "POST /admin/people/<int:user_id>/rt-user": ADMIN_BY_BROWSER,
    "POST /admin/people/<int:user_id>/student": ADMIN_BY_BROWSER,
    "POST /admin/people/<int:user_id>/school": ADMIN_BY_BROWSER,
    "POST /admin/people/<int:user_id>/sessions/end": ADMIN_BY_BROWSER,
    "POST /admin/people/<int:user_id>/state": ADMIN_BY_BROWSER,
    "POST /admin/people/<int:user_id>/tokens/<int:token_id>/revoke": ADMIN_BY_BROWSER,
    "GET /admin/sign-ins": ADMIN,
    "GET /admin/sign-ins.csv": ADMIN,
    "GET /admin/personal-data": ADMIN,
    "GET /admin/personal-data.csv": ADMIN,
    "GET /admin": ADMIN,
    "GET /admin/jobs": ADMIN,
    "GET /admin/jobs/<name>": ADMIN,
    "POST /admin/jobs/<name>/run": ADMIN,
    "POST /webhooks/resend": SIGNED,
    "POST /webhooks/sendgrid": SIGNED,
    "POST /webhooks/twilio": SIGNED,
    "GET /terminals/pending": STAFF,
    "POST /terminals/pending/<serial_number>": ADMIN,
    "POST /terminals/pending/accepted/<int:terminal_id>": ADMIN,
    **{f"{route}{suffix}": SIGNED for route in PUSHING for suffix in ("", ".aspx")},
    "GET /admin/settings": ADMIN,
    "GET /admin/settings/<name>": ADMIN_BY_BROWSER,
    "POST /admin/settings/<name>": ADMIN_BY_BROWSER,
    "POST /admin/settings/<name>/remove": ADMIN_BY_BROWSER,
    "GET /admin/access": ADMIN,
    "GET /admin/data/": ADMIN,
    **{f"GET /admin/data/{table}/{of}": ADMIN for table in Base.metadata.tables for of in ("", "details/", "export/<export_type>/")},
    "GET /api/jobs": ADMIN,
    "GET /api/students": TEACHER,
    "POST /api/students": STAFF,
    "GET /api/students/stats": TEACHER,
    "GET /api/students/<student_id>": TEACHER_OR_STUDENT,
    "PUT /api/students/<student_id>": STAFF,
    "DELETE /api/students/<student_id>": STAFF,
    "GET /api/students/<student_id>/devices": TEACHER_OR_STUDENT,
    "POST /api/students/<student_id>/checkin": STAFF,
    "POST /api/students/<student_id>/checkout": STAFF,
    "GET /students": TEACHER,
    "GET /students/new": STAFF,
    "POST /students/new": STAFF,
    "GET /students/<student_id>": TEACHER,
    "GET /students/<student_id>/edit": STAFF,
    "POST /students/<student_id>/edit": STAFF,
    "POST /students/<student_id>/status": STAFF,
    "POST /students/<student_id>/delete": STAFF,
    "POST /students/<student_id>/assign": STAFF,
    "GET /devices": TEACHER,
    "GET /devices/overdue": TEACHER,
    "GET /devices/new": STAFF,
    "POST /devices/new": STAFF,
    "GET /devices/<asset_tag>": TEACHER_OR_STUDENT,
    "GET /my/devices": STUDENT,
    "GET /my/record": STUDENT,
    "GET /devices/<asset_tag>/edit": STAFF,
    "POST /devices/<asset_tag>/edit": STAFF,
    "POST /devices/<asset_tag>/status": STAFF,
    "POST /devices/<asset_tag>/assign": STAFF,
    "POST /devices/<asset_tag>/return": STAFF,
    "POST /devices/<asset_tag>/override": ADMIN,
    "POST /devices/<asset_tag>/undo/<int:log_id>": STAFF,
    "POST /devices/<asset_tag>/delete": STAFF,
    "GET /api/devices": TEACHER,
    "POST /api/devices": STAFF,
    "POST /api/devices/batch-checkin": STAFF,
    "POST /api/devices/poll_all/": STAFF,
    "GET /api/devices/<asset_tag>": TEACHER_OR_STUDENT,
    "PUT /api/devices/<asset_tag>": STAFF,
    "DELETE /api/devices/<asset_tag>": STAFF,
    "GET /api/devices/<asset_tag>/history": TEACHER,
    "POST /api/devices/<asset_tag>/override": ADMIN,
    "POST /api/scan/resolve": TEACHER,
    "POST /api/scan/assign": STAFF,
    "POST /api/scan/return": STAFF,
    "POST /api/scan/undo": STAFF,
    "GET /api/scan/recent": TEACHER,
    "GET /students/scan": TEACHER,
    "POST /students/scan": TEACHER,
    "GET /students/scan/commands": TEACHER,
    "GET /api/rt-lookup/student/<student_id>": STAFF,
    "POST /api/rt-lookup/batch": STAFF,
    "GET /api/rt-lookup/user/<username>": STAFF,
    "POST /api/tickets/create": STAFF,
    "GET /students/differences": STAFF,
    "POST /students/differences/compare": STAFF,
    "POST /students/differences/retry": STAFF,
    "POST /students/differences/resolve-all": STAFF,
    "POST /students/differences/<int:difference_id>/resolve": STAFF,
    **{f"{method} /{subject}/import": STAFF for subject in ("students", "devices") for method in ("GET", "POST")},
    "GET /students/imports": STAFF,
    "POST /students/imports/<int:file_id>/delete": STAFF,
    "GET /students/imports/<int:file_id>": STAFF,
    "POST /students/imports/<int:file_id>/preview": STAFF,
    "POST /students/imports/<int:file_id>/import": STAFF,
    "POST /students/imports/<int:file_id>/imports/<int:import_id>/undo": STAFF,
    "GET /students/imports/<int:file_id>/problems.csv": STAFF,
    "GET /students/export.csv": STAFF,
    "GET /devices/export.csv": STAFF,
    "GET /devices/logs.csv": STAFF,
    "GET /students/leavers": STAFF,
    "GET /students/leavers.csv": STAFF,
    "GET /students/rollover": ADMIN,
    "POST /students/rollover": ADMIN,
    "POST /students/rollover/<int:year_id>/undo": ADMIN,
    "GET /assets": TEACHER,
    "GET /assets/<int:asset_id>": TEACHER_OR_STUDENT,
    "GET /assets/create": STAFF,
    "POST /assets/create": STAFF,
    "GET /assets/validate-serial": STAFF,
    "GET /assets/preview-next-tag": STAFF,
    "POST /assets/batch/clear-form": STAFF,
    "POST /assets/new": STAFF,
    "POST /assets/<int:asset_id>/tag": STAFF,
    "GET /assets/import": STAFF,
    "POST /assets/import": STAFF,
    "GET /assets/import/<int:import_id>": STAFF,
    "POST /assets/import/<int:import_id>/check": STAFF,
    "POST /assets/import/<int:import_id>/columns": STAFF,
    "POST /assets/import/<int:import_id>/create": STAFF,
    "POST /assets/import/<int:import_id>/delete": STAFF,
    "GET /assets/import/lists": STAFF,
    "GET /labels/print": STAFF,
    "GET /labels/debug": STAFF,
    "GET /labels/calibration": STAFF,
    "GET /labels/batch": STAFF,
    "POST /labels/batch": STAFF,
    "POST /labels/batch/choose": STAFF,
    "GET /labels/prints": STAFF,
    "GET /labels/prints/unscanned": STAFF,
    "GET /labels/prints/unscanned.csv": STAFF,
    "GET /labels/scan": STAFF,
    "POST /labels/scan": STAFF,
    "GET /api/labels/<asset_id>": STAFF,
    "GET /next-asset-tag": STAFF,
    "POST /confirm-asset-tag": STAFF,
    "POST /update-asset-name": STAFF,
    "POST /reset-asset-tag": ADMIN,
    "GET /admin/asset-tags": STAFF,
    "GET /admin/asset-tags/audit": STAFF,
    "GET /admin/asset-tags/audit.csv": STAFF,
    "GET /admin/asset-tags/reset/<prefix>": ADMIN,
    "POST /admin/asset-tags/reset/<prefix>": ADMIN,
    "POST /admin/asset-tags/prefixes": ADMIN,
    "POST /admin/asset-tags/catalogs": ADMIN,
    "POST /admin/asset-tags/catalogs/remove": ADMIN,
    "GET /admin/asset-tags/differences": STAFF,
    "POST /admin/asset-tags/differences/compare": STAFF,
    "POST /admin/asset-tags/differences/<int:difference_id>/resolve": STAFF,
    "POST /admin/asset-tags/differences/resolve-all": STAFF,
    "GET /tags/pending": STAFF,
    "POST /tags/pending/<tag>/retry": STAFF,
    "GET /tags/untagged": STAFF,
    "POST /tags/untagged": STAFF,
    "GET /admin/asset-tags/sweep": STAFF,
    "POST /admin/asset-tags/sweep/preview": ADMIN,
    "POST /admin/asset-tags/sweep/switch": ADMIN,
    "POST /admin/asset-tags/sweep/run": ADMIN,
    "GET /api/tickets": ORDERING,
    "POST /api/tickets": ORDERING,
    "GET /api/tickets/<int:ticket_id>": ORDERING,
    "PATCH /api/tickets/<int:ticket_id>": ORDERING,
    "DELETE /api/tickets/<int:ticket_id>": ORDERING,
    "POST /api/tickets/<int:ticket_id>/restore": ORDERING,
    "DELETE /api/tickets/<int:ticket_id>/purge": ADMIN,
    "POST /api/tickets/<int:ticket_id>/comments": ORDERING,
    "GET /api/tickets/<int:ticket_id>/events": ORDERING,
    "GET /tickets": ORDERING,
    "GET /tickets/list": ORDERING,
    "GET /tickets/new": ORDERING,
    "POST /tickets/new": ORDERING,
    "GET /tickets/<int:ticket_id>": ORDERING,
    **{f"POST /tickets/<int:ticket_id>/{action}": ORDERING for action in ("step", "comments", "assign", "archive", "restore", "edit")},
    "GET /tickets/<int:ticket_id>/edit": ORDERING,
    "POST /tickets/<int:ticket_id>/purge": ADMIN,
    **{f"{method} /tickets/kits/{which}": ADMIN for which in ("new", "<int:kit_id>") for method in ("GET", "POST")},
    "GET /tickets/kits": ADMIN,
    "POST /tickets/kits/<int:kit_id>/move": ADMIN,
    "POST /tickets/kits/<int:kit_id>/delete": ADMIN,
    **{f"{method} /tickets/pick-list": STAFF for method in ("GET", "POST")},
    **{f"POST /tickets/<int:ticket_id>/{action}": ORDERING for action in ("fulfill", "returns")},
    "GET /api/tickets/pick-list": STAFF,
    "POST /api/tickets/<int:ticket_id>/fulfill": ORDERING,
    "POST /api/tickets/<int:ticket_id>/returns": ORDERING,
    "GET /api/dashboard/stats": COLLEAGUES,
    "GET /api/inventory/on-hand": ORDERING,
    "GET /api/inventory/movements": ORDERING,
    "GET /api/inventory/cut-offers": ORDERING,
    "GET /api/inventory/reorder": ORDERING,
    "GET /api/optics-parts": ORDERING,
    "PUT /api/optics-parts": ADMIN,
    "GET /api/optics-requests": ORDERING,
    "POST /api/optics-requests": ORDERING,
    "PATCH /api/optics-requests/<int:request_id>/status": ADMIN,
    "GET /api/cable-types": ORDERING,
    "POST /api/cable-types": STAFF,
    "PUT /api/cable-types/<type_id>": STAFF,
    "POST /api/inventory/adjustments": STAFF,
    "POST /api/inventory/returns": STAFF,
    "POST /api/inventory/consumptions": STAFF,
    "POST /api/inventory/movements/<movement_id>/reverse": STAFF,
    "PUT /api/inventory/stock/<stock_id>/levels": STAFF,
    "GET /api/inventory/counts": STAFF,
    "POST /api/inventory/counts": STAFF,
    "GET /api/inventory/counts/<count_id>": STAFF,
    "POST /api/inventory/counts/<count_id>/rows": STAFF,
    "POST /api/inventory/counts/<count_id>/finish": STAFF,
    "GET /api/cable-receiving": STAFF,
    "POST /api/cable-receiving": STAFF,
    "GET /api/cable-receiving/<receipt_id>": STAFF,
    "POST /api/cable-receiving/<receipt_id>/reverse": STAFF,
    "GET /tasks": STAFF,
    "GET /tasks/<int:task_id>": STAFF,
    "POST /tasks/<int:task_id>/cancel": STAFF,
    "POST /tasks/<int:task_id>/resume": STAFF,
    "GET /api/tasks/<task_id>": STAFF,
    "GET /webhook": ADMIN_BY_BROWSER,
    "POST /webhook/asset-created": SECRET,
    "GET /openapi/": SIGNED_IN,
    "GET /openapi/openapi.json": SIGNED_IN,
    "GET /api/health": ANYBODY,
    "GET /metrics": ANYBODY,
    "GET /static/<path:filename>": ANYBODY,
    "GET /bootstrap/static/<path:filename>": ANYBODY,
}
WITHOUT_SESSION = (
    "POST /api/register",
    "POST /api/login",
    *(name for name in ROUTES if name.startswith("POST ") and name.endswith("/<token>")),
)
"""They ignore sessions, and take a password or the token of an approval link from anybody."""
REACHED = 299
"""Status of an answer where the call reached the route."""


class Call(NamedTuple):
    name: str
    method: str
    path: str


@pytest.fixture
def calls(app: Flask) -> list[Call]:
    return disarmed(app)


def disarmed(app: Flask) -> list[Call]:
    """A call of every route and method of the program, none of which does anything from now on."""
    calls = []
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith(addresses.PREFIX):
            path = path_of(app, rule)
            calls += [Call(f"{method} {rule.rule}", method, path) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}]
            app.view_functions[rule.endpoint] = _stand_in(app, rule.endpoint)
    return calls


def path_of(app: Flask, rule: Rule) -> str:
    values = {name: 999_999 if "Integer" in type(kind).__name__ else "x" for name, kind in rule._converters.items()}
    return app.url_map.bind("localhost").build(rule.endpoint, values)


def _stand_in(app: Flask, endpoint: str) -> Callable[..., tuple[str, int]]:
    def reached(**_: object) -> tuple[str, int]:
        return "", REACHED

    reached.access = access_of(app, endpoint)  # type: ignore[attr-defined]
    return reached


def reached_by(client: FlaskClient, calls: list[Call], headers: dict[str, str]) -> dict[str, int]:
    """Name of the route → status of its answer."""
    return {call.name: client.open(call.path, method=call.method, headers=headers).status_code for call in calls}


def statuses_for(role: str, *, by_token: bool = False) -> dict[str, int]:
    return {name: _status_for(may, role, by_token) for name, may in ROUTES.items()}


def _status_for(may: May | None, role: str, by_token: bool) -> int:
    if may is SECRET or may is SIGNED:
        return 401 if may is SECRET else 404
    return REACHED if may is ANYBODY or (role in may.roles and (may.by_token or not by_token)) else 403


def test_every_route_has_a_line_in_the_table_and_every_line_a_route(calls: list[Call]) -> None:
    assert {call.name for call in calls} == set(ROUTES)


def test_public_routes_alone_are_reached_without_signing_in(app: Flask, client: FlaskClient) -> None:
    csrf = {"X-CSRFToken": csrf_token(client)}
    assert reached_by(client, disarmed(app), csrf) == {
        name: REACHED if may is ANYBODY else 404 if may is SIGNED else 401 for name, may in ROUTES.items()
    }


@pytest.mark.parametrize("role", sorted(ALL_ROLES))
def test_a_role_reaches_its_routes_by_session_and_by_token(app: Flask, client: FlaskClient, role: str) -> None:
    by_token = token(app, role)
    user(app, role)
    sign_in(client, role)
    csrf = {"X-CSRFToken": csrf_token(client, "/me")}
    calls = disarmed(app)
    assert reached_by(client, calls, csrf) == statuses_for(role)
    assert reached_by(app.test_client(), calls, by_token) == statuses_for(role, by_token=True)


def test_what_changes_something_needs_the_csrf_token_of_the_session(app: Flask, client: FlaskClient) -> None:
    user(app, "admin")
    sign_in(client, "admin")
    statuses = reached_by(client, [call for call in disarmed(app) if call.method != "GET"], {})
    expected = {
        name: 401 if may is SECRET else 404 if may is SIGNED else 403 for name, may in ROUTES.items() if not name.startswith("GET ")
    }
    assert statuses == expected | dict.fromkeys(WITHOUT_SESSION, REACHED)


def test_files_for_everybody_are_small(app: Flask, client: FlaskClient) -> None:
    """One that nobody reads stays in memory until the connection is cut off, and a stranger may have thousands of connections."""
    sizes = {}
    for endpoint, scaffold in [("static", app), ("bootstrap.static", app.blueprints["bootstrap"])]:
        folder = Path(scaffold.static_folder or "")
        for file in filter(Path.is_file, folder.rglob("*")):
            with app.test_request_context():
                address = url_for(endpoint, filename=file.relative_to(folder).as_posix())
            sizes[address] = len(client.get(address).data) if file.stat().st_size > 50_000 else 0
    assert max(sizes.values()) > 200_000, "the style sheet is served"
    assert {address: size for address, size in sizes.items() if size > 250_000} == {}


def test_a_route_without_an_access_rule_is_closed_to_all(own_app: Flask) -> None:
    own_app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    client = own_app.test_client()
    assert client.get("/forgotten", headers=token(own_app, "admin")).status_code == 404


def test_the_table_of_roles_in_the_documentation_is_true() -> None:
    page = roles_table.PAGE.read_text(encoding="utf-8")
    assert roles_table.page_with(roles_table.table(), page) == page, "run `python -m tests.services.roles_table` to renew docs/operation.md"


def test_former_addresses_redirect_to_present_ones(own_app: Flask) -> None:
    addresses.redirect_former_addresses(own_app, {"/former/<int:asset_id>": "assets.show"})
    former = [rule for rule in own_app.url_map.iter_rules() if rule.endpoint.startswith(addresses.PREFIX)]
    adapter = own_app.url_map.bind("localhost")
    for rule in former:
        answer = own_app.test_client().get(f"{path_of(own_app, rule)}?q=a&q=b")
        path, _, query = answer.headers["Location"].partition("?")
        endpoint, values = adapter.match(path, "GET")
        assert (answer.status_code, query, endpoint.startswith(addresses.PREFIX)) == (308, "q=a&q=b", False), rule
        assert values.keys() >= rule._converters.keys(), rule
