"""JSON routes of requests for missed punches."""

from flask_openapi3 import APIBlueprint

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require, signed_in
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import page_answer
from request_tracker_utils.web.registry import registry
from request_tracker_utils.workdays import missed_punches
from request_tracker_utils.workdays.api.processing import WORKDAYS
from request_tracker_utils.workdays.current import approving
from request_tracker_utils.workdays.errors import NoOwnWorkdays
from request_tracker_utils.workdays.missed_punches import NewRequest
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.review_errors import (
    InvalidCorrection,
    NeverPunched,
    OwnWorkday,
    RequestDecided,
    RequestNotFound,
    RequestPending,
    WorkdayChanged,
    WorkdayNotOver,
)
from request_tracker_utils.workdays.schemas.reviews import (
    ApproveIn,
    AskIn,
    MissedPunchesQuery,
    MissedPunchOut,
    MissedPunchPage,
    MissedPunchPath,
    RejectIn,
)

MINE = "/mine/"

api = APIBlueprint("missed_punches_api", __name__, url_prefix="/api/missed-punch-requests", abp_tags=[WORKDAYS])


@api.get("/", responses={200: MissedPunchPage})
@require(WorkdayPermission.REVIEW)
def list_requests(query: MissedPunchesQuery) -> Answer:
    """List requests for missed punches, oldest first."""
    with reading() as session:
        page = missed_punches.list_requests(session, query.state, size=query.page_size, after=query.cursor(), offset=query.offset)
        count = missed_punches.count_requests(session, query.state)
    record_list("requests for missed punches", len(page.rows))
    return page_answer(query, count, page.next_cursor, [MissedPunchOut.of(each) for each in page.rows])


@api.get(MINE, responses={200: MissedPunchPage})
@signed_in
@may_raise(NoOwnWorkdays)
def my_requests(query: MissedPunchesQuery) -> Answer:
    """List your own requests, oldest first."""
    with reading() as session:
        own = missed_punches.person_of(session, current_actor()).id
        page = missed_punches.list_requests(session, query.state, own, size=query.page_size, after=query.cursor(), offset=query.offset)
        count = missed_punches.count_requests(session, query.state, own)
    return page_answer(query, count, page.next_cursor, [MissedPunchOut.of(each) for each in page.rows])


@api.post(MINE, responses={201: MissedPunchOut})
@signed_in
@may_raise(NoOwnWorkdays, InvalidCorrection, NeverPunched, RequestPending)
def ask(body: AskIn) -> Answer:
    """Ask for a punch that you have missed. Somebody else decides about it."""
    new = NewRequest(body.date, body.clock_in, body.clock_out, body.reason)
    with transaction() as session:
        return MissedPunchOut.of(missed_punches.ask(session, new, actor=current_actor(), now=utc_now())), 201


@api.post("/<int:request_id>/withdraw/", responses={200: MissedPunchOut})
@signed_in
@may_raise(NoOwnWorkdays, NotFound, RequestNotFound, RequestDecided)
def withdraw(path: MissedPunchPath) -> Answer:
    """Withdraw your request."""
    with transaction() as session:
        return MissedPunchOut.of(missed_punches.withdraw(session, path.request_id, actor=current_actor(), now=utc_now()))


@api.post("/<int:request_id>/approve/", responses={200: MissedPunchOut})
@require(WorkdayPermission.REVIEW)
@may_raise(NotFound, RequestNotFound, RequestDecided, OwnWorkday, NeverPunched, InvalidCorrection, WorkdayNotOver, WorkdayChanged)
def approve(path: MissedPunchPath, body: ApproveIn) -> Answer:
    """Approve a request: the workday is corrected. If it has no punches, `first_at` and `last_at` are null."""
    with transaction() as session:
        by = {"note": body.note, "actor": current_actor(), "now": utc_now()}
        return MissedPunchOut.of(missed_punches.approve(session, path.request_id, body.seen(), approving(session), **by))  # type: ignore[arg-type]


@api.post("/<int:request_id>/reject/", responses={200: MissedPunchOut})
@require(WorkdayPermission.REVIEW)
@may_raise(NotFound, RequestNotFound, RequestDecided, OwnWorkday, InvalidCorrection)
def reject(path: MissedPunchPath, body: RejectIn) -> Answer:
    """Reject a request."""
    with transaction() as session:
        by = {"note": body.note, "actor": current_actor(), "now": utc_now()}
        return MissedPunchOut.of(missed_punches.reject(session, path.request_id, registry().find(Messenger), **by))  # type: ignore[arg-type]
