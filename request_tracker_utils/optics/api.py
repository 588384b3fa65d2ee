"""JSON routes of optics requests and the list of parts."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.inventory.errors import InvalidStockField, RequestKeyReused
from request_tracker_utils.inventory.schemas.stock import RequestKey
from request_tracker_utils.optics import parts, service
from request_tracker_utils.optics.current import change
from request_tracker_utils.optics.errors import InvalidOpticsField, OpticsPartExists, OpticsRequestNotFound, OpticsStepNotOpen
from request_tracker_utils.optics.permissions import OpticsPermission
from request_tracker_utils.optics.schemas import (
    NewRequestIn,
    PartList,
    PartsIn,
    RequestAnswer,
    RequestList,
    RequestOut,
    RequestPath,
    RequestsQuery,
    StatusIn,
)
from request_tracker_utils.optics.service import OpticsAction
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import plain_list

OPTICS = Tag(name="optics", description="Requests for transceivers and other optics, which administrators decide.")
SAID = {
    OpticsAction.APPROVE: "Optics request approved",
    OpticsAction.DENY: "Optics request denied",
    OpticsAction.ARCHIVE: "Optics request archived",
}

api = APIBlueprint("optics_api", __name__, abp_tags=[OPTICS])


@api.get("/api/optics-parts", responses={200: PartList})
@require(OpticsPermission.REQUEST)
def list_parts() -> list[str]:
    """List the parts that can be requested.

    `Other` is last.
    """
    with reading() as session:
        return parts.part_names(session)


@api.put("/api/optics-parts", responses={200: PartList})
@require(OpticsPermission.DECIDE)
@may_raise(InvalidOpticsField, OpticsPartExists)
def replace_parts(body: PartsIn) -> list[str]:
    """Replace the list of parts.

    Requests for parts that are no longer listed stay as they are.
    """
    with transaction() as session:
        return parts.replace_parts(session, body.parts)


@api.post("/api/optics-requests", responses={201: RequestAnswer})
@require(OpticsPermission.REQUEST)
@may_raise(InvalidOpticsField, InvalidStockField, RequestKeyReused)
def create(header: RequestKey, body: NewRequestIn) -> Answer:
    """Request a part.

    Administrators get a message.
    """
    with transaction() as session:
        request, _repeated = service.create(session, body.entered(), request_key=header.key, **change())
        return {"message": "Optics request submitted", "request": RequestOut.of(request)}, 201


@api.get("/api/optics-requests", responses={200: RequestList})
@require(OpticsPermission.REQUEST)
def list_requests(query: RequestsQuery) -> Any:
    """List optics requests, newest first.

    Administrators see all of them, others their own. The `Link` header has the address of the next page.
    """
    with reading() as session:
        found = service.list_requests(
            session, viewer=current_actor(), status=query.status, limit=query.limit + 1, before_id=query.before_id
        )
        return plain_list([RequestOut.of(request) for request in found], limit=query.limit)


@api.patch("/api/optics-requests/<int:request_id>/status", responses={200: RequestAnswer})
@require(OpticsPermission.DECIDE)
@may_raise(InvalidOpticsField, NotFound, OpticsRequestNotFound, OpticsStepNotOpen)
def change_status(path: RequestPath, body: StatusIn) -> Answer:
    """Approve, deny or archive a request.

    A pending request is approved or denied; then it can be archived. The requester gets a message about the decision.
    """
    with transaction() as session:
        request = service.decide(session, path.request_id, body.step(), note=body.admin_note, **change())
        return {"message": SAID[body.step()], "request": RequestOut.of(request)}
