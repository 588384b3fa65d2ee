"""The audit log of tags: a page with filters, and a CSV file."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import audit
from request_tracker_utils.tags.models import TagEvent
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.paging import row_id
from request_tracker_utils.web.registry import settings

pages = Blueprint("tag_audit", __name__, url_prefix="/admin/asset-tags")
YEARS = range(1970, 9000)


@pages.get("/audit")
@require(TagPermission.READ)
def show() -> ResponseReturnValue:
    """Who changed which tag, newest first."""
    before, problem = request.args.get("before", type=row_id), ""
    found: list[TagEvent] = []
    try:
        with reading() as session:
            found = audit.newest(session, audit.search(session, _filter()), before=before, limit=audit.PAGE + 1)
    except Invalid as error:
        problem = error.message
    page = render_template(
        "tags/audit.html",
        events=found[: audit.PAGE],
        more=len(found) > audit.PAGE,
        filters={name: request.args.get(name, "").strip()[:500] for name in ("q", "action", "from", "until")},
        before=before,
        problem=problem,
        actions=audit.ACTIONS,
    )
    return page, 400 if problem else 200


@pages.get("/audit.csv")
@require(TagPermission.READ)
def export() -> Response:
    """All entries that match the same filters."""
    response = Response(stream_with_context(_csv_lines(_filter())), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="asset-tags.csv"'
    return response


def _filter() -> audit.AuditFilter:
    """Raises Invalid for an invalid date."""
    since, until = _midnight("from"), _midnight("until")
    text = request.args.get("q", "").strip()[:500].replace("\0", "")
    return audit.AuditFilter(text, request.args.get("action", "").replace("\0", ""), since, until + timedelta(days=1) if until else None)


def _midnight(field: str) -> datetime | None:
    """The start of the day in the query string, in the installation's zone."""
    text = request.args.get(field, "").strip()
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 — the zone follows
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise Invalid(_("“%(text)s” is not a date. Enter a date such as 2026-01-31.", text=text[:40]), field=field)
    return datetime.combine(day, time.min, settings().zone)


def _csv_lines(filter_: audit.AuditFilter) -> Iterator[str]:
    zone = settings().zone
    with reading() as session:
        found = audit.search(session, filter_)
        yield from csv_lines(audit.EXPORT_COLUMNS, (audit.export_row(event, zone) for event in audit.stream(session, found)))
