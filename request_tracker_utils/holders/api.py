"""Who holds what in Request Tracker, and tickets there, over JSON."""

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import (
    AssetStoreBroken,
    AssetStoreBusy,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreUnreachable,
    NoRequestTracker,
    UserNotFound,
)
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.holders import lookups, ticket_orders
from request_tracker_utils.holders.errors import NoUserOfStudent
from request_tracker_utils.holders.lookups import Held, RecentHoldings
from request_tracker_utils.holders.schemas import (
    TICKET,
    LookupBatch,
    LookupOrError,
    LookupQuery,
    LookupResults,
    MadeTicket,
    StudentLookup,
    TicketOrder,
    UserPath,
    UserRow,
)
from request_tracker_utils.holders.ticket_orders import Order
from request_tracker_utils.students import service
from request_tracker_utils.students.errors import StudentNotFound
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.schemas.students import StudentPath
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.error_responses import error_shape, may_raise
from request_tracker_utils.web.registry import registry, settings

RECENT = "rtutils_recent_holdings"
SILENCE = (AssetStoreUnreachable, AssetStoreBusy, AssetStoreRefused, AssetStoreBroken)

OF_RT = Tag(name="Request Tracker", description="What Request Tracker says at this moment, and tickets that are made there.")

api = APIBlueprint("holders_api", __name__, abp_tags=[OF_RT])


@api.get("/api/rt-lookup/student/<student_id>", responses={200: StudentLookup})
@require(StudentPermission.READ)
@may_raise(StudentNotFound, NoUserOfStudent, UserNotFound, NoRequestTracker, AssetStoreInvalid, *SILENCE)
def look_up_student(path: StudentPath, query: LookupQuery) -> Response:
    """Ask Request Tracker what a student has. The header Age says how many seconds ago it was asked."""
    if query.rt_user_id.strip():
        with reading() as session:
            student_id = service.get(session, path.student_id).student_id
        answer = lookups.of_user(reading, asset_store(), _recent(), student_id, query.rt_user_id.strip())
    else:
        answer = lookups.of_students(reading, asset_store(), _recent(), [path.student_id], rule=settings().rt_student_user)
    result = answer.results[0]
    if isinstance(result, AppError):
        raise result
    return _aged(StudentLookup.of(result), answer.age)


@api.post("/api/rt-lookup/batch", responses={200: LookupResults})
@require(StudentPermission.READ)
@may_raise(NoRequestTracker, AssetStoreInvalid, *SILENCE)
def look_up_students(body: LookupBatch) -> Response:
    """Ask Request Tracker what many students have, in the order of the list. The header Age says how many seconds ago it was asked."""
    rule = settings().rt_student_user
    answer = lookups.of_students(reading, asset_store(), _recent(), body.student_ids, rule=rule)
    pairs: list[tuple[str, Held | AppError]] = list(zip(body.student_ids, answer.results, strict=True))
    return _aged({"results": [LookupOrError.of(student_id, result) for student_id, result in pairs]}, answer.age)


@api.get("/api/rt-lookup/user/<username>", responses={200: UserRow})
@require(StudentPermission.READ)
@may_raise(UserNotFound, NoRequestTracker, *SILENCE)
def look_up_user(path: UserPath) -> Answer:
    """Ask Request Tracker about a user."""
    user = asset_store().user(path.username)
    return {
        "id": user.id,
        "username": user.name,
        "real_name": user.real_name,
        "email": user.email,
        "privileged": user.is_privileged,
    }


@api.post("/api/tickets/create", responses={201: MadeTicket})
@require(StudentPermission.HAND_OUT)
@error_shape(TICKET)
@may_raise(StudentNotFound, NoRequestTracker, AssetStoreInvalid, *SILENCE)
def create_ticket(body: TicketOrder) -> Answer:
    """Make a ticket in Request Tracker, linked to its assets."""
    assets = [*([body.device_id] if body.device_id else []), *body.asset_ids]
    order = Order(body.subject, body.body, body.queue, body.student_id, body.device_name, assets)
    rule, queue = settings().rt_student_user, settings().rt_ticket_queue
    made = ticket_orders.make(reading, asset_store(), order, rule=rule, queue=queue)
    return {
        "success": True,
        "ticket_id": made.ticket_id,
        "ticket_url": made.address,
        "linked_assets": list(made.linked),
        "unlinked_assets": list(made.unlinked),
        "warnings": list(made.warnings),
    }, 201


def _recent() -> RecentHoldings:
    return registry().get(RecentHoldings)


def _aged(body: dict[str, object], seconds: int) -> Response:
    answer = jsonify(body)
    answer.headers["Age"] = str(seconds)
    return answer
