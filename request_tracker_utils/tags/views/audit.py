"""The audit trail as administrators and staff read it: a page with filters, and a file."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags import audit, trail
from request_tracker_utils.tags.audit_lines import HEAD, cells
from request_tracker_utils.tags.models import TagEvent
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.web.addresses import row_id
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.registry import settings

pages = Blueprint("tag_audit", __name__, url_prefix="/admin/asset-tags")
YEARS = range(1970, 9000)


@pages.get("/audit")
@require(TagPermission.READ)
def audit_trail() -> ResponseReturnValue:
    """Who did what to which tag; the newest first."""
    before, problem = request.args.get("before", type=row_id), ""
    found: list[TagEvent] = []
    try:
        with reading() as session:
            found = audit.newest(session, audit.search(session, _wanted()), before=before, limit=audit.PAGE + 1)
    except Invalid as error:
        problem = error.message
    page = render_template(
        "tags/audit.html",
        events=found[: audit.PAGE],
        more=len(found) > audit.PAGE,
        asked={name: request.args.get(name, "").strip()[:500] for name in ("q", "action", "from", "until")},
        before=before,
        problem=problem,
        actions=trail.ACTIONS,
    )
    return page, 400 if problem else 200


@pages.get("/audit.csv")
@require(TagPermission.READ)
def audit_csv() -> Response:
    """The same as a file, all of it."""
    answer = Response(stream_with_context(_lines(_wanted())), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="asset-tags.csv"'
    return answer


def _wanted() -> audit.Wanted:
    """Raises Invalid for what is no date."""
    since, until = _midnight("from"), _midnight("until")
    text = request.args.get("q", "").strip()[:500].replace("\0", "")
    return audit.Wanted(text, request.args.get("action", "").replace("\0", ""), since, until + timedelta(days=1) if until else None)


def _midnight(field: str) -> datetime | None:
    """The beginning of the day that the address names, in the installation's zone."""
    text = request.args.get(field, "").strip()
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 — the zone follows
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise Invalid(f"“{text[:40]}” is no day. Write one like 2026-01-31.", field=field)
    return datetime.combine(day, time.min, settings().zone)


def _lines(wanted: audit.Wanted) -> Iterator[str]:
    zone = settings().zone
    with reading() as session:
        found = audit.search(session, wanted)
        yield from csv_lines(HEAD, (cells(event, zone) for event in audit.every(session, found)))
