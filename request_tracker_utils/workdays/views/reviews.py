"""The queue of workdays to review, for keyboard and mouse, and accepting many of them after a preview."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.people import find_person
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import requested_cursor, requested_page, row_id
from request_tracker_utils.workdays import missed_punches, review_queue, reviews
from request_tracker_utils.workdays.local_times import instant_of, local, repeats_hour
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.review_errors import InvalidCorrection, NothingToReview, WorkdayChanged, WorkdayNotOver
from request_tracker_utils.workdays.review_queue import QueueFilter, ReasonKind
from request_tracker_utils.workdays.views.seen import sent_seen, sent_time

PAGE_SIZE, LAST_DECISIONS = 50, 5
LONGEST_SENT = 3_000
REFUSED = (InvalidCorrection, WorkdayChanged, WorkdayNotOver, NothingToReview)

pages = Blueprint("workday_reviews", __name__, url_prefix="/workdays/review")


@dataclass(frozen=True)
class RefusedForm:
    """A form that was refused: about which day, why, and what was entered."""

    workday_id: int = 0
    message: str = ""
    at: str = ""
    """The field."""
    values: dict[str, str] = field(default_factory=dict)


@pages.get("")
@require(WorkdayPermission.READ)
def listed() -> str:
    """Workdays that have ended and are outliers or incomplete, the oldest first."""
    return _page()


@pages.get("/<int:workday_id>")
@require(WorkdayPermission.READ)
def show(workday_id: int) -> str:
    """One day, also if it does not wait for a review."""
    return _page(only=workday_id)


@pages.post("/<int:workday_id>")
@require(WorkdayPermission.REVIEW)
def decide(workday_id: int) -> ResponseReturnValue:
    """Accepts or corrects a day, or undoes that. Then the queue goes on with the next day."""
    do, sent = request.form.get("do", ""), request.form
    try:
        with transaction() as session:
            said = _decide(session, workday_id, do)
    except REFUSED as error:
        values = {name: sent.get(name, "")[:LONGEST_SENT] for name in ("clock_in", "clock_out", "reason")}
        return _page(RefusedForm(workday_id, error.message, str(error.fields.get("field", "")), values)), error.status
    flash(said, "success")
    following = sent.get("next", "")
    anchor = f"day-{following}" if following.isascii() and following.isdigit() else None
    return redirect(url_for(".listed", **address_of(requested_filters()), _anchor=anchor), 303)


@pages.get("/batch")
@require(WorkdayPermission.REVIEW)
def preview() -> str:
    """The days that would be accepted together."""
    return _batch_page()


@pages.post("/batch")
@require(WorkdayPermission.REVIEW)
def accept_batch() -> ResponseReturnValue:
    """Accepts the days of the preview."""
    filters, reason = requested_filters(), request.form.get("reason", "")
    try:
        with transaction() as session:
            by = {"reason": reason, "actor": current_actor(), "now": utc_now()}
            count = review_queue.accept_batch(session, filters, request.form.get("digest", ""), **by)  # type: ignore[arg-type]
    except Conflict as error:
        return _batch_page(error.message), error.status
    flash(ngettext("%(num)s workday was accepted.", "%(num)s workdays were accepted.", count), "success")
    return redirect(url_for(".listed", **address_of(filters)), 303)


def requested_filters() -> QueueFilter:
    kind = request.args.get("kind", "")
    return QueueFilter(request.args.get("person", type=row_id), ReasonKind(kind) if kind in list(ReasonKind) else None)


def address_of(filters: QueueFilter) -> dict[str, Any]:
    """The filters as arguments of an address."""
    return {"person": filters.person_id, "kind": filters.kind}


def clock_time(workday: Workday, at: datetime | None) -> str:
    """By the clocks of the place, for a field of a form."""
    return "" if at is None else f"{local(workday, at):%H:%M}"


def _decide(session: Session, workday_id: int, do: str) -> str:
    sent, by = request.form, {"actor": current_actor(), "now": utc_now()}
    seen = sent_seen(sent)
    if do == "accept":
        reviews.accept(session, workday_id, seen, reason=sent.get("reason", ""), **by)  # type: ignore[arg-type]
        return _("The workday was accepted.")
    if do == "correct":
        workday = reviews.find_workday(session, workday_id)
        entered = {name: sent_time(sent, name) for name in ("clock_in", "clock_out")}
        times = {
            name: None if value is None else instant_of(workday, value, field=name, again=f"{name}_again" in sent)
            for name, value in entered.items()
        }
        if (clock_in := times["clock_in"]) is None:
            raise InvalidCorrection(_("Enter the clock-in."), field="clock_in")
        reviews.correct(session, workday_id, seen, clock_in, times["clock_out"], reason=sent.get("reason", ""), **by)  # type: ignore[arg-type]
        return _("The workday was corrected.")
    if do == "undo":
        reviews.undo(session, workday_id, seen, **by)  # type: ignore[arg-type]
        return _("The decision was undone.")
    raise Invalid(_("Choose what to do with the workday."), field="do")


def _page(refused: RefusedForm | None = None, only: int | None = None) -> str:
    filters, page, now, actor = requested_filters(), requested_page(), utc_now(), current_actor()
    with reading() as session:
        person = None if filters.person_id is None else find_person(session, filters.person_id)
        found = review_queue.waiting(session, now, filters, size=PAGE_SIZE, after=requested_cursor(), offset=(page - 1) * PAGE_SIZE)
        count, requests = review_queue.count_waiting(session, now, filters), missed_punches.count_requests(session)
        days = found.rows if only is None else [reviews.find_workday(session, only)]
        rows = review_queue.named(session, days, actor)
        decisions = reviews.decisions_by(session, actor, limit=LAST_DECISIONS)
        decided = review_queue.named(session, [workday for _decision, workday in decisions])
        seen = {each.id: reviews.seen_of(session, each) for each in days}
    record_list("workdays to review", len(rows))
    return render_template(
        "workdays/review.html",
        rows=rows,
        seen=seen,
        decided=list(zip((decision for decision, _workday in decisions), decided, strict=True)),
        count=count,
        requests=requests,
        page=page,
        next_cursor=None if only else found.next_cursor,
        only=only,
        filters=filters,
        address=address_of(filters),
        person=person,
        refused=refused or RefusedForm(),
        clock_time=clock_time,
        local=local,
        repeats_hour=repeats_hour,
    )


def _batch_page(refused: str = "") -> str:
    filters, now, actor = requested_filters(), utc_now(), current_actor()
    with reading() as session:
        found = review_queue.batch(session, now, filters, actor)
        count, rows = review_queue.count_waiting(session, now, filters), review_queue.named(session, found.days)
    record_list("workdays to review", len(rows))
    values = {"refused": refused, "clock_time": clock_time, "address": address_of(filters), "filters": filters}
    return render_template("workdays/review-batch.html", rows=rows, digest=found.digest, count=count, **values)
