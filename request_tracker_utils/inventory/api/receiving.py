"""JSON routes of deliveries and cable types."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import cable_types, receiving, reversals
from request_tracker_utils.inventory.current import request
from request_tracker_utils.inventory.errors import (
    CableTypeExists,
    CableTypeNotFound,
    InvalidStockField,
    NotEnough,
    NotReversible,
    PackingSlipReceived,
    ReceiptNotFound,
    RequestKeyReused,
    ShelfFull,
)
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.inventory.schemas.receiving import (
    ChangedType,
    DeliveryIn,
    NewType,
    ReceiptList,
    ReceiptOut,
    ReceiptPath,
    ReceiptsQuery,
    Received,
    TypeList,
    TypeOut,
    TypePath,
    TypesQuery,
)
from request_tracker_utils.inventory.schemas.stock import ManyMoved, MovementOut, RequestKey, ReverseIn
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise

RECEIVING = Tag(name="receiving", description="Deliveries of cable, and the cable types that pages offer.")

api = APIBlueprint("receiving_api", __name__, abp_tags=[RECEIVING])


@api.get("/api/cable-receiving", responses={200: ReceiptList})
@require(StockPermission.RECEIVE)
def list_receipts(query: ReceiptsQuery) -> list[dict[str, Any]]:
    """List deliveries, newest first."""
    with reading() as session:
        return [ReceiptOut.of(each) for each in receiving.list_receipts(session, limit=query.limit, before=query.before)]


@api.post("/api/cable-receiving", responses={201: Received})
@require(StockPermission.RECEIVE)
@may_raise(InvalidStockField, PackingSlipReceived, RequestKeyReused, ShelfFull)
def receive(header: RequestKey, body: DeliveryIn) -> Answer:
    """Record a delivery.

    One item may be sent flat, without `items`. Each item is one movement.
    """
    with transaction() as session:
        receipt, _repeated = receiving.receive(session, body.delivery(), **request(header.key))
        return {"message": "Delivery received", "receipt": ReceiptOut.of(receipt)}, 201


@api.get("/api/cable-receiving/<receipt_id>", responses={200: ReceiptOut})
@require(StockPermission.RECEIVE)
@may_raise(ReceiptNotFound)
def get_receipt(path: ReceiptPath) -> Answer:
    """Show a delivery."""
    with reading() as session:
        return ReceiptOut.of(receiving.get_receipt(session, path.receipt_id))


@api.post("/api/cable-receiving/<receipt_id>/reverse", responses={201: ManyMoved})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField, NotEnough, NotReversible, ReceiptNotFound, RequestKeyReused)
def reverse_receipt(path: ReceiptPath, header: RequestKey, body: ReverseIn) -> Answer:
    """Reverse a whole delivery, with a reason.

    Its packing slip may then be received again.
    """
    with transaction() as session:
        movements, _repeated = reversals.reverse_receipt(session, path.receipt_id, reason=body.reason, **request(header.key))
        return {"message": "Delivery reversed", "movements": [MovementOut.of(each) for each in movements]}, 201


@api.get("/api/cable-types", responses={200: TypeList})
@require(StockPermission.READ)
def list_types(query: TypesQuery) -> list[dict[str, Any]]:
    """List cable types, with their usual gauges and lengths.

    Other types and lengths are accepted too.
    """
    with reading() as session:
        return [TypeOut.of(each) for each in cable_types.list_types(session, include_inactive=query.include_inactive)]


@api.post("/api/cable-types", responses={201: TypeOut})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField, CableTypeExists)
def add_type(body: NewType) -> Answer:
    """Add a cable type."""
    with transaction() as session:
        return TypeOut.of(cable_types.add_type(session, name=body.name, gauges=body.gauges, lengths=body.lengths)), 201


@api.put("/api/cable-types/<type_id>", responses={200: TypeOut})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField, CableTypeExists, CableTypeNotFound)
def change_type(path: TypePath, body: ChangedType) -> Answer:
    """Change a cable type. Omitted fields are not changed."""
    with transaction() as session:
        return TypeOut.of(cable_types.change_type(session, path.type_id, **body.model_dump(exclude_unset=True)))
