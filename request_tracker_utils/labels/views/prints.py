"""Pages of what was printed, and of what was printed and never scanned."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from flask import Response, render_template, request, stream_with_context

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading
from request_tracker_utils.labels import record
from request_tracker_utils.labels.current import catalogue
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.record import Place
from request_tracker_utils.labels.views.labels import pages
from request_tracker_utils.web.auth import require

USUAL_DAYS, MOST_DAYS = 7, 3_650


@pages.get("/labels/prints")
@require(LabelPermission.PRINT)
def prints() -> str:
    """Every print, the newest first."""
    before = request.args.get("before", type=int)
    with reading() as session:
        found = record.prints(session, before=before, limit=record.PAGE + 1)
    more = len(found) > record.PAGE
    return render_template("labels/prints.html", prints=found[: record.PAGE], before=before, more=more, formats=catalogue().formats)


@pages.get("/labels/prints/unscanned")
@require(LabelPermission.PRINT)
def unscanned() -> str:
    """Assets whose label was printed some days ago and never scanned, the oldest first."""
    days, after = _days(), _place()
    with reading() as session:
        found = record.unscanned(session, until=_days_ago(days), after=after, limit=record.PAGE + 1)
    labels, more = found[: record.PAGE], len(found) > record.PAGE
    return render_template("labels/unscanned.html", labels=labels, days=days, more=more, after=after, most_days=MOST_DAYS)


@pages.get("/labels/prints/unscanned.csv")
@require(LabelPermission.PRINT)
def unscanned_csv() -> Response:
    """The same as a table for a spreadsheet."""
    answer = Response(stream_with_context(_lines(_days_ago(_days()))), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="labels-never-scanned.csv"'
    return answer


def _lines(until: datetime) -> Iterator[str]:
    with reading() as session:
        rows = (
            (label.name, label.asset_id, label.printed_at.isoformat(), label.printed_by)
            for label in record.every_unscanned(session, until=until)
        )
        yield from csv_lines(("label", "asset", "printed", "by"), rows)


def _days() -> int:
    return min(max(0, request.args.get("days", USUAL_DAYS, type=int)), MOST_DAYS)


def _days_ago(days: int) -> datetime:
    return utc_now() - timedelta(days=days)


def _place() -> Place | None:
    """Where the page before ended; None for the first page, and for what is no place."""
    asset_id, printed = request.args.get("asset", type=int), request.args.get("printed", "")
    try:
        printed_at = datetime.fromisoformat(printed)
    except ValueError:
        return None
    return None if asset_id is None or printed_at.tzinfo is None else Place(printed_at, asset_id)
