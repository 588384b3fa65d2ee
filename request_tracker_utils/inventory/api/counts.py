"""JSON routes of counts."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import counting
from request_tracker_utils.inventory.current import request
from request_tracker_utils.inventory.errors import (
    CorrectedMeanwhile,
    CountedAlready,
    CountFinished,
    CountNotFound,
    InvalidStockField,
    RequestKeyReused,
    ShelfFull,
    StockRowNotFound,
)
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.inventory.schemas.counts import (
    CountedIn,
    CountedOut,
    CountList,
    CountOut,
    CountPath,
    CountsQuery,
    CountWithRows,
    NewCount,
    RowCounted,
    RowOut,
)
from request_tracker_utils.inventory.schemas.stock import RequestKey
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise

COUNTS = Tag(
    name="counts",
    description="Counting the shelf while work goes on: the adjustment is the counted number minus the balance at the moment when the row "
    "was counted. Several people may count different rows.",
)

api = APIBlueprint("counts_api", __name__, abp_tags=[COUNTS])


@api.get("/api/inventory/counts", responses={200: CountList})
@require(StockPermission.ADJUST)
def list_counts(query: CountsQuery) -> list[dict[str, Any]]:
    """List counts, newest first."""
    with reading() as session:
        return [CountOut.of(count) for count in counting.list_counts(session, limit=query.limit)]


@api.post("/api/inventory/counts", responses={201: CountOut})
@require(StockPermission.ADJUST)
@may_raise(InvalidStockField)
def start(body: NewCount) -> Answer:
    """Start a count of all rows, or of one type."""
    with transaction() as session:
        return CountOut.of(counting.start(session, title=body.title, cable_type=body.cable_type, actor=current_actor(), now=utc_now())), 201


@api.get("/api/inventory/counts/<count_id>", responses={200: CountWithRows})
@require(StockPermission.ADJUST)
@may_raise(CountNotFound)
def get_count(path: CountPath) -> Answer:
    """Show a count with its rows. What is expected is shown once a row is counted."""
    with reading() as session:
        count = counting.get_count(session, path.count_id)
        return {**CountOut.of(count), "rows": [RowOut.of(row) for row in counting.rows_of(session, count)]}


@api.post("/api/inventory/counts/<count_id>/rows", responses={201: RowCounted})
@require(StockPermission.ADJUST)
@may_raise(
    CorrectedMeanwhile, CountedAlready, CountFinished, CountNotFound, InvalidStockField, RequestKeyReused, ShelfFull, StockRowNotFound
)
def count_row(path: CountPath, header: RequestKey, body: CountedIn) -> Answer:
    """Record what was counted of one row."""
    with transaction() as session:
        row, _repeated = counting.count_row(
            session,
            path.count_id,
            body.stock_id,
            body.counted,
            movement_id=body.movement_id,
            reason=body.reason,
            recount=body.recount,
            **request(header.key),
        )
        return {"message": "Row counted", "row": CountedOut.of(row)}, 201


@api.post("/api/inventory/counts/<count_id>/finish", responses={200: CountOut})
@require(StockPermission.ADJUST)
@may_raise(CountFinished, CountNotFound)
def finish(path: CountPath) -> Answer:
    """Finish a count. Rows that nobody has counted stay as they are."""
    with transaction() as session:
        return CountOut.of(counting.finish(session, path.count_id, now=utc_now()))
