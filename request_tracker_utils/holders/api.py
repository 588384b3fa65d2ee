"""Lookups in Request Tracker, and tickets, over JSON."""

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
from request_tracker_utils.holders import lookups, tickets
from request_tracker_utils.holders.lookups import AssetCache, StudentAssets, StudentHasNoUser
from request_tracker_utils.holders.permissions import HolderPermission
from request_tracker_utils.holders.schemas import (
    TICKET,
    CreateTicket,
    LookupBatch,
    LookupOrError,
    LookupQuery,
    LookupResults,
    StudentLookup,
    TicketCreated,
    UserPath,
    UserRow,
)
from request_tracker_utils.holders.tickets import TicketRequest
from request_tracker_utils.students import service
from request_tracker_utils.students.errors import StudentNotFound
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.schemas.students import StudentPath
from request_tracker_utils.web.access_log import record_list, record_lookup, rt_user, student as student_subject
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import error_shape, may_raise
from request_tracker_utils.web.registry import registry, settings

NO_ANSWER = (AssetStoreUnreachable, AssetStoreBusy, AssetStoreRefused, AssetStoreBroken)

REQUEST_TRACKER = Tag(name="Request Tracker", description="Live lookups in Request Tracker, and creating tickets.")

api = APIBlueprint("holders_api", __name__, abp_tags=[REQUEST_TRACKER])


@api.get("/api/rt-lookup/student/<student_id>", responses={200: StudentLookup})
@require(HolderPermission.LOOK_UP)
@may_raise(StudentNotFound, StudentHasNoUser, UserNotFound, NoRequestTracker, AssetStoreInvalid, *NO_ANSWER)
def look_up_student(path: StudentPath, query: LookupQuery) -> Response:
    """Look up a student’s assets in Request Tracker.

    The `Age` header is the age of the answer in seconds.
    """
    if query.rt_user_id.strip():
        with reading() as session:
            student_id = service.get(session, path.student_id).student_id
        answer = lookups.look_up_user(reading, asset_store(), _cache(), student_id, query.rt_user_id.strip())
    else:
        answer = lookups.look_up_students(reading, asset_store(), _cache(), [path.student_id], rule=settings().rt_student_user)
    result = answer.results[0]
    if isinstance(result, AppError):
        raise result
    record_lookup("assets in Request Tracker", student_subject(result.student_id))
    if query.rt_user_id.strip():
        record_lookup("assets in Request Tracker", rt_user(result.user))
    return _with_age(StudentLookup.of(result), answer.age)


@api.post("/api/rt-lookup/batch", responses={200: LookupResults})
@require(HolderPermission.LOOK_UP)
@may_raise(NoRequestTracker, AssetStoreInvalid, *NO_ANSWER)
def look_up_students(body: LookupBatch) -> Response:
    """Look up the assets of many students in Request Tracker.

    The results are in the order of the request. The `Age` header is the age of the answer in seconds.
    """
    rule = settings().rt_student_user
    answer = lookups.look_up_students(reading, asset_store(), _cache(), body.student_ids, rule=rule)
    record_list("students’ assets in Request Tracker", sum(not isinstance(result, AppError) for result in answer.results))
    pairs: list[tuple[str, StudentAssets | AppError]] = list(zip(body.student_ids, answer.results, strict=True))
    return _with_age({"results": [LookupOrError.of(student_id, result) for student_id, result in pairs]}, answer.age)


@api.get("/api/rt-lookup/user/<username>", responses={200: UserRow})
@require(HolderPermission.LOOK_UP)
@may_raise(UserNotFound, NoRequestTracker, *NO_ANSWER)
def look_up_user(path: UserPath) -> Answer:
    """Look up a user in Request Tracker."""
    user = asset_store().user(path.username)
    record_lookup("Request Tracker user", rt_user(user.name))
    return {
        "id": user.id,
        "username": user.name,
        "real_name": user.real_name,
        "email": user.email,
        "privileged": user.is_privileged,
    }


@api.post("/api/tickets/create", responses={201: TicketCreated})
@require(StudentPermission.ASSIGN)
@error_shape(TICKET)
@may_raise(StudentNotFound, NoRequestTracker, AssetStoreInvalid, *NO_ANSWER)
def create_ticket(body: CreateTicket) -> Answer:
    """Create a ticket in Request Tracker, linked to assets."""
    assets = [*([body.device_id] if body.device_id else []), *body.asset_ids]
    ticket = TicketRequest(body.subject, body.body, body.queue, body.student_id, body.device_name, assets)
    rule, queue = settings().rt_student_user, settings().rt_ticket_queue
    created = tickets.create_now(reading, asset_store(), ticket, rule=rule, queue=queue)
    return {
        "success": True,
        "ticket_id": created.ticket_id,
        "ticket_url": created.address,
        "linked_assets": list(created.linked),
        "unlinked_assets": list(created.unlinked),
        "warnings": list(created.warnings),
    }, 201


def _cache() -> AssetCache:
    return registry().get(AssetCache)


def _with_age(body: dict[str, object], seconds: int) -> Response:
    answer = jsonify(body)
    answer.headers["Age"] = str(seconds)
    return answer
