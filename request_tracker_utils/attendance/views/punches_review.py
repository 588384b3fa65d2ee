"""What has to be reviewed: punches with implausible times, records that could not be decoded, and logs of an unknown record size."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance import reviews
from request_tracker_utils.attendance.models import QuarantinedRecord, ReviewDecision
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.shown_punches import shown
from request_tracker_utils.attendance.storing import PUSHED
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import row_id

PAGE_SIZE = 50
UNDO = "undo"
REASONS = {
    "invalid_time": gettext_noop("The time is missing, or does not exist."),
    "unknown_uid": gettext_noop("The terminal has no user with this number."),
    "invalid_user_id": gettext_noop("The user ID is missing, too long, or not text."),
    "invalid_text": gettext_noop("The line is not text."),
    "invalid_number": gettext_noop("The button or the verification is not a number."),
    "invalid_work_code": gettext_noop("The work code is too long, or not text."),
    "unknown_table": gettext_noop("The terminal pushed it as an event of access control."),
}
"""Why a record was not decoded: reasons of `decoding` and `push.lines`."""
LONGEST_RECORD = 120
"""Bytes of a record that the list shows."""

review_pages = Blueprint("punch_reviews", __name__, url_prefix="/punches/review")
quarantine_pages = Blueprint("punch_quarantine", __name__, url_prefix="/punches/quarantine")


@review_pages.get("")
@require(AttendancePermission.READ)
def listed() -> str:
    """Punches with implausible times. They do not belong to a day until somebody accepts them or repairs the clock."""
    show_all, before = _shown()
    with reading() as session:
        found = reviews.implausible_punches(session, open_only=not show_all, limit=PAGE_SIZE + 1, before=before)
        more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
        rows = {row.punch.id: row for row in shown(session, [each.punch for each in found])}
    record_list("implausible punches", len(found))
    return render_template("attendance/review.html", found=found, rows=rows, more=more, before=before, show_all=show_all)


@review_pages.post("/<int:punch_id>")
@require(AttendancePermission.MANAGE)
def decide(punch_id: int) -> ResponseReturnValue:
    """Accepts or ignores a punch, or undoes that."""
    decision, who = request.form.get("decision", ""), {"actor": current_actor(), "now": utc_now()}
    with transaction() as session:
        if decision == UNDO:
            reviews.undo(session, punch_id, **who)  # type: ignore[arg-type]
        elif decision in list(ReviewDecision):
            reviews.decide(session, punch_id, ReviewDecision(decision), note=request.form.get("note", ""), **who)  # type: ignore[arg-type]
        else:
            raise Invalid(_("Choose whether to accept or to ignore the punch."), field="decision")
    done = {UNDO: _("The decision was undone."), ReviewDecision.ACCEPTED: _("The punch was accepted.")}
    flash(done.get(decision, _("The punch was ignored.")), "success")
    return redirect(url_for(".listed", show=request.args.get("show")), 303)


@quarantine_pages.get("", endpoint="listed")
@require(AttendancePermission.READ)
def quarantined() -> str:
    """Records that could not be decoded, as they came, and whole logs."""
    show_all, before = _shown()
    with reading() as session:
        found = reviews.quarantined(session, open_only=not show_all, limit=PAGE_SIZE + 1, before=before)
        logs, names = reviews.raw_logs(session), terminal_names(session)
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    record_list("quarantined records", len(found))
    values = {"found": found, "more": more, "before": before, "show_all": show_all}
    raw = {each.id: _readable(each) for each in found}
    return render_template("attendance/quarantine.html", raw=raw, logs=logs, terminals=names, reasons=REASONS, **values)


@quarantine_pages.post("/<int:record_id>", endpoint="mark")
@require(AttendancePermission.MANAGE)
def mark(record_id: int) -> ResponseReturnValue:
    """Marks a record as reviewed, or undoes that."""
    reviewed = request.form.get("decision") != UNDO
    with transaction() as session:
        reviews.mark_reviewed(session, record_id, reviewed=reviewed, actor=current_actor(), now=utc_now())
    flash(_("The record was marked as reviewed.") if reviewed else _("The decision was undone."), "success")
    return redirect(url_for(".listed", show=request.args.get("show")), 303)


@quarantine_pages.get("/logs/<int:log_id>", endpoint="log")
@require(AttendancePermission.READ)
def raw_log(log_id: int) -> Response:
    """Downloads a log as it came."""
    with reading() as session:
        content = reviews.raw_log(session, log_id)
    record_list("raw log of a terminal", 1)
    response = Response(content, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="log-{log_id}.bin"'
    return response


def _readable(record: QuarantinedRecord) -> str:
    """The beginning of a record: a pushed line as text, a record of a log as hexadecimal numbers."""
    beginning = record.raw[:LONGEST_RECORD]
    text = beginning.decode("utf-8", "backslashreplace").replace("\t", "  ") if record.position == PUSHED else beginning.hex(" ")
    return text + (" …" if len(record.raw) > LONGEST_RECORD else "")


def _shown() -> tuple[bool, int | None]:
    """Whether reviewed ones are shown too, and before which ID the page begins."""
    return request.args.get("show") == "all", request.args.get("before", type=row_id)
