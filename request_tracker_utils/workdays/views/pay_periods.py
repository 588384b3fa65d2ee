"""Pages of pay periods: creating and closing them, hours by person to print and as CSV, and adjustments."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Conflict
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import row_id
from request_tracker_utils.web.registry import settings
from request_tracker_utils.workdays import missed_punches, pay_periods, pay_totals
from request_tracker_utils.workdays.current import clocks
from request_tracker_utils.workdays.models import ROUNDINGS, PayAdjustment, PayLength
from request_tracker_utils.workdays.pay_errors import InvalidPayPeriod
from request_tracker_utils.workdays.pay_periods import NewPeriods
from request_tracker_utils.workdays.pay_totals import PersonTotal, rounded
from request_tracker_utils.workdays.permissions import WorkdayPermission

PAGE_SIZE, SHOWN_ADJUSTMENTS, BATCH = 30, 500, 200
FIELDS = {"first_day": "", "length": PayLength.BIWEEKLY, "count": "1", "rounding_minutes": "15"}
TOTALS_HEADER = (
    "person",
    "user_ids",
    "days",
    "incomplete_days",
    "seconds",
    "minutes",
    "adjusted_seconds",
    "adjusted_minutes",
    "difference",
)
ADJUSTMENTS_HEADER = (
    *("id", "recorded_at", "changed_by", "person", "user_id", "date", "terminal"),
    *("before_clock_in", "before_clock_out", "before_seconds", "clock_in", "clock_out", "seconds"),
)

pages = Blueprint("pay_periods", __name__, url_prefix="/workdays/pay-periods")


@pages.get("")
@require(WorkdayPermission.READ)
def listed() -> str:
    """All periods, the newest first, and the form of further ones."""
    return _list()


@pages.post("")
@require(WorkdayPermission.REVIEW)
def create() -> ResponseReturnValue:
    """Adds periods after the last one."""
    sent = {name: request.form.get(name, "").strip()[:30] for name in FIELDS}
    try:
        with transaction() as session:
            created = pay_periods.create(session, _entered(sent), actor=current_actor(), now=utc_now())
    except InvalidPayPeriod as error:
        return _list(error, sent), error.status
    flash(ngettext("%(num)s pay period was created.", "%(num)s pay periods were created.", len(created)), "success")
    return redirect(url_for(".listed"), 303)


@pages.get("/<int:period_id>")
@require(WorkdayPermission.READ)
def show(period_id: int) -> str:
    """The hours of a period by person, its warnings and adjustments. Printed without navigation."""
    return _page(period_id)


@pages.post("/<int:period_id>/close")
@require(WorkdayPermission.REVIEW)
def close(period_id: int) -> ResponseReturnValue:
    """Closes a period."""
    by: dict[str, Any] = {"accept_warnings": "accept_warnings" in request.form, "has_crm": has_crm()}
    try:
        with transaction() as session:
            pay_periods.close(session, period_id, clocks(), actor=current_actor(), now=utc_now(), **by)
    except Conflict as error:
        return _page(period_id, error), error.status
    flash(_("The pay period was closed."), "success")
    return redirect(url_for(".show", period_id=period_id), 303)


@pages.post("/<int:period_id>/delete")
@require(WorkdayPermission.REVIEW)
def delete(period_id: int) -> ResponseReturnValue:
    """Deletes the last period, if it is open."""
    try:
        with transaction() as session:
            pay_periods.delete(session, period_id)
    except Conflict as error:
        return _page(period_id, error), error.status
    flash(_("The pay period was deleted."), "success")
    return redirect(url_for(".listed"), 303)


@pages.get("/<int:period_id>/totals.csv")
@require(WorkdayPermission.READ)
def totals_csv(period_id: int) -> Response:
    """Hours by person."""
    with reading() as session:
        period = pay_periods.find_period(session, period_id)
        found = pay_totals.totals(session, period)
    rows = (_total_cells(each, period.rounding_minutes) for each in found)
    return csv_response(f"pay-period-{period.first_day}", TOTALS_HEADER, rows, what="hours of a pay period", batch=BATCH)


@pages.get("/<int:period_id>/adjustments.csv")
@require(WorkdayPermission.READ)
def adjustments_csv(period_id: int) -> Response:
    """What has changed since the period was closed."""
    with reading() as session:
        period, terminals = pay_periods.find_period(session, period_id), terminal_names(session)

    def rows() -> Iterator[list[object]]:
        with reading() as session:
            for each in pay_totals.adjustments(session, period):
                yield _adjustment_cells(each, terminals)

    name = f"adjustments-{period.first_day}"
    return csv_response(name, ADJUSTMENTS_HEADER, rows(), what="adjustments of a pay period", batch=BATCH)


def has_crm() -> bool:
    """Whether workdays are sent to a CRM."""
    return settings().crm_api_url is not None


def _list(error: InvalidPayPeriod | None = None, sent: dict[str, str] | None = None) -> str:
    before = request.args.get("before", type=row_id)
    with reading() as session:
        found = pay_periods.list_periods(session, limit=PAGE_SIZE + 1, before=before)
        newest = pay_periods.list_periods(session, limit=1)
        requests = missed_punches.count_requests(session)
    errors = {} if error is None else {str(error.fields["field"]): error.message}
    return render_template(
        "workdays/pay-periods.html",
        periods=found[:PAGE_SIZE],
        more=len(found) > PAGE_SIZE,
        before=before,
        newest=newest[0] if newest else None,
        requests=requests,
        sent=sent or FIELDS,
        errors=errors,
        lengths=list(PayLength),
        roundings=ROUNDINGS,
    )


def _page(period_id: int, error: AppError | None = None) -> str:
    now = utc_now()
    with reading() as session:
        period = pay_periods.find_period(session, period_id)
        totals, warnings = pay_totals.totals(session, period), asdict(pay_totals.warnings(session, period, has_crm=has_crm()))
        adjustments = list(pay_totals.adjustments(session, period, limit=SHOWN_ADJUSTMENTS))
        terminals, ends_at = terminal_names(session), pay_periods.ends_at(session, period, clocks())
        requests = missed_punches.count_requests(session)
    record_list("hours of a pay period", len(totals))
    return render_template(
        "workdays/pay-period.html",
        period=period,
        totals=totals,
        warnings={name: number for name, number in warnings.items() if number},
        adjustments=adjustments,
        terminals=terminals,
        ends_at=ends_at,
        is_over=ends_at <= now,
        requests=requests,
        error=error.message if error else "",
        rounded=rounded,
    )


def _entered(sent: dict[str, str]) -> NewPeriods:
    """Raises InvalidPayPeriod."""
    numbers: dict[str, int] = {}
    for name in ("count", "rounding_minutes"):
        if not (sent[name].isascii() and sent[name].isdigit()):
            raise InvalidPayPeriod(_("Enter a number."), field=name)
        numbers[name] = int(sent[name])
    if sent["length"] not in list(PayLength):
        raise InvalidPayPeriod(_("Choose a length."), field="length")
    try:
        first_day = date.fromisoformat(sent["first_day"]) if sent["first_day"] else None
    except ValueError:
        raise InvalidPayPeriod(_("Enter a day, such as 2026-03-02."), field="first_day") from None
    return NewPeriods(PayLength(sent["length"]), first_day=first_day, **numbers)


def _total_cells(each: PersonTotal, minutes: int) -> list[object]:
    before, after = rounded(each.seconds, minutes), rounded(each.adjusted, minutes)
    who = (each.name, " ".join(sorted(each.user_ids)), each.days, each.incomplete)
    return [*who, each.seconds, before, each.adjusted, after, after - before]


def _adjustment_cells(each: PayAdjustment, terminals: dict[int, str]) -> list[object]:
    times = [at.isoformat() if at else "" for at in (each.before_in, each.before_out, each.clock_in, each.clock_out)]
    who = (each.id, each.created_at.isoformat(), each.changed_by, each.person_name, each.user_id, each.date)
    return [*who, terminals.get(each.terminal_id, ""), *times[:2], each.before_seconds, *times[2:], each.worked_seconds]
