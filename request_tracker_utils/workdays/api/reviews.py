"""JSON routes that review workdays."""

from flask_openapi3 import APIBlueprint

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.workdays import reviews
from request_tracker_utils.workdays.api.processing import WORKDAYS
from request_tracker_utils.workdays.errors import WorkdayNotFound
from request_tracker_utils.workdays.local_times import exact_instant
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.review_errors import InvalidCorrection, NothingToReview, OwnWorkday, WorkdayChanged, WorkdayNotOver
from request_tracker_utils.workdays.schemas.listing import WorkdayPath
from request_tracker_utils.workdays.schemas.reviews import AcceptWorkdayIn, CorrectIn, ReviewOut, SeenIn

api = APIBlueprint("workday_reviews_api", __name__, url_prefix="/api/processed-attendance/<int:workday_id>", abp_tags=[WORKDAYS])


@api.post("/accept/", responses={200: ReviewOut})
@require(WorkdayPermission.REVIEW)
@may_raise(NotFound, WorkdayNotFound, OwnWorkday, WorkdayNotOver, WorkdayChanged, NothingToReview)
def accept(path: WorkdayPath, body: AcceptWorkdayIn) -> Answer:
    """Accept an outlier or incomplete workday as it is."""
    with transaction() as session:
        decision = reviews.accept(session, path.workday_id, body.seen(), reason=body.reason, actor=current_actor(), now=utc_now())
        return ReviewOut.of(reviews.find_workday(session, path.workday_id), decision)


@api.post("/correct/", responses={200: ReviewOut})
@require(WorkdayPermission.REVIEW)
@may_raise(InvalidCorrection, NotFound, WorkdayNotFound, OwnWorkday, WorkdayNotOver, WorkdayChanged)
def correct(path: WorkdayPath, body: CorrectIn) -> Answer:
    """Correct the times of a workday. The punches stay as they are, and later punches end the correction."""
    with transaction() as session:
        workday = reviews.find_workday(session, path.workday_id)
        clock_in = exact_instant(workday, body.clock_in, field="clock_in")
        clock_out = None if body.clock_out is None else exact_instant(workday, body.clock_out, field="clock_out")
        decision = reviews.correct(
            session, workday.id, body.seen(), clock_in, clock_out, reason=body.reason, actor=current_actor(), now=utc_now()
        )
        return ReviewOut.of(workday, decision)


@api.post("/undo/", responses={200: ReviewOut})
@require(WorkdayPermission.REVIEW)
@may_raise(NotFound, WorkdayNotFound, OwnWorkday, WorkdayNotOver, WorkdayChanged, NothingToReview)
def undo(path: WorkdayPath, body: SeenIn) -> Answer:
    """Undo the decision about a workday. It is as its punches say."""
    with transaction() as session:
        return ReviewOut.of(reviews.undo(session, path.workday_id, body.seen(), actor=current_actor(), now=utc_now()), None)
