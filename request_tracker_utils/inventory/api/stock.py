"""JSON routes of what is on hand, the ledger, changes by hand, and reordering."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import reels, reorder, reversals, service
from request_tracker_utils.inventory.current import change, request
from request_tracker_utils.inventory.errors import (
    InvalidStockField,
    MovementNotFound,
    NotEnough,
    NotReversible,
    RequestKeyReused,
    ShelfFull,
    StockRowNotFound,
)
from request_tracker_utils.inventory.lengths import parse_cable
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.inventory.schemas.stock import (
    AdjustmentIn,
    ConsumptionIn,
    CutOffer,
    CutOut,
    CutQuery,
    LevelsIn,
    ManyMoved,
    Moved,
    MovementList,
    MovementOut,
    MovementPath,
    MovementsQuery,
    OnHandQuery,
    RequestKey,
    ReturnIn,
    ReverseIn,
    StockList,
    StockOut,
    StockPath,
    SuggestionList,
    SuggestionOut,
)
from request_tracker_utils.inventory.service import MovementFilter
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise

STOCK = Tag(
    name="stock",
    description="Cable on the shelf, in pieces. A stock row is one type in one length. The ledger of movements is append-only: a mistake "
    "is reversed by another movement.",
)

api = APIBlueprint("stock_api", __name__, abp_tags=[STOCK])


@api.get("/api/inventory/on-hand", responses={200: StockList})
@require(StockPermission.READ)
def on_hand(query: OnHandQuery) -> list[dict[str, Any]]:
    """List what is on hand, by type and length."""
    with reading() as session:
        return [StockOut.of(row) for row in service.on_hand(session, include_zero=query.include_zero, cable_type=query.cable_type)]


@api.get("/api/inventory/movements", responses={200: MovementList})
@require(StockPermission.READ)
def list_movements(query: MovementsQuery) -> list[dict[str, Any]]:
    """List movements, newest first."""
    filters = MovementFilter(query.movement_type, query.source_type, query.source_id, query.stock_id)
    with reading() as session:
        return [MovementOut.of(each) for each in service.movements(session, filters, limit=query.limit, before=query.before)]


@api.post("/api/inventory/adjustments", responses={201: Moved})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField, NotEnough, RequestKeyReused, ShelfFull)
def adjust(header: RequestKey, body: AdjustmentIn) -> Answer:
    """Correct what is on hand, with a reason.

    If fewer pieces remain than are reserved, the newest reservations become back-orders.
    """
    with transaction() as session:
        movement, _repeated = service.adjust(
            session, body.cable_type, body.cable_length, body.quantity_delta, reason=body.reason, **request(header.key)
        )
        return {"message": "Stock adjusted", "movement": MovementOut.of(movement)}, 201


@api.post("/api/inventory/returns", responses={201: Moved})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField, RequestKeyReused, ShelfFull)
def put_back(header: RequestKey, body: ReturnIn) -> Answer:
    """Return pieces to the shelf."""
    with transaction() as session:
        movement, _repeated = service.put_back(
            session, body.cable_type, body.cable_length, body.quantity, notes=body.notes, **request(header.key)
        )
        return {"message": "Stock returned", "movement": MovementOut.of(movement)}, 201


@api.post("/api/inventory/consumptions", responses={201: ManyMoved})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField, NotEnough, RequestKeyReused, ShelfFull, StockRowNotFound)
def take_out(header: RequestKey, body: ConsumptionIn) -> Answer:
    """Take pieces from the shelf.

    With `cut` or `cut_from`, longer pieces are cut: each is consumed, and its remnant is returned.
    """
    with transaction() as session:
        movements, _repeated = service.take_out(
            session,
            body.cable_type,
            body.cable_length,
            body.quantity,
            cut=body.cut,
            cut_from=body.cut_from,
            notes=body.notes,
            **request(header.key),
        )
        return {"message": "Stock taken out", "movements": [MovementOut.of(each) for each in movements]}, 201


@api.get("/api/inventory/cut-offers", responses={200: CutOffer})
@require(StockPermission.READ)
@may_raise(InvalidStockField, NotEnough)
def cut_offers(query: CutQuery) -> Answer:
    """Show which pieces would be cut.

    The shortest sufficient ones go first.
    """
    cable = parse_cable(query.cable_type, query.cable_length)
    with reading() as session:
        whole, offers = reels.offers(session, cable, query.quantity)
        return {"whole": whole, "cuts": [CutOut.of(offer) for offer in offers]}


@api.post("/api/inventory/movements/<movement_id>/reverse", responses={201: ManyMoved})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField, MovementNotFound, NotEnough, NotReversible, RequestKeyReused, ShelfFull)
def reverse(path: MovementPath, header: RequestKey, body: ReverseIn) -> Answer:
    """Reverse a movement, with a reason.

    A piece that was cut and its remnant are reversed together. Fails if pieces that it had added are no longer available.
    """
    with transaction() as session:
        movements, _repeated = reversals.reverse(session, path.movement_id, reason=body.reason, **request(header.key))
        return {"message": "Movement reversed", "movements": [MovementOut.of(each) for each in movements]}, 201


@api.get("/api/inventory/reorder", responses={200: SuggestionList})
@require(StockPermission.READ)
def reorder_list() -> list[dict[str, Any]]:
    """List what to order: rows at their threshold, and rows with back-orders."""
    with reading() as session:
        return [SuggestionOut.of_suggestion(each) for each in reorder.suggestions(session)]


@api.put("/api/inventory/stock/<stock_id>/levels", responses={200: StockOut})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField, StockRowNotFound)
def set_levels(path: StockPath, body: LevelsIn) -> Answer:
    """Set when to reorder a stock row, and how many there should be then."""
    with transaction() as session:
        return StockOut.of(reorder.set_levels(session, path.stock_id, threshold=body.threshold, target=body.target, **change()))
