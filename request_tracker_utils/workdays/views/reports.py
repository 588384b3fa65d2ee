"""Reports of a week or month, for the screen, for paper, and as files."""

from flask import Blueprint, Response, render_template, request

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.exports import csv_cells, csv_response, xlsx_response
from request_tracker_utils.web.paging import requested_page
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.reports import REPORT_HEADER, Length, Period, Report, export_rows, report
from request_tracker_utils.workdays.views.overview import parsed_day

PAGE_SIZE = 500

pages = Blueprint("workday_reports", __name__, url_prefix="/workdays/reports")


@pages.get("")
@require(WorkdayPermission.READ)
def show() -> str:
    """Sums of this month, or of another period, for each person."""
    page, everybody = requested_page(), request.args.get("all") == "1"
    period, now = _period(), utc_now()
    with reading() as session:
        found = report(session, period, now, size=None if everybody else PAGE_SIZE, offset=0 if everybody else (page - 1) * PAGE_SIZE)
    record_list("reports of workdays", len(found.rows))
    address = {"by": period.length.value, "day": period.first.isoformat()}
    return render_template(
        "workdays/report.html",
        report=found,
        period=period,
        address=address,
        page=page,
        more=not everybody and page * PAGE_SIZE < found.people,
        everybody=everybody,
        is_running=period.first <= current.today(now) <= period.last,
        created_at=now,
    )


@pages.get("/report.csv")
@require(WorkdayPermission.READ)
def csv() -> Response:
    """The whole report."""
    found = _report()
    return csv_response(_name(found), REPORT_HEADER, csv_cells(export_rows(found)), what="reports of workdays")


@pages.get("/export.xlsx")
@require(WorkdayPermission.READ)
def xlsx() -> Response:
    """The whole report."""
    found = _report()
    return xlsx_response(_name(found), _sheet(found), REPORT_HEADER, export_rows(found), what="reports of workdays")


def _report() -> Report:
    with reading() as session:
        return report(session, _period(), utc_now(), size=None)


def _period() -> Period:
    length = Length.WEEK if request.args.get("by") == Length.WEEK else Length.MONTH
    return Period.around(length, parsed_day(request.args.get("day", "")) or current.today(utc_now()))


def _name(found: Report) -> str:
    return f"workdays-{found.period.first}-to-{found.period.last}"


def _sheet(found: Report) -> str:
    return f"{found.period.first} to {found.period.last}"
